"""Every store in turn, empty."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qmd_platform.coordination.opening import Coordination
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
