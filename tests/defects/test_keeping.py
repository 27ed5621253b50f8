"""Defects of well-known collectors that this one does not have: what is kept, and who may change it."""

import logging
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qmd_platform.config import open_coordination
from qmd_platform.coordination.account import Rate
from qmd_platform.coordination.opening import Coordination, opened
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Series
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window
from tests.ingest.accounts import CLOSED, SPOT, USDM, playing


def test_as_of_pins_what_it_says(tmp_path: Path):
    hour = Window(CLOSED.start, CLOSED.start + 60 * MINUTE)
    with playing(tmp_path) as played:
        played.fill([SPOT], hour)
        before = played.held(SPOT)
        commit = played.lake.ledger.last_commit()
        played.sandbox.plan_faults(
            [{"kind": "restated", "market": str(SPOT), "start": "2026-03-04", "end": "2026-03-05"}]
        )
        (receipt,) = played.fill([SPOT], hour, again=(hour,))
        assert receipt.changed
        series = Series.candles(SPOT, Timeframe.M1)
        assert played.lake.candles(series, as_of=commit).equals(before)
        assert not played.held(SPOT).equals(before)


def test_a_coordinator_that_cannot_be_reached_lets_no_work_be_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "qmd_platform.coordination")
    with playing(tmp_path) as played:
        away = played.lake.root / "coordination.sqlite"
        away.mkdir()  # where its file ought to be
        played.fill([SPOT])
        played.assert_true([SPOT])
    assert caplog.records, "and that nobody could be asked is told"


def test_two_leases_of_one_range_are_never_granted(tmp_path: Path):
    with opened(tmp_path, "lake") as one, opened(tmp_path, "lake") as other:
        racers = [one, other] * 4

        def take(coordination: Coordination) -> bool:
            return coordination.leases.take("binance:BTC/USDT:1m 2026-03", owner="w", seconds=30) is not None

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, racers)) == 1


def test_a_bucket_is_emptied_atomically(tmp_path: Path):
    """Four processes reserve at once; together they get no more than one of them alone would."""
    program = """
import asyncio, sys
from pathlib import Path
from qmd_platform.coordination.account import Rate
from qmd_platform.coordination.opening import opened
async def main():
    with opened(Path(sys.argv[1]), "lake") as coordination:
        spending = coordination.budgets("gate")
        got = [await spending.reserve("spot", Rate.of(1000, 100), 1) for _ in range(40)]
        print(sum(grant.place is not None for grant in got))
asyncio.run(main())
"""
    began = time.monotonic()
    racers = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    granted = sum(int(racer.communicate()[0]) for racer in racers)
    rate = Rate.of(1000, 100)
    at_most = (time.monotonic() - began + 1.0) / rate.seconds_per_weight + rate.burst + 1
    assert 0 < granted <= at_most


def test_keys_of_two_symbols_do_not_collide(tmp_path: Path):
    with Lake.open(tmp_path / "lake") as lake, open_coordination(lake) as coordination:
        names = [f"{Series.candles(market, Timeframe.M1)} 2026-03" for market in (SPOT, USDM)]
        assert all(coordination.leases.take(name, owner="w", seconds=30) for name in names)
