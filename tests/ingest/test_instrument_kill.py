"""Killed at any instant, a look at what is listed loses no row of the past and leaves none half begun."""

import random
import time
from pathlib import Path

import pytest

from qmd_platform.ingest.instruments import histories
from qmd_platform.lake.store import Lake
from qmd_platform.sandbox.server import running
from qmd_platform.venues.port import Instrument
from tests.conformance.figures import tries
from tests.conformance.forks import Nursery
from tests.ingest.killed import look

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

VENUES = ("gate", "binance", "okx")
DAYS = [f"2026-11-{day}T00:00:00Z" for day in range(10, 17)]
LISTINGS = [
    {"market": f"{venue}:SOL/USDT", "changes_at": day, "lot": lot}
    for venue in VENUES
    for day, lot in zip(DAYS[1:], ["0.1", "0.01"] * 3, strict=True)
]
KILLS = tries(24)


def rows(home: Path) -> dict[str, dict[str, list[Instrument]]]:
    with Lake.open(home) as lake:
        return {venue: histories(lake, venue) for venue in VENUES}


def test_a_look_that_is_killed_is_made_up_for_by_the_next(tmp_path: Path):
    chance = random.Random(20_261_121)  # noqa: S311 - which instants, not a secret
    whole, home = tmp_path / "whole", tmp_path / "killed"
    with Nursery("tests.ingest.killed") as nursery:
        took, killed = 1.0, 0
        for day in DAYS:
            with running(now=day, listings=LISTINGS) as url:
                began = time.monotonic()
                assert nursery.run(look, str(whole), url, *VENUES) == ["kept"]
                took = time.monotonic() - began
                while killed < KILLS * (DAYS.index(day) + 1) // len(DAYS):
                    killed += not nursery.start(look, str(home), url, *VENUES).kill(after=chance.uniform(0.0, took))
                assert nursery.run(look, str(home), url, *VENUES) == ["kept"]
            assert rows(home) == rows(whole)
        with Lake.open(home) as lake:
            assert not [finding for finding in lake.verify() if finding.is_damage]
        for venue in VENUES:
            assert len(rows(home)[venue]["SOL/USDT"]) == len(DAYS), venue
