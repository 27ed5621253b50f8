"""The same with Dagster's records and the ledger in PostgreSQL: processes are killed, and then the server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qmd_platform.cli.instance import dagster_url
from tests.conformance.figures import record
from tests.recovery.conftest import UNIVERSE, month
from tests.recovery.storm import first_run
from tests.recovery.world import World, wait_for
from tests.servers import Postgres, fresh_database

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]


@pytest.fixture
def on_postgres(own_postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    url = fresh_database(own_postgres.url)
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", dagster_url(url))
    world = World(tmp_path, UNIVERSE.format(start=month(1)), {"QMD_POSTGRES_URL": url})
    try:
        yield world
    finally:
        world.close()


def test_worker_code_server_daemon_and_database_are_killed_and_all_heals(on_postgres: World, own_postgres: Postgres):
    world = on_postgres
    world.start()
    first_run(world)
    assert world.kill("worker")
    wait_for(lambda: bool(world.pids("worker")), 90, lambda: "its run was not started again")
    assert world.kill("inner code server")
    assert world.kill("daemon")
    own_postgres.kill()
    own_postgres.start()
    seconds = world.heal(240)
    assert world.differences() == []
    record("recovery, all of it and the database killed", "postgres+disk", trials=4, seconds=round(seconds))
