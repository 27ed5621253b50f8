"""A world for each test module of this room."""

from collections.abc import Iterator

import pytest

from tests.reader.worlds import World, world


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A sandbox that stands still, and lakes beside it; its faults are those that a test sets."""
    with world(tmp_path_factory.mktemp("worlds")) as made:
        yield made


@pytest.fixture(autouse=True)
def sound(request: pytest.FixtureRequest) -> None:
    """No test inherits another one's faults, or what it was cut off from."""
    if "played" in request.fixturenames:
        request.getfixturevalue("played").fails()
