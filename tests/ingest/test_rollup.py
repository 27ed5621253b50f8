"""What a rolled-up candle is said to be where no shorter one is there. Its values: ``tests/acceptance``."""

from pathlib import Path

from qmd_platform.coverage.causes import DELISTED, UNLISTED
from qmd_platform.coverage.gaps import gaps
from qmd_platform.ingest.instruments import refresh
from qmd_platform.ingest.rollup import roll_up
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.sandbox.server import serving
from tests.ingest.accounts import USDM, Played

HOUR = Timeframe.H1.step


def test_longer_candles_after_a_delisting_say_so_and_are_gaps_once_the_market_is_back(tmp_path: Path):
    day = Window.of("2026-04-01", "2026-04-02")
    listing = {"market": str(USDM), "listed_at": day.start + 4 * HOUR, "delisted_at": day.end - 6 * HOUR}
    with serving(now=day.end + 30_000, listings=[listing]) as sandbox, Lake.open(tmp_path) as lake:
        refresh(lake, USDM.venue, run_id="gone", url=sandbox.url)
        Played(lake, sandbox).fill([USDM], day)
        roll_up(lake, USDM, Timeframe.H1, day, run_id="r")
        runs = lake.coverage(Series.candles(USDM, Timeframe.H1), day)
    assert runs[0] == Run(Window(day.start, day.start + 4 * HOUR), State.UNLISTED, UNLISTED)
    assert runs[-1] == Run(Window(day.end - 6 * HOUR, day.end), State.UNLISTED, DELISTED)
    assert [gap.window for gap in gaps([day], runs, (), day.end, HOUR)] == [runs[-1].window]
