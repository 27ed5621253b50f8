"""Several series read at once say what each says alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qmd_platform.errors import Vacuumed
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from tests.lake.making import FEBRUARY, JANUARY, candles_at, put


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with Lake.open(tmp_path / "lake") as opened:
        yield opened


def test_several_series_are_read_in_one_snapshot_as_each_alone(lake: Lake):
    other = Partition(Series.candles(Market.parse("gate:ETH/USDT"), Timeframe.H1), "2026-02")
    nothing = Series.candles(Market.parse("gate:SOL/USDT"), Timeframe.H1)
    put(lake, Write(JANUARY, candles_at([1, 2]).to_arrow()), Write(FEBRUARY, candles_at([1], 7.0, FEBRUARY).to_arrow()))
    put(lake, Write(other, candles_at([5], 9.0, other).to_arrow()))
    asked = [JANUARY.series, other.series, nothing]
    for as_of in (None, 1, 2):
        found = lake.held_of(asked, as_of=as_of)
        assert [found[one].candles.equals(lake.candles(one, as_of=as_of)) for one in asked] == [True, True, True]
    late = Window(FEBRUARY.window.start, FEBRUARY.window.end)
    assert [len(one.candles) for one in lake.held_of(asked, late).values()] == [1, 1, 0]


def test_a_pin_of_some_series_gives_those_and_refuses_the_others(lake: Lake):
    other = Partition(Series.candles(Market.parse("gate:ETH/USDT"), Timeframe.H1), "2026-01")
    put(lake, Write(JANUARY, candles_at([1]).to_arrow()), Write(other, candles_at([1], 2.0, other).to_arrow()))
    lake.ledger.pin("paper", series=[JANUARY.series])
    put(lake, Write(JANUARY, candles_at([1], 3.0).to_arrow()), Write(other, candles_at([1], 4.0, other).to_arrow()))
    for now in (10**14, 2 * 10**14):
        lake.ledger.reclaim(now=now, keep_ms=0, grace_ms=0)
    assert lake.held_of([JANUARY.series], as_of="paper")[JANUARY.series].candles.close.tolist() == [100.0]
    with pytest.raises(Vacuumed):
        lake.held_of([JANUARY.series, other.series], as_of="paper")
