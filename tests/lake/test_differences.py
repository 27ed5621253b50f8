"""Two snapshots compared, row by row."""

import json
from pathlib import Path

import pytest

from qmd_platform.errors import LedgerError
from qmd_platform.lake.differences import diff
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from tests.lake.making import FEBRUARY, JANUARY, candles_at, put


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    opened = Lake.open(tmp_path / "lake")
    put(opened, Write(JANUARY, candles_at([1, 2, 3]).to_arrow()))
    return opened


def said(lake: Lake, *snapshots: int | str | None) -> list[tuple[str, int, float | None, float | None]]:
    found = diff(lake, *snapshots)
    start = JANUARY.window.start
    return [
        (
            one.partition.month,
            (int(one.key) - start) // 3_600_000,
            json.loads(one.before)["close"] if one.before else None,
            json.loads(one.after)["close"] if one.after else None,
        )
        for one in found
    ]


def test_changed_new_and_lost_rows_are_each_named_once(lake: Lake):
    put(lake, Write(JANUARY, candles_at([2], 7.0).to_arrow()))
    put(lake, Write(FEBRUARY, candles_at([0], 5.0, FEBRUARY).to_arrow()))
    assert said(lake, 1, 3) == [("2026-01", 2, 100.0, 7.0), ("2026-02", 744, None, 5.0)]
    assert said(lake, 3, 1) == [("2026-01", 2, 7.0, 100.0), ("2026-02", 744, 5.0, None)]
    put(lake, Write(JANUARY, candles_at([2], 7.0).to_arrow(), replace=True))
    assert said(lake, 3) == [("2026-01", 1, 100.0, None), ("2026-01", 3, 100.0, None)]


def test_a_snapshot_differs_from_itself_in_nothing_and_from_before_the_first_in_all(lake: Lake):
    assert said(lake, 1, 1) == []
    assert said(lake, 0) == [("2026-01", step, None, 100.0) for step in (1, 2, 3)]


def test_a_pin_says_what_changed_since(lake: Lake):
    lake.ledger.pin("paper")
    assert said(lake, "paper") == []
    put(lake, Write(JANUARY, candles_at([2], 7.0).to_arrow()))
    assert said(lake, "paper") == [("2026-01", 2, 100.0, 7.0)]
    assert list(diff(lake, "paper", series=[FEBRUARY.series])) == list(diff(lake, "paper"))
    with pytest.raises(LedgerError, match=r"no snapshot 'papers'.*pins: paper"):
        list(diff(lake, "papers"))


def test_now_is_one_commit_however_long_the_comparison_takes(lake: Lake):
    other = Partition(Series.candles(Market.parse("gate:BTC/USDT"), Timeframe.H1), "2026-01")
    found = diff(lake, 0, series=[JANUARY.series, other.series])
    assert next(found).partition == JANUARY
    put(lake, Write(other, candles_at([0], partition=other).to_arrow()))
    assert {one.partition for one in found} == {JANUARY}


def test_every_change_of_a_row_is_a_revision_and_what_was_there_is_kept(lake: Lake):
    put(lake, Write(JANUARY, candles_at([2, 4], 7.0).to_arrow()))
    put(lake, Write(JANUARY, candles_at([2], 8.0).to_arrow()))
    found = [
        (one.commit, json.loads(one.before)["close"], json.loads(one.after)["close"])
        for one in lake.ledger.revisions(JANUARY.series)
    ]
    assert found == [(2, 100.0, 7.0), (3, 7.0, 8.0)]
    assert [one.commit for one in lake.ledger.revisions(since=2)] == [3]
    put(lake, Write(JANUARY, candles_at([2], 8.0).to_arrow(), replace=True))
    assert [one.after for one in lake.ledger.revisions(since=3)] == [None, None, None]
