"""What this room's tests are given: a backend of their own, of each kind, and a nursery of processes.

What lives here: fixtures. What does not: what a backend is (``backends``), the servers (``tests.services``).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.backends import POSTGRES_DISK, POSTGRES_MINIO, SQLITE_DISK, Backend
from tests.conformance.figures import tries
from tests.conformance.forks import Nursery
from tests.servers import Minio

BACKENDS = (
    pytest.param(SQLITE_DISK, id="sqlite-disk"),
    pytest.param(POSTGRES_DISK, id="postgres-disk", marks=pytest.mark.postgres),
    pytest.param(POSTGRES_MINIO, id="postgres-minio", marks=[pytest.mark.postgres, pytest.mark.minio]),
)


@pytest.fixture(params=[5, pytest.param(tries(40), marks=pytest.mark.slow)], ids=["few", "many"])
def examples(request: pytest.FixtureRequest, backend: Backend) -> int:
    """How many examples hypothesis makes; fewer where a commit takes longer."""
    return request.param if backend.name == SQLITE_DISK else request.param // 4 + 1


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """A lake nobody has written to, one test for each kind of backend."""
    postgres = files = None
    if request.param != SQLITE_DISK:
        postgres = request.getfixturevalue("postgres")
    if request.param == POSTGRES_MINIO:
        minio: Minio = request.getfixturevalue("minio")
        for name, value in minio.environ.items():
            monkeypatch.setenv(name, value)
        files = minio.fresh_url()
    return Backend(request.param, tmp_path / "lake", postgres, files).fresh()


@pytest.fixture(scope="session")
def forks() -> Iterator[Nursery]:
    """Where processes are forked from."""
    with Nursery() as nursery:
        yield nursery


@pytest.fixture
def nursery(forks: Nursery) -> Iterator[Nursery]:
    """Where this test's processes are forked from; none outlives it."""
    yield forks
    forks.end_all()
