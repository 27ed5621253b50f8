"""Facts in time: exactly one row of each instant, closed and begun by what the lists showed."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.ingest.instrument_history import FACTS, LISTED, at_time, by_symbol, changes, dated, same, told_since
from qmd_platform.ingest.instruments import aged, histories, instruments, keep
from qmd_platform.lake.rows import arrow_schema
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model import tables
from qmd_platform.model.series import Partition, Series
from qmd_platform.venues.port import Instrument
from tests.lake.making import put
from tests.lake.test_later_columns import BEFORE
from tests.lake.viewing import INSTRUMENTS_OF_BINANCE
from tests.lake.viewing import instruments as written

HOUR = 3_600_000
AT = 1_790_000_000_000
ONE = Instrument("AAA/USDT", "AAA", "spot", "AAA", "USDT", "", True, 1.0, 0.1, None, AT - 900 * HOUR, "{}")
OTHER = replace(ONE, symbol="BBB/USDT", venue_symbol="BBB", base="BBB")


def seen(lake: Lake, found: Sequence[Instrument], at: int) -> list[Instrument]:
    """The rows of ONE's symbol after a list."""
    keep([*found, OTHER], "binance", lake, run_id="r", source="live:binance", at=at)
    return histories(lake, "binance")[ONE.symbol]


def of(row: Instrument) -> tuple[object, ...]:
    return row.tick, row.active, row.valid_from, row.valid_to


def test_a_fact_that_changes_closes_its_row_and_begins_another_when_it_was_seen(lake: Lake):
    seen(lake, [ONE], AT)
    rows = seen(lake, [replace(ONE, tick=0.01)], AT + HOUR)
    assert [of(row) for row in rows] == [(0.1, True, AT, AT + HOUR), (0.01, True, AT + HOUR, None)]
    assert instruments(lake, "binance")[ONE.symbol] == rows[-1]
    assert [instruments(lake, "binance", AT + after).get(ONE.symbol) for after in (-1, 0, HOUR - 1, HOUR)] == [
        None,
        rows[0],
        rows[0],
        rows[1],
    ]


def test_a_fact_that_goes_back_is_a_row_of_its_own(lake: Lake):
    for hour, tick in enumerate([0.1, 0.01, 0.1]):
        rows = seen(lake, [replace(ONE, tick=tick)], AT + hour * HOUR)
    assert [row.tick for row in rows] == [0.1, 0.01, 0.1]


def test_the_same_list_again_changes_nothing_however_late_it_comes(lake: Lake):
    seen(lake, [ONE], AT)
    before = lake.state(Partition(Series.instruments("binance")))
    assert [of(row) for row in seen(lake, [ONE], AT + 99 * HOUR)] == [(0.1, True, AT, None)]
    assert lake.state(Partition(Series.instruments("binance"))) == before


def test_a_delisting_and_a_relisting_under_the_same_symbol_are_rows(lake: Lake):
    seen(lake, [ONE], AT)
    seen(lake, [], AT + HOUR)
    again = replace(ONE, listed_at=AT + 2 * HOUR)
    rows = seen(lake, [again], AT + 3 * HOUR)
    assert [(row.active, row.listed_at, row.delisted_at, row.valid_to) for row in rows] == [
        (True, ONE.listed_at, None, AT + HOUR),
        (False, ONE.listed_at, AT + HOUR, AT + 3 * HOUR),
        (True, AT + 2 * HOUR, None, None),
    ]


def test_what_ccxt_keeps_beside_the_facts_is_renewed_without_a_new_row(lake: Lake):
    seen(lake, [ONE], AT)
    rows = seen(lake, [replace(ONE, ccxt_market='{"new":1}')], AT + HOUR)
    assert [(row.ccxt_market, row.valid_from, row.valid_to) for row in rows] == [('{"new":1}', AT, None)]


def test_a_list_that_says_nothing_of_funding_takes_nothing_away(lake: Lake):
    known = replace(ONE, funding_interval_hours=8.0, funding_interval_from="usual")
    seen(lake, [known], AT)
    (row,) = seen(lake, [ONE], AT + HOUR)
    assert (row.funding_interval_hours, row.funding_interval_from) == (8.0, "usual")


def test_an_interval_learned_later_is_not_said_of_the_time_before(lake: Lake):
    seen(lake, [ONE], AT)
    rows = seen(lake, [replace(ONE, funding_interval_hours=8.0, funding_interval_from="usual")], AT + HOUR)
    assert [row.funding_interval_hours for row in rows] == [None, 8.0]


def test_a_list_older_than_what_is_known_changes_nothing_of_it(lake: Lake):
    seen(lake, [replace(ONE, tick=0.01)], AT + HOUR)
    assert [of(row) for row in seen(lake, [ONE], AT)] == [(0.01, True, AT + HOUR, None)]


def test_of_two_lists_of_one_instant_the_later_one_counts(lake: Lake):
    seen(lake, [ONE], AT)
    assert [of(row) for row in seen(lake, [replace(ONE, tick=0.01)], AT)] == [(0.01, True, AT, None)]


facts = st.fixed_dictionaries(
    {},
    optional={
        "tick": st.sampled_from([0.1, 0.01]),
        "contract_size": st.sampled_from([1.0, 10.0]),
        "listed_at": st.sampled_from([AT - HOUR, None]),
    },
)
lists = st.lists(st.tuples(st.integers(0, 5), st.dictionaries(st.sampled_from(["AAA/USDT", "BBB/USDT"]), facts)))


@given(lists)
def test_the_facts_of_any_instant_are_one_row_and_are_what_the_last_list_before_it_showed(told: list[tuple[int, dict]]):
    rows: list[Instrument] = []
    shown: list[tuple[int, dict[str, Instrument]]] = []
    at = AT
    for wait, found in told:
        at += wait * HOUR
        held = by_symbol(rows)
        listed = [replace(ONE, symbol=symbol, **said) for symbol, said in found.items()]
        now = aged({symbol: one[-1] for symbol, one in held.items()}, listed, at)
        rows = dated(held, now, at)
        assert dated(by_symbol(rows), now, at) == rows
        shown.append((at, {one.symbol: one for one in now}))
    for symbol, one in by_symbol(rows).items():
        assert [row.valid_to for row in one] == [*(row.valid_from for row in one[1:]), None]
        assert all(row.valid_to is None or row.valid_from < row.valid_to for row in one)
        for moment in range(AT, at + 2 * HOUR, HOUR):
            holding = [
                row for row in one if row.valid_from <= moment and (row.valid_to is None or moment < row.valid_to)
            ]
            known = [now[symbol] for when, now in shown if when <= moment and symbol in now]
            assert [at_time(one, moment)] == (holding or [None])
            assert len(holding) == min(len(known), 1)
            assert not known or same(holding[0], known[-1])


def test_since_when_a_fact_is_as_it_is_looks_through_changes_of_others(lake: Lake):
    seen(lake, [ONE], AT)
    seen(lake, [replace(ONE, tick=0.5)], AT + HOUR)
    rows = seen(lake, [replace(ONE, tick=0.5, lot=3.0)], AT + 2 * HOUR)
    assert [told_since(rows, name) for name in ("base", "tick", "lot")] == [AT, AT + HOUR, AT + 2 * HOUR]


def test_what_changed_from_one_list_to_the_next_is_told_fact_by_fact(lake: Lake):
    seen(lake, [ONE], AT)
    before = instruments(lake, "binance")
    new = replace(ONE, symbol="CCC/USDT")
    seen(lake, [replace(ONE, tick=0.5, lot=2.0), new], AT + HOUR)
    after = instruments(lake, "binance")
    assert [tuple(one) for one in changes(before, after)] == [
        ("AAA/USDT", "tick", 0.1, 0.5, AT + HOUR),
        ("AAA/USDT", "lot", None, 2.0, AT + HOUR),
        ("CCC/USDT", LISTED, None, ONE.listed_at, AT + HOUR),
    ]
    assert changes(after, after) == []


def test_every_column_is_a_fact_or_says_when_the_facts_were_so():
    names = {column.name for column in tables.INSTRUMENTS.columns}
    assert names - set(FACTS) == {"symbol", "valid_from", "valid_to", "ccxt_market"}


def test_a_table_from_before_is_read_and_its_rows_begin_when_it_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lake = Lake.open(tmp_path)
    with monkeypatch.context() as then:
        then.setitem(tables.TABLES, "instruments", BEFORE)
        put(lake, Write(INSTRUMENTS_OF_BINANCE, written().select(arrow_schema(BEFORE).names)))
    state = lake.state(INSTRUMENTS_OF_BINANCE)
    assert state is not None
    held = instruments(lake, "binance")
    assert {(row.valid_from, row.valid_to, row.lot) for row in held.values()} == {(None, None, 0.001)}
    assert instruments(lake, "binance", 0) == held, "nothing says that it was ever otherwise"
    later = time.time_ns() // 1_000_000 + HOUR
    finer = [replace(row, lot=0.0001) for row in held.values()]
    keep(finer, "binance", lake, run_id="r", source="live:binance", at=later)
    for symbol, rows in histories(lake, "binance").items():
        (was,) = (row for row in held.values() if row.symbol == symbol)
        assert rows[0] == replace(was, valid_from=state.committed_at, valid_to=later)
        assert (rows[1].lot, rows[1].multiplier, rows[1].valid_from, rows[1].valid_to) == (0.0001, 1.0, later, None)
    assert lake.verify() == []


def test_no_row_is_lost_to_another_writer(lake: Lake):
    others = [
        replace(ONE, symbol=f"O{number}/USDT") for number in range(8)
    ]  # so many that four lacking ones are believed
    seen(lake, [ONE, *others], AT)

    def told(number: int) -> None:
        new = replace(ONE, symbol=f"N{number}/USDT")
        keep([ONE, OTHER, *others, new], "binance", lake, run_id="r", source="live:binance", at=AT + number)

    with ThreadPoolExecutor(4) as four:
        list(four.map(told, range(1, 5)))
    assert {f"N{number}/USDT" for number in range(1, 5)} < set(histories(lake, "binance"))
