"""A lake to serve, and both stores to serve it from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qmd_platform.lake.store import Lake
from tests.publish.serving import PostgresTarget, QuestTarget, Target, filled
from tests.services import fresh_database


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with Lake.open(tmp_path / "lake") as made:
        filled(made)
        yield made


@pytest.fixture(
    params=[
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("questdb", marks=pytest.mark.questdb),
    ]
)
def target(request: pytest.FixtureRequest) -> Target:
    """An empty store on a server that this session shares."""
    if request.param == "postgres":
        return PostgresTarget(fresh_database(request.getfixturevalue("postgres")))
    server = request.getfixturevalue("questdb")
    return QuestTarget(server.fresh_url(), server.postgres_url)


@pytest.fixture(
    params=[
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("questdb", marks=pytest.mark.questdb),
    ]
)
def own_target(request: pytest.FixtureRequest) -> Target:
    """An empty store on a server of this test alone, to be killed and started again."""
    server = request.getfixturevalue(f"own_{request.param}")
    if request.param == "postgres":
        return PostgresTarget(server.url, server)
    return QuestTarget(server.url, server.postgres_url, server)
