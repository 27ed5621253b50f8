"""Some seconds of the load that ``make live-soak`` runs for ten minutes."""

import os
from pathlib import Path

import pytest

from tests.live.soak import soak

SECONDS = float(os.environ.get("QMD_SOAK_SECONDS", "4"))
SPEED, PACE = 30.0, 20
"""Two minutes of the sandbox's clock: a candle of one minute closes for everyone."""

MEGABYTES_MORE = 60
"""So much more may all collectors hold at the end than when all were live; one that keeps what it hears holds more."""


@pytest.mark.slow
@pytest.mark.timeout(int(SECONDS) + 300)
def test_two_hundred_series_are_collected_in_bounded_memory_and_the_lake_ends_up_true(tmp_path: Path):
    found = soak(tmp_path, SECONDS, SPEED, pace=PACE, filled=["bybit"], count=0)
    assert (found.markets, found.series) >= (100, 200)
    assert found.closed >= 50, "candles that had to be heard"
    assert found.deaf == [], "every series of a venue with a word for a candle's end"
    assert found.heard_share >= 0.9
    assert found.inferred > 0
    assert found.inferred_share >= 0.5, "the newest wait for the next one"
    assert found.dropped == 0
    assert found.megabytes[-1] - found.megabytes[0] < MEGABYTES_MORE
    assert found.wrong == []
