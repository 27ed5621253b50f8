"""The servers a test may ask for, as fixtures.

What lives here: the fixtures, and where the servers' programs are. What does not: the servers (``servers``), what is
asked of them (each room's tests), installing the programs (``.ci/run``).

| fixture | gives |
|---|---|
| ``postgres`` | the URL of a server shared by the session; ``fresh_schema(url)`` or ``fresh_database(url)`` keeps tests apart |
| ``own_postgres`` | a ``Postgres`` of this test alone, to be killed and started again |
| ``redis`` | the session's ``Redis``; ``fresh_url()`` empties it for the next test |
| ``own_redis`` | a ``Redis`` of this test alone, to be killed and started again |
| ``minio`` | the session's ``Minio``; ``fresh_url()`` keeps tests apart, ``environ`` is what a client needs |
| ``files_url`` | a fresh ``s3://`` folder on ``minio``, its settings in this test's environment |
| ``own_minio`` | a ``Minio`` of this test alone, to be killed and started again |
| ``questdb`` | the session's ``QuestDB``; ``fresh_url()`` drops all its tables |
| ``own_questdb`` | a ``QuestDB`` of this test alone, to be killed and started again |

A test is marked ``postgres``, ``redis``, ``minio`` or ``questdb`` by the fixture it names. One that asks at run time (``getfixturevalue``)
carries the marker itself.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest

from tests.servers import Minio, Postgres, QuestDB, Redis, fresh_database, fresh_schema

__all__ = ["Minio", "Postgres", "QuestDB", "Redis", "fresh_database", "fresh_schema"]


def _missing(service: str, why: str) -> NoReturn:
    """Skip, or fail where ``.ci/run`` said the service is there."""
    if service in os.environ.get("QMD_TEST_PROMISED", "").split():
        pytest.fail(f"{why}, though QMD_TEST_PROMISED names {service}", pytrace=False)
    pytest.skip(why)


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    """The folder of PostgreSQL's programs; ``QMD_TEST_POSTGRES`` names another one."""
    named = os.environ.get("QMD_TEST_POSTGRES")
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    places = [Path(named)] if named else [*packaged, *([Path(on_path).parent] if on_path else [])]
    for place in places:
        if (place / "postgres").exists() and (place / "initdb").exists():
            return place
    _missing("postgres", "needs PostgreSQL: neither /usr/lib/postgresql, the PATH nor QMD_TEST_POSTGRES has it")


@pytest.fixture(scope="session")
def redis_program() -> Path:
    """Redis's program: ``QMD_TEST_REDIS``, else the one on the PATH."""
    named = os.environ.get("QMD_TEST_REDIS") or shutil.which("redis-server")
    if named and Path(named).exists():
        return Path(named)
    _missing("redis", "needs Redis: neither the PATH nor QMD_TEST_REDIS has redis-server")


@pytest.fixture(scope="session")
def minio_program() -> Path:
    """MinIO's program: ``QMD_TEST_MINIO``, else the one on the PATH, else the newest that ``.ci/minio`` built."""
    named = os.environ.get("QMD_TEST_MINIO") or shutil.which("minio")
    built = sorted((Path.home() / ".cache" / "qmd-ci").glob("minio-*/minio"))  # a version begins with its date
    places = [Path(named)] if named else built[-1:]
    for place in places:
        if place.exists():
            return place
    _missing("minio", "needs MinIO: neither the PATH nor QMD_TEST_MINIO has it; .ci/minio builds it")


@pytest.fixture(scope="session")
def questdb_jar() -> Path:
    """QuestDB's jar: ``QMD_TEST_QUESTDB``, else the one that ``.ci/questdb`` fetched; and Java to run it."""
    named = os.environ.get("QMD_TEST_QUESTDB")
    fetched = sorted((Path.home() / ".cache" / "qmd-ci").glob("questdb-*/questdb.jar"))
    places = [Path(named)] if named else fetched[-1:]
    for place in places:
        if place.exists() and shutil.which("java"):
            return place
    _missing("questdb", "needs QuestDB and Java 17: QMD_TEST_QUESTDB names no jar; .ci/questdb fetches it")


@pytest.fixture(scope="session")
def postgres(postgres_programs: Path) -> Iterator[str]:
    """The URL of a server this session shares."""
    with closing(Postgres(postgres_programs)) as server:
        yield server.url


@pytest.fixture
def own_postgres(postgres_programs: Path) -> Iterator[Postgres]:
    """A server of this test alone."""
    with closing(Postgres(postgres_programs)) as server:
        yield server


@pytest.fixture(scope="session")
def redis(redis_program: Path) -> Iterator[Redis]:
    """A server this session shares."""
    with closing(Redis(redis_program)) as server:
        yield server


@pytest.fixture
def own_redis(redis_program: Path) -> Iterator[Redis]:
    """A server of this test alone."""
    with closing(Redis(redis_program)) as server:
        yield server


@pytest.fixture(scope="session")
def minio(minio_program: Path) -> Iterator[Minio]:
    """A server this session shares."""
    with closing(Minio(minio_program)) as server:
        yield server


@pytest.fixture
def own_minio(minio_program: Path) -> Iterator[Minio]:
    """A server of this test alone."""
    with closing(Minio(minio_program)) as server:
        yield server


@pytest.fixture(scope="session")
def questdb(questdb_jar: Path) -> Iterator[QuestDB]:
    """A server this session shares."""
    with closing(QuestDB(questdb_jar)) as server:
        yield server


@pytest.fixture
def own_questdb(questdb_jar: Path) -> Iterator[QuestDB]:
    """A server of this test alone."""
    with closing(QuestDB(questdb_jar)) as server:
        yield server


@pytest.fixture
def files_url(minio: Minio, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh folder on ``minio``, reachable with the settings of this test's environment."""
    for name, value in minio.environ.items():
        monkeypatch.setenv(name, value)
    return minio.fresh_url()
