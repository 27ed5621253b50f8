"""One sandbox, one lake filled through Dagster, for all tests of this room."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import requests

from qmd_platform.config import Universe
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market
from qmd_platform.sandbox.server import running
from tests.graph import NOW, at_home, instance_for, run, universe_in

BTC = Market("binance", "BTC/USDT")
PERPETUAL = Market("binance", "ETH/USDT:USDT")


@dataclass(frozen=True)
class Filled:
    """A lake, the run that filled it, and all it takes to run again."""

    home: Path
    url: str
    universe: Universe
    instance: dg.DagsterInstance
    first_run: dg.ExecuteInProcessResult

    def run(self, first: str, last: str, *tables: str) -> dg.ExecuteInProcessResult:
        """Once more, over a range; ``tables`` narrows it to some."""
        with at_home(self.home, self.url):
            return run(self.universe, self.instance, "binance", first, last, tables=tables)

    def lake(self) -> Lake:
        return Lake.open(self.home / "lake")

    def stats(self) -> dict[str, Any]:
        return requests.get(f"{self.url}/__sandbox/stats", timeout=10).json()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """All candle tables of two binance markets, February and March 2024, in one run over the range of both."""
    home = tmp_path_factory.mktemp("filled")
    universe = universe_in(home)
    with running(now=NOW) as url, at_home(home, url), instance_for(universe, home) as instance:
        result = run(universe, instance, "binance", f"{BTC.slug}|2024-02", f"{PERPETUAL.slug}|2024-03")
        yield Filled(home, url, universe, instance, result)
