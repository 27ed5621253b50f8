"""Run workers, daemon, code servers with the ticks in them, webserver and exchange are killed in random order, again and
again; then nobody touches anything, and everything heals.

12 seconds of it where ``make reliability`` tries all, ten minutes where ``QMD_RELIABILITY_LONG`` is set; CI kills one thing at a
time (``test_kills``, ``test_postgres``).
"""

import os
from pathlib import Path

import pytest

from tests.conformance.figures import LONG, is_patient, record
from tests.recovery.conftest import month
from tests.recovery.storm import PAUSE_SECONDS, Storm, first_run
from tests.recovery.world import World

IS_LONG = bool(os.environ.get(LONG))
SECONDS = 600 if IS_LONG else 12
PAUSE = PAUSE_SECONDS if IS_LONG else (0.5, 2.0)
MONTHS = 8 if IS_LONG else 1
HEAL_SECONDS = 1200 if IS_LONG else 300

UNIVERSE = """
start = "{start}-01"
timeframes = ["1h", "1d"]

[venues.binance]
markets = ["BTC/USDT", "ETH/USDT:USDT"]

[venues.bitfinex]
markets = ["BTC/USD"]
"""


@pytest.mark.slow
@pytest.mark.skipif(not is_patient(), reason="two minutes of work: make reliability")
@pytest.mark.timeout(SECONDS + HEAL_SECONDS + 240)
def test_after_a_storm_of_kills_everything_heals_without_a_person(tmp_path: Path):
    world = World(tmp_path, UNIVERSE.format(start=month(MONTHS)))
    try:
        world.start()
        first_run(world)
        storm = Storm(world, seed=int(os.environ.get("QMD_STORM_SEED") or 1), pause=PAUSE)
        storm.rage(SECONDS)
        storm.calm(HEAL_SECONDS)
    finally:
        world.close()
    lost = {"lost": 0, "torn": 0, "double": 0, "damaged": 0}
    record("storm of kills, then quiet", "sqlite+disk", **storm.tally, **lost)
    assert storm.tally["trials"] > (5 if IS_LONG else 2)
