"""Minutes out of trades: the same whatever the batches, exact, each trade counted once."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window
from qmd_platform.venues.tardis.bars import Bars, covered

US = 1000
AT = 1_790_000_040_000 * US
Row = tuple[int, int, str, float, float]
"""us after ``AT`` at the venue and, from there, until it came in; id, price, amount."""


def batch(rows: list[Row]) -> Any:
    local = [AT + at + late for at, late, *_ in rows]
    return pa.RecordBatch.from_pydict(
        {
            "timestamp": pa.array([AT + at for at, *_ in rows], pa.int64()),
            "local_timestamp": pa.array(local, pa.int64()),
            "id": pa.array([row[2] or None for row in rows], pa.string()),
            "price": pa.array([row[3] for row in rows], pa.float64()),
            "amount": pa.array([row[4] for row in rows], pa.float64()),
        }
    )


TRADES = st.lists(
    st.tuples(
        st.integers(0, 5 * MINUTE * US),
        st.integers(-2_000_000, 90_000_000),
        st.just(""),
        st.integers(1, 10**7).map(lambda n: n / 100),
        st.integers(1, 10**9).map(lambda n: n / 10**8),
    ),
    max_size=60,
).map(lambda rows: sorted(rows, key=lambda row: row[0] + row[1]))


@given(rows=TRADES, cuts=st.lists(st.integers(0, 60), max_size=6))
def test_minutes_are_those_of_a_plain_loop_however_the_trades_come_in_batches(rows: list[Row], cuts: list[int]):
    bars, ends = Bars(), sorted({0, *(cut for cut in cuts if cut < len(rows)), len(rows)})
    for start, end in pairwise(ends):
        bars.add(batch(rows[start:end]))
    made, counts = bars.made()
    minutes: dict[int, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row[0]):  # stable: of one microsecond the one that came first is first
        minutes.setdefault((AT + row[0]) // (MINUTE * US) * MINUTE, []).append(row)
    assert made.open_at.tolist() == sorted(minutes)
    for place, at in enumerate(sorted(minutes)):
        prices = [row[3] for row in minutes[at]]
        volume = sum((Fraction(round(row[4] * 10**8), 10**8) for row in minutes[at]), Fraction())
        told = [getattr(made, name)[place] for name in ("open", "high", "low", "close", "volume")]
        assert told == [prices[0], max(prices), min(prices), prices[-1], float(volume)]
        assert counts[place] == len(prices)
    assert bars.rows == counts.sum()


def test_a_trade_that_came_before_is_counted_and_not_taken_again():
    first: Row = (1000, 50, "7", 100.0, 0.5)
    bars = Bars()
    bars.add(batch([first, (2000, 50, "8", 101.0, 0.5)]))
    bars.add(batch([(1000, 1_000_000, "7", 100.0, 0.5), (3000, 1_000_000, "9", 99.0, 0.25)]))
    made, counts = bars.made()
    assert (bars.rows, bars.duplicates, counts.tolist()) == (4, 1, [3])
    assert made.volume.tolist() == [1.25]


@given(
    came=st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc"), st.sampled_from([1.0, 2.0, 0.0])), max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=4),
)
def test_what_is_twice_and_what_contradicts_is_that_of_a_plain_loop_however_it_comes(
    came: list[tuple[int, str, float]], cuts: list[int]
):
    rows: list[Row] = [(minute * MINUTE * US, 50, id_, price, 1.0) for minute, id_, price in came]
    bars, ends = Bars(), sorted({0, *(cut for cut in cuts if cut < len(rows)), len(rows)})
    for start, end in pairwise(ends):
        bars.add(batch(rows[start:end]))
    first: dict[str, tuple[int, float]] = {}
    broken: dict[int, int] = {}
    taken = twice = 0
    for line, (at, _, id_, price, _) in enumerate(rows, 2):
        is_new = bool(price) and id_ not in first
        known = first.setdefault(id_, (at, price)) if price else None
        taken, twice = taken + is_new, twice + (known == (at, price) and not is_new)
        if known != (at, price):
            for us in (at, known[0] if known else at):
                broken.setdefault((AT + us) // (MINUTE * US) * MINUTE, line)
    assert {at: int(why.split()[1].rstrip(":")) for at, why in bars.broken.items()} == broken
    assert (bars.rows, bars.duplicates, int(bars.made()[1].sum())) == (len(rows), twice, taken)
    assert bars.refused == len(rows) - twice - taken


def test_trades_without_ids_that_look_the_same_are_two_trades():
    bars = Bars()
    bars.add(batch([(1000, 50, "", 100.0, 0.5), (1000, 50, "", 100.0, 0.5)]))
    assert (bars.duplicates, bars.made()[1].tolist()) == (0, [2])


@pytest.mark.parametrize(("price", "amount"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.0), (1.0, -2.0)])
def test_a_trade_without_a_price_or_an_amount_is_refused_and_counted(price: float, amount: float):
    bars = Bars()
    bars.begins("first")
    bars.add(batch([(1000, 50, "0", 5.0, 1.0)]))
    bars.begins("second")
    bars.add(batch([(1500, 50, "3", 5.0, 1.0)]))
    bars.add(batch([(1000, 50, "1", price, amount), (2000, 50, "2", 5.0, 1.0)]))
    assert (bars.rows, bars.refused, bars.made()[1].tolist()) == (4, 1, [3])
    name, value = ("amount", amount) if price > 0 else ("price", price)
    assert bars.broken == {AT // US // MINUTE * MINUTE: f"second line 3: {name} {value!r} is not above 0"}


@pytest.mark.parametrize(
    "other", [(1000, "7", 101.0, 0.5), (1000, "7", 100.0, 0.75), (2 * MINUTE * US, "7", 100.0, 0.5)]
)
def test_a_trade_whose_id_came_before_as_another_trade_breaks_the_minutes_of_both(other: tuple[int, str, float, float]):
    at, id_, price, amount = other
    bars = Bars()
    bars.add(batch([(1000, 50, "7", 100.0, 0.5)]))
    bars.add(batch([(at, 60, id_, price, amount)]))
    assert (bars.rows, bars.refused, bars.duplicates, bars.made()[1].tolist()) == (2, 1, 0, [1])
    assert sorted(bars.broken) == sorted({(AT + us) // (MINUTE * US) * MINUTE for us in (1000, at)})
    (why,) = set(bars.broken.values())
    assert (
        f"line 3: trade 7 is {amount!r} at {price!r}, {AT + at} us here and 0.5 at 100.0, {AT + 1000} us before" in why
    )


def test_many_days_are_put_aside_and_joined_in_the_end():
    bars = Bars()
    for first in range(0, 9_000, 500):
        rows: list[Row] = [((first + n) * MINUTE * US, 50, "", 1.0 + n, 0.1) for n in range(500)]
        bars.add(batch(rows))
    bars.add(batch([(30_000_000, 10**12, "", 9.0, 0.2)]))  # days late
    made, counts = bars.made()
    assert (len(made), counts[0], made.volume[0], made.high[0]) == (9_000, 2, pytest.approx(0.3, abs=0), 9.0)
    assert (np.diff(made.open_at) == MINUTE).all()


@pytest.mark.parametrize(
    ("earliest", "latest", "wanted"),
    [(0, 10, (0, 1)), (1, 10, (1, 1)), (0, 60_000_001, (0, 2)), (59_999_999, 3 * 10**9, (1, 50))],
)
def test_what_files_cover_ends_as_long_before_their_end_as_trades_were_late(
    earliest: int, latest: int, wanted: tuple[int, int]
):
    bars, day = Bars(), Window(0, 1440 * MINUTE)
    bars.earliest_us, bars.latest_us = earliest, latest
    assert covered(day, bars) == Window(wanted[0] * MINUTE, (1440 - wanted[1]) * MINUTE)


def test_files_whose_trades_were_a_day_late_cover_nothing():
    bars = Bars()
    bars.latest_us = 1440 * MINUTE * US
    assert covered(Window(0, 1440 * MINUTE), bars) is None
