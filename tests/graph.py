"""The code location as tests use it: a small universe, its definitions, and runs over a range.

What lives here: building and running it in this process. What does not: Dagster's own processes
(``tests.browser.served``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from qmd_platform.config import Universe, load_universe
from qmd_platform.definitions import build_definitions
from sensors.universe import align

NOW = "2024-03-02T00:03:30Z"
"""The venues' clock: long past, so that Dagster, which goes by the real clock, knows all the months."""

TWO_VENUES = """
start = "2024-02-01"
timeframes = ["5m", "1h", "1d"]

[venues.binance]
markets = ["BTC/USDT", "ETH/USDT:USDT"]
native = ["1h"]

[venues.bitfinex]
markets = ["BTC/USD"]
"""


def universe_in(folder: Path, text: str = TWO_VENUES) -> Universe:
    """``text`` as the universe file of ``folder``, loaded."""
    path = folder / "universe.toml"
    path.write_text(text, encoding="utf-8")
    return load_universe(path)


@contextmanager
def instance_for(universe: Universe, folder: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance on disk that knows the universe's markets."""
    with dg.DagsterInstance.local_temp(str(folder), {"telemetry": {"enabled": False}}) as instance:
        align(instance, universe)
        yield instance


def run(
    universe: Universe,
    instance: dg.DagsterInstance,
    venue: str,
    first: str,
    last: str,
    *,
    tables: tuple[str, ...] = (),
) -> dg.ExecuteInProcessResult:
    """The venue's candle job over the range of partition keys, here and now; ``tables`` narrows it to some."""
    job = build_definitions(universe).resolve_job_def(f"{venue}_candles")
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    selection = [dg.AssetKey([venue, table]) for table in tables] or None
    return job.execute_in_process(instance=instance, tags=tags, asset_selection=selection, raise_on_error=False)


@contextmanager
def at_home(home: Path, venue_url: str) -> Iterator[None]:
    """Settings as Dagster's processes get them; for fixtures that outlive a test, whose settings are its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QMD_HOME", str(home))
        patch.setenv("QMD_VENUE_URL", venue_url)
        yield
