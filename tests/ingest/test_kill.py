"""Killed at any instant, a backfill leaves a lake that the next run completes as if nothing had happened."""

import random
import time
from pathlib import Path

import pytest

from qmd_platform.lake.store import Finding, Lake
from qmd_platform.model.series import Series
from tests.acceptance.programs import qmd, sandbox
from tests.conformance.figures import tries
from tests.conformance.forks import Child, Nursery
from tests.ingest.killed import command

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

NOW = "2026-03-05T12:00:00Z"
START = "2026-02-24"
MARKETS = ["binance:BTC/USDT", "gate:ETH/USDT:USDT", "bitfinex:BTC/USD"]
BACKFILL = ["backfill", *MARKETS, "--timeframe", "1m", "--start", START, "--end", NOW]
KILLS = tries(30)


def contents(home: Path) -> dict[str, tuple[str, ...]]:
    """Per series the content hash of every partition: equal contents, equal hashes, whatever the history."""
    lake = Lake.open(home / "lake")
    found = {str(s): tuple(state.data_version for state in lake.states(s)) for s in lake.series() if s.symbol}
    lake.close()
    return found


def damage(home: Path) -> list[Finding]:
    """What `qmd verify` would call damage; nothing where the kill came before there was a lake."""
    if not (home / "lake" / "ledger.sqlite").exists():
        return []
    lake = Lake.open(home / "lake")
    found = [finding for finding in lake.verify() if finding.is_damage]
    lake.close()
    return found


def test_kills_at_random_instants_lose_and_tear_nothing(tmp_path: Path):
    chance = random.Random(20_260_305)  # noqa: S311 - which instants, not a secret
    with sandbox("--now", NOW) as url, Nursery("tests.ingest.killed") as nursery:

        def started(home: Path) -> Child:
            return nursery.start(command, str(home), url, *BACKFILL)

        whole = tmp_path / "whole"
        assert started(tmp_path / "warm").rest() == [0]
        began = time.monotonic()
        assert started(whole).rest() == [0]
        took = time.monotonic() - began
        expected = contents(whole)
        assert len(expected) == len(MARKETS)
        home = tmp_path / "killed"
        rounds = survived = 0
        while survived < KILLS:
            said = started(home).kill(after=chance.uniform(0.02, took))
            survived += not said
            rounds += 1
            assert damage(home) == []
            if said or survived % 5 == 0:
                assert started(home).rest() == [0]
                assert contents(home) == expected
                home = tmp_path / f"killed{rounds}"
        assert started(home).rest() == [0]
    qmd("verify", home=home)
    assert contents(home) == expected
    assert {Series.parse(name).table for name in expected} == {"candles_1m"}
