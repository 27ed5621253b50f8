"""The servers the tests start: that they answer, keep their data when killed, and are alone with it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import obstore
import psycopg2
import pytest
import requests
from obstore.store import S3Store

from tests.services import Minio, Postgres, QuestDB, fresh_database


def count(url: str) -> int:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS seen (at timestamptz)")
            cursor.execute("INSERT INTO seen VALUES (now())")
            cursor.execute("SELECT count(*) FROM seen")
            return cursor.fetchone()[0]
    finally:
        connection.close()


def test_a_killed_postgres_comes_back_with_what_it_had_committed(own_postgres: Postgres):
    assert [count(own_postgres.url) for _ in range(2)] == [1, 2]
    own_postgres.kill()
    own_postgres.start()
    assert count(own_postgres.url) == 3


def test_a_database_of_its_own_is_empty(postgres: str):
    urls = [fresh_database(postgres) for _ in range(2)]
    assert [count(url) for url in (*urls, *urls)] == [1, 1, 2, 2]


def test_a_killed_minio_comes_back_with_what_it_had_acknowledged(own_minio: Minio):
    store = S3Store(Minio.BUCKET, **own_minio.settings, client_options={"allow_http": True})
    obstore.put(store, "a", b"kept")
    own_minio.kill()
    own_minio.start()
    assert obstore.get(store, "a").bytes() == b"kept"


def test_a_killed_questdb_comes_back_with_what_it_had_accepted(own_questdb: QuestDB):
    def ask(query: str) -> list[list[int]]:
        answer = requests.get(f"{own_questdb.url}/exec", {"query": query}, timeout=30)
        answer.raise_for_status()
        return answer.json().get("dataset", [])

    ask("CREATE TABLE seen (at TIMESTAMP) TIMESTAMP(at) PARTITION BY DAY WAL")
    ask("INSERT INTO seen VALUES (now())")
    own_questdb.kill()
    own_questdb.start()
    deadline = time.monotonic() + 60
    while ask("SELECT count() FROM seen") != [[1]]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert requests.get(f"http://127.0.0.1:{own_questdb.port}/exec?query=select+1", timeout=30).status_code == 401


@pytest.mark.parametrize(("promised", "said"), [("", "1 skipped"), ("postgres minio", "1 error")])
def test_a_server_that_is_not_there_is_a_skip_unless_it_was_promised(tmp_path: Path, promised: str, said: str):
    environ = os.environ | {"QMD_TEST_MINIO": str(tmp_path / "nowhere"), "QMD_TEST_PROMISED": promised}
    asked = [sys.executable, "-m", "pytest", "-q", "-rs", __file__, "-k", "killed_minio"]
    done = subprocess.run(
        asked, cwd=Path(__file__).parents[1], env=environ, capture_output=True, text=True, check=False
    )
    assert said in done.stdout
    assert ".ci/minio builds it" in done.stdout
