"""Every store in turn, empty, and who races on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qmd_platform.coordination.opening import Coordination
from tests.coordination.crew import Process, crew
from tests.coordination.stores import KINDS, Somewhere, somewhere


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Somewhere:
    """Where a store nobody has used is."""
    return somewhere(request.param, request, tmp_path)


@pytest.fixture
def coordination(place: Somewhere) -> Iterator[Coordination]:
    """That store, opened."""
    with place.opened() as found:
        yield found


@pytest.fixture(scope="module")
def racers() -> Iterator[list[Process]]:
    """Eight processes that race."""
    with crew("tests.coordination.racer") as started:
        yield started
