"""The servers behind a lake are killed while it is written: what was acknowledged is there when they are back (P2)."""

import os
from pathlib import Path

import pytest

from tests.conformance import jobs, looks
from tests.conformance.backends import POSTGRES_DISK, POSTGRES_MINIO, Backend
from tests.conformance.figures import record
from tests.conformance.forks import Nursery
from tests.servers import Minio, Postgres, Server


@pytest.mark.postgres
def test_a_killed_database_keeps_what_it_acknowledged(tmp_path: Path, nursery: Nursery, own_postgres: Postgres):
    backend = Backend(POSTGRES_DISK, tmp_path / "lake", own_postgres.url).fresh()
    outlives(nursery, backend, own_postgres, 6, "kill -9 of PostgreSQL")


@pytest.mark.postgres
@pytest.mark.minio
def test_a_killed_object_store_keeps_what_it_acknowledged(
    tmp_path: Path, nursery: Nursery, postgres: str, own_minio: Minio
):
    os.environ.update(own_minio.environ)  # put back after every test (tests/conftest.py)
    backend = Backend(POSTGRES_MINIO, tmp_path / "lake", postgres, own_minio.fresh_url()).fresh()
    outlives(nursery, backend, own_minio, 2, "kill -9 of MinIO")


def outlives(nursery: Nursery, backend: Backend, server: Server, rounds: int, name: str) -> None:
    """Kill the server under a writer, start it again, look; several times."""
    acked = commits = 0
    for number in range(rounds):
        writer = nursery.start(jobs.write_until_refused, backend, acked)
        writer.hear()
        said = [writer.hear() for _ in range(2 + number)]
        server.kill()
        *more, refusal = writer.rest()
        assert isinstance(refusal, list)
        server.start()
        commits += len([*said, *more])
        acked = max([*said, *more])
        (found,) = nursery.run(looks.look_at_generations, backend, acked, {})
        acked = found.pop("generation")
        assert not any(count for name, count in found.items() if name != "verified"), found
    record(name, backend.name, trials=rounds, acked=commits, lost=0, torn=0)
