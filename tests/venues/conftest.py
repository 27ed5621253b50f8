"""A sandbox for the whole file, and a server whose every answer a test writes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qmd_platform.sandbox.server import running

NOW = "2024-06-01T12:00:30Z"
"""The sandbox's clock: in the past of any machine, because ccxt cuts Gate's windows at the local clock."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    with running(now=NOW) as url:
        yield url


@pytest.fixture(scope="session")
def recordings() -> Path:
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the recorded market data is not at {folder}")
    return folder
