"""An open month is filled by small files, and sealed when it has ended; what it says never depends on that."""

import itertools
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.errors import CorruptSegment
from qmd_platform.lake.sealing import due, seal
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from tests.lake.making import put

MINUTE = 60_000
DAY = 1440
MONTH = Partition(Series.candles(Market.parse("binance:BTC/USDT"), Timeframe.M1), "2026-01")
ENDED = MONTH.window.end
OPEN = ENDED - 1


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake")


def minutes(first: int, last: int, price: float = 100.0) -> Write:
    """Candles of some minutes of the month, and the claim to have asked for exactly them."""
    start = MONTH.window.start
    open_at = start + np.arange(first, last, dtype=np.int64) * MINUTE
    value = price + np.arange(first, last) / 100
    window = Window(start + first * MINUTE, start + last * MINUTE)
    return Write(MONTH, Candles(open_at, value, value, value, value, value).to_arrow(), asked=(window,))


def files(lake: Lake) -> list[tuple[int, int]]:
    """First and last day of each live file."""
    start = MONTH.window.start
    found = lake.ledger.segments(MONTH.series)
    return [((one.window.start - start) // (DAY * MINUTE), (one.window.end - start) // (DAY * MINUTE)) for one in found]


def test_a_tail_writes_the_day_and_leaves_the_other_files_alone(lake: Lake):
    put(lake, minutes(0, 5 * DAY + 100))
    before = {one.path for one in lake.ledger.segments(MONTH.series)}
    put(lake, minutes(5 * DAY + 100, 5 * DAY + 160))
    after = {one.path for one in lake.ledger.segments(MONTH.series)}
    assert files(lake) == [(0, 5), (5, 6)]
    assert len(before & after) == 1
    assert lake.state(MONTH).rows == 5 * DAY + 160
    assert lake.coverage(MONTH.series, MONTH.window) == [Run(minutes(0, 5 * DAY + 160).asked[0], State.PRESENT)]
    assert lake.verify() == []


def test_the_source_of_the_highest_rank_has_the_say_in_whatever_order_they_come(tmp_path: Path):
    ranks = {0: minutes(0, 3, 100.0), 3: minutes(0, 3, 200.0), 5: minutes(0, 3, 100.0)}
    for order in itertools.permutations(ranks):
        with Lake.open(tmp_path / str(order)) as lake:
            for rank in order:
                put(lake, replace(ranks[rank], source_rank=rank))
            assert lake.candles(MONTH.series).close[0] == 100.0, order
            last = lake.ledger.last_commit()
            assert put(lake, replace(ranks[5], source_rank=5))[0] == last


def test_after_a_clock_that_jumped_back_the_later_commit_has_the_say(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    put(lake, minutes(0, 3, 100.0))
    monkeypatch.setattr(time, "time_ns", lambda: ENDED * 1_000_000)
    put(lake, minutes(0, 3, 200.0))
    assert lake.candles(MONTH.series).close[0] == 200.0
    assert lake.verify() == []


def test_the_content_hash_does_not_know_how_the_month_is_cut(lake: Lake, tmp_path: Path):
    for first in range(0, 3 * DAY, 500):
        put(lake, minutes(first, min(first + 500, 3 * DAY)))
    other = Lake.open(tmp_path / "other")
    put(other, minutes(0, 3 * DAY))
    assert files(lake) != files(other)
    assert lake.state(MONTH).data_version == other.state(MONTH).data_version


def test_sealing_makes_one_file_of_an_ended_month_and_changes_nothing_else(lake: Lake):
    for first in range(0, 31 * DAY, DAY):
        put(lake, minutes(first, first + DAY))
    before, rows = lake.state(MONTH), lake.read(MONTH.series)
    last = lake.ledger.last_commit()
    assert seal(lake, run_id="r", now=OPEN) == []
    (sealed,) = seal(lake, run_id="r", now=ENDED)
    assert (sealed.partition, sealed.files_before, sealed.files) == (MONTH, 31, 1)
    after = lake.state(MONTH)
    assert (after.version, after.data_version, after.rows) == (before.version, before.data_version, before.rows)
    assert (files(lake), lake.read(MONTH.series)) == ([(0, 31)], rows)
    assert lake.read(MONTH.series, as_of=last) == rows
    assert lake.verify() == []
    assert seal(lake, run_id="r", now=ENDED) == []


def test_a_sealed_month_takes_late_rows_and_stays_one_file(lake: Lake):
    put(lake, minutes(0, 10))
    put(lake, minutes(20 * DAY, 20 * DAY + 10))
    seal(lake, run_id="r", now=ENDED)
    put(lake, minutes(7 * DAY, 7 * DAY + 5))
    assert files(lake) == [(0, 31)]
    assert lake.state(MONTH).rows == 25


def test_due_names_what_seal_would_do_and_does_nothing(lake: Lake):
    put(lake, minutes(0, 10))
    put(lake, minutes(20 * DAY, 20 * DAY + 10))
    commit = lake.ledger.last_commit()
    assert due(lake, now=OPEN) == []
    assert due(lake, now=ENDED) == [MONTH]
    assert due(lake, now=ENDED, series=Series.candles(Market.parse("gate:BTC/USDT"), Timeframe.M1)) == []
    assert lake.ledger.last_commit() == commit


def test_a_damaged_file_is_not_sealed_into_a_sound_looking_one(lake: Lake):
    put(lake, minutes(0, 10))
    put(lake, minutes(20 * DAY, 20 * DAY + 10))
    path = lake.root / "data" / lake.ledger.segments(MONTH.series)[0].path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptSegment):
        seal(lake, run_id="r", now=ENDED)
    assert files(lake) == [(0, 1), (20, 21)]


def test_a_damaged_file_keeps_no_other_partition_from_being_sealed(lake: Lake):
    months = [replace(MONTH, month=f"2026-{month:02d}") for month in range(1, 6)]
    for month in months:
        for day in (0, 20):
            at = np.array([month.window.start + day * DAY * MINUTE])
            put(lake, Write(month, Candles(at, *np.ones((5, 1))).to_arrow()))
    path = lake.root / "data" / lake.ledger.segments(MONTH.series, ("2026-03", "2026-03"))[0].path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptSegment, match="2026-03"):
        seal(lake, run_id="r", now=months[-1].window.end)
    assert [state.layout for state in lake.states()] == [1, 1, 0, 1, 1]


def test_a_read_of_a_day_opens_only_its_file(lake: Lake):
    put(lake, minutes(0, 10))
    put(lake, minutes(20 * DAY, 20 * DAY + 10))
    path = lake.root / "data" / lake.ledger.segments(MONTH.series)[0].path
    path.unlink()
    start = MONTH.window.start + 20 * DAY * MINUTE
    assert len(lake.candles(MONTH.series, Window(start, start + DAY * MINUTE))) == 10
    with pytest.raises(CorruptSegment):
        lake.candles(MONTH.series)
