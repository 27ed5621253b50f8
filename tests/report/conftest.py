"""A lake with every table the report reads, made of funding and prices that are known in closed form. Only read it."""

from pathlib import Path

import pytest

from qmd_platform.arbitrage.rules import Rules
from qmd_platform.ingest.arbitrage import derive_arbitrage
from qmd_platform.ingest.opportunities import derive_opportunities
from qmd_platform.lake.store import Lake
from qmd_platform.model.window import Window
from qmd_platform.report.collecting import Report, collected
from qmd_platform.report.figures import DAY_MS
from qmd_platform.report.page import page
from qmd_platform.report.records import Wanted
from tests.ingest.fundedlake import MARKETS, MONTHS, SPOTS, WHOLE, funded

NOW = WHOLE.end
"""The report's instant: the end of what there is."""


def wanted(days: float = 30, underlying: str | None = None, top: int = 20, now: int = NOW) -> Wanted:
    return Wanted(now, Window(now - round(days * DAY_MS), now), underlying, top)


def arbitraged(root: Path) -> Lake:
    """A new lake in ``root``."""
    made = funded(root)
    derive_arbitrage(made, [*MARKETS, *SPOTS], MONTHS, run_id="make")
    derive_opportunities(made, MONTHS, run_id="make")
    return made


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return arbitraged(tmp_path_factory.mktemp("report") / "lake")


@pytest.fixture(scope="session")
def report(lake: Lake) -> Report:
    return collected(lake, wanted(), Rules())


@pytest.fixture(scope="session")
def html(report: Report) -> str:
    return page(report)
