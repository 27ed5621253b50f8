"""One platform for the tests of this room that can share it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.recovery.world import World, wait_for

UNIVERSE = """
start = "{start}-01"
timeframes = ["1h", "1d"]

[venues.binance]
markets = ["BTC/USDT"]
"""


def month(before: int) -> str:
    """The month so many months before the current one."""
    now = datetime.now(UTC)
    number = now.year * 12 + now.month - 1 - before
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A platform that has filled its lake by itself: nobody did more than start it."""
    made = World(tmp_path_factory.mktemp("world"), UNIVERSE.format(start=month(1)), start_seconds=20)
    try:
        made.start()
        wait_for((made.home / "lake" / "FORMAT.json").exists, 60, lambda: "no lake")
        made.heal(180)
        yield made
    finally:
        made.close()
