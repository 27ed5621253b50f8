"""What tests of Tardis's data on their way into the lake share: a sandbox that plays Tardis, and a key to it."""

from collections.abc import Iterator

import pytest

from qmd_platform.ingest import tardis_files
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.sandbox.tardis import KEY
from tests.ingest.tardis.taped import NOW
from tests.venues.asking import QUICK


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serving(now=NOW) as served:
        yield served


@pytest.fixture(autouse=True)
def calm(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test hears of what another one asked for or planned."""
    monkeypatch.setenv("TARDIS_API_KEY", KEY)
    monkeypatch.setattr(tardis_files, "PATIENCE", QUICK)
    sandbox.reset()
    yield
    sandbox.plan_faults(None)
    sandbox.tardis.away.clear()
