"""Words dated ahead of time are not written, and make nothing that is true look old."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from qmd_platform.live.frames import CANDLES
from qmd_platform.live.keeping import Keeping
from qmd_platform.live.log import Log
from qmd_platform.live.queue import Batch
from qmd_platform.model.series import Series
from tests.live.heard import DAY, MINUTE, NOON, candle, mark
from tests.live.playing import minutes, play, says


@pytest.fixture
def log(tmp_path: Path):
    log = Log(tmp_path / "live", world="sandbox")
    yield log
    log.close()


FAR = [candle(60 * 24 * 30), replace(candle(0), open_at=NOON + 10**15), replace(candle(0), open_at=-MINUTE)]


def test_a_word_dated_far_ahead_is_not_written_and_makes_nothing_old(tmp_path: Path):
    log = Log(tmp_path / "live", world="live")
    ahead = [replace(one, received_at=candle(1).received_at) for one in FAR]
    untold = [replace(one, venue_at=None) for one in ahead]
    prices = [mark(0, venue_at=NOON + 30 * DAY, index=None), mark(0, venue_at=10**15, mark=None), mark(0)]
    collector = play(log, says(candle(0), *ahead, *untold, *prices, candle(1)))
    assert (minutes(log), collector.keeping.early, collector.keeping.holes) == ([0, 1], 8, {})
    assert [path.name for path in sorted((log.folder / "binance").glob("*.log"))] == [
        "candles-2026-11-21.log",
        "marks-2026-11-21.log",
    ]
    log.close()


def test_of_a_sandbox_only_what_no_calendar_has_is_refused(log: Log):
    collector = play(log, says(candle(0), *(replace(one, venue_at=None) for one in FAR)))
    assert (minutes(log), collector.keeping.early) == ([0], 2)
    assert len(log.days("binance")) == 2


@pytest.mark.parametrize(("venue", "early"), [("bitfinex", 1), ("okx", 0)])
def test_without_a_word_for_its_end_and_without_a_time_a_candle_is_over_by_our_clock(venue: str, early: int):
    series = Series.parse(f"{venue}:BTC/USDT:1m")
    soon, over = (replace(candle(0, series), venue_at=None, received_at=NOON + MINUTE + ms) for ms in (-1, 0))
    keeping = Keeping(is_live=True)
    assert (
        keeping.worth(Batch([soon, replace(over, close=100.25)], [], []), 0.0)[early - 1 :][-1].received_at
        == NOON + MINUTE
    )
    assert keeping.early == early


def test_files_that_nobody_wrote_to_for_a_week_go_whatever_they_are_dated(log: Log):
    play(log, says(candle(0), mark(0)))
    old = candle(-20 * 24 * 60)
    play(log, says(old))
    day = time.time() - 8 * DAY / 1000
    log.close()
    os.utime(log.files("binance", CANDLES)[1], (day, day))
    play(log, says(candle(60 * 24 * 400)))
    assert [window.start for window in log.days("binance")] == [NOON - DAY // 2 + day * DAY for day in (-20, 400)]
