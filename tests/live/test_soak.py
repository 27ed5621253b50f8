"""Some seconds of the load that ``make live-soak`` runs for ten minutes."""

import os
from pathlib import Path

import pytest

from tests.live.soak import soak

SECONDS = float(os.environ.get("QMD_SOAK_SECONDS", "4"))
MEGABYTES_PER_COLLECTOR = 150
"""A collector that has just begun has about 75; one that keeps what it hears would be over this within the ten minutes."""

VENUES = 6


@pytest.mark.slow
@pytest.mark.timeout(int(SECONDS) + 300)
def test_two_hundred_series_are_collected_in_bounded_memory_and_the_lake_ends_up_true(tmp_path: Path):
    found = soak(tmp_path, SECONDS, speed=15, pace=10, filled=["bybit"])
    assert (found.series, found.markets) >= (200, 100)
    assert found.written > found.series
    assert found.dropped == 0
    assert max(found.megabytes) < VENUES * MEGABYTES_PER_COLLECTOR
    assert found.wrong == []
