"""The ledger on a real PostgreSQL server: raced for, forked with, cut off, killed, shared with others."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import sqlalchemy as sa

from qmd_platform.errors import LedgerError
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.postgres import PostgresDatabase
from tests.ledger.talking import Opened, asked, said, say
from tests.servers import Postgres, fresh_database, fresh_schema

ROOT = Path(__file__).parents[2]


def cut(url: str, connection: sa.Connection) -> None:
    """What an administrator, or a network, does to a connection."""
    number = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    asked(url, f"SELECT pg_terminate_backend({number}, 5000)")


def test_processes_that_open_a_new_ledger_at_once_all_get_it_and_their_commits_have_no_holes(postgres: str):
    program = """
import sys
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.postgres import PostgresDatabase
sys.stdin.readline()
database = PostgresDatabase(sys.argv[1])
database.migrate()
ledger = Ledger(database)
print(*[ledger.commit([], run_id="r", source="s") for _ in range(10)])
"""
    url = fresh_schema(postgres)
    command = [sys.executable, "-c", program, url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, cwd=ROOT, **pipes) for _ in range(8)]
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    numbers = [[int(text) for text in process.communicate()[0].split()] for process in started]
    assert all(mine == sorted(mine) and len(mine) == 10 for mine in numbers)
    assert sorted(number for mine in numbers for number in mine) == list(range(1, 81))


def test_a_reader_sees_one_commit_however_long_it_looks(database: PostgresDatabase):
    count = sa.select(sa.func.count()).select_from(db.about)
    with database.reading() as reader:
        assert reader.execute(count).scalar_one() == 0
        with database.writing() as writer:
            say(writer, "a")
        assert reader.execute(count).scalar_one() == 0
    assert said(database) == ["a"]


def test_a_reader_cannot_write(database: PostgresDatabase):
    with pytest.raises(LedgerError, match="read-only"), database.reading() as connection:
        say(connection, "a")
    with database.writing() as connection:  # on the same connection, from the pool
        say(connection, "b")
    assert said(database) == ["b"]


@pytest.mark.parametrize("habit", ["read committed", "repeatable read", "serializable"])
def test_a_writer_waits_for_the_one_before_it_and_sees_what_that_committed(postgres: str, opened: Opened, habit: str):
    spaced = habit.replace(" ", "\\ ")
    options = quote(f"-c default_transaction_isolation={spaced}")
    url = f"{fresh_schema(postgres)}&options={options}"
    database, other = opened(url), opened(url)
    found: list[int] = []

    def second() -> None:
        with other.writing() as connection:
            found.append(connection.execute(sa.select(sa.func.count()).select_from(db.about)).scalar_one())

    thread = threading.Thread(target=second)
    with database.writing() as connection:
        thread.start()
        thread.join(0.3)
        assert not found
        say(connection, "a")
    thread.join()
    assert found == [1]


def test_an_error_undoes_what_was_written(database: PostgresDatabase):
    def fails() -> None:
        with database.writing() as connection:
            say(connection, "a")
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert said(database) == []


def test_the_lock_of_a_process_that_dies_in_a_commit_is_given_up_though_its_child_lives(database: PostgresDatabase):
    reading, writing = os.pipe()
    writer = os.fork()
    if not writer:
        with database.writing() as connection:
            say(connection, "a")
            grandchild = os.fork()
            if not grandchild:
                os.write(writing, str(os.getpid()).encode())
                signal.pause()
            signal.pause()
    grandchild = int(os.read(reading, 20))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    try:
        with database.writing() as connection:
            say(connection, "b")
        assert said(database) == ["b"]
    finally:
        os.kill(grandchild, signal.SIGKILL)
        os.close(reading)
        os.close(writing)


def test_a_forked_child_may_use_the_ledger_and_so_may_its_parent(database: PostgresDatabase):
    said(database)
    for name in "abc":
        child = os.fork()
        if not child:
            code = 1
            try:
                with database.writing() as connection:
                    say(connection, f"child {name}")
                code = 0
            finally:
                os._exit(code)
        with database.writing() as connection:
            say(connection, name)
        assert os.waitpid(child, 0)[1] == 0
    assert said(database) == ["a", "b", "c", "child a", "child b", "child c"]


def test_a_connection_cut_while_idle_is_replaced_unnoticed(database: PostgresDatabase, postgres: str):
    for method in (database.reading, database.writing):
        with method() as connection:
            number = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        asked(postgres, f"SELECT pg_terminate_backend({number}, 5000)")
        with method() as connection:
            assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() != number


def test_a_connection_cut_before_the_commit_commits_nothing_and_says_so(database: PostgresDatabase, postgres: str):
    def writes_on() -> None:
        with database.writing() as connection:
            say(connection, "a")
            cut(postgres, connection)
            say(connection, "b")

    with pytest.raises(LedgerError, match="was stopped or the connection was cut") as error:
        writes_on()
    assert error.value.hint == "nothing was committed by this attempt; run it again"
    assert said(database) == []


def test_of_a_connection_cut_at_the_commit_the_outcome_is_said_to_be_unknown(database: PostgresDatabase, postgres: str):
    def commits() -> None:
        with database.writing() as connection:
            say(connection, "a")
            cut(postgres, connection)

    with pytest.raises(LedgerError, match="whether the commit was made is not known") as error:
        commits()
    assert error.value.hint == "run it again: rows that are there already change nothing"
    assert said(database) == []


def test_a_server_that_was_killed_and_started_again_has_all_commits_and_serves_the_same_process(
    own_postgres: Postgres, opened: Opened
):
    database = opened(own_postgres.url)
    ledger = Ledger(database)
    numbers = [ledger.commit([], run_id="r", source="s") for _ in range(3)]
    own_postgres.kill()
    with pytest.raises(LedgerError, match="cannot be reached"):
        ledger.last_commit()
    own_postgres.start()
    assert numbers == [1, 2, 3]
    assert ledger.last_commit() == 3
    assert ledger.commit([], run_id="r", source="s") == 4


def test_a_commit_is_on_disk_whatever_the_servers_habit(postgres: str, opened: Opened):
    hasty = opened(fresh_schema(postgres) + "&options=-c%20synchronous_commit%3Doff")
    with hasty.writing() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
    careful = opened(fresh_schema(postgres) + "&options=-c%20synchronous_commit%3Dremote_apply")
    with careful.writing() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "remote_apply"


def test_a_writer_that_hangs_is_put_out_after_a_while(database: PostgresDatabase):
    def hangs() -> None:
        with database.writing() as connection:
            say(connection, "a")
            connection.exec_driver_sql("SET idle_in_transaction_session_timeout = '50ms'")
            time.sleep(0.5)
            say(connection, "b")

    with pytest.raises(LedgerError, match="nothing was committed"):
        hangs()
    assert said(database) == []


def test_a_machine_that_vanishes_or_hangs_does_not_hold_the_others_up_for_good(database: PostgresDatabase):
    with database.writing() as connection:
        found = connection.exec_driver_sql("SELECT name, setting FROM pg_settings").all()
    setting = {row.name: row.setting for row in found}
    idle, pause, count = (int(setting[f"tcp_keepalives_{name}"]) for name in ("idle", "interval", "count"))
    assert 0 < idle + pause * count <= 60
    assert setting["idle_in_transaction_session_timeout"] == "600000"


def test_a_wait_that_is_cut_short_by_a_setting_is_named(postgres: str, opened: Opened):
    url = fresh_schema(postgres)
    opened(url)
    impatient = opened(f"{url}&options=-c%20statement_timeout%3D50ms")
    holding = opened(url)

    def waits() -> None:
        with impatient.writing():
            pytest.fail("there were two writers at once")

    with holding.writing(), pytest.raises(LedgerError, match="gave up after a time that is set for qmd"):
        waits()


def test_a_ledger_shares_its_database_with_other_ledgers_and_with_dagsters_tables(postgres: str, opened: Opened):
    url = fresh_database(postgres)
    asked(url, "CREATE TABLE alembic_version (version_num text)", "INSERT INTO alembic_version VALUES ('dagster')")
    asked(url, "CREATE TABLE commit (id text)")
    first, second = opened(url), opened(f"{url}?schema=other")
    with first.writing() as connection:
        say(connection, "a")
    assert (said(first), said(second)) == (["a"], [])
    with first.reading() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM public.alembic_version").scalar_one() == "dagster"


def test_text_is_sorted_as_python_sorts_it_whatever_the_databases_language(postgres: str, opened: Opened):
    name = urlsplit(fresh_database(postgres)).path[1:]
    asked(postgres, f"DROP DATABASE {name}")
    asked(postgres, f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    database = opened(urlsplit(postgres)._replace(path=f"/{name}").geturl())
    keys = ["b", "B2", "BTC/USDT", "BTC_USDT", "a", "é", "1", "BTC-USDT", "BTCUSDT"]
    with database.writing() as connection:
        for key in keys:
            say(connection, key)
    with database.reading() as connection:
        found = connection.execute(sa.select(db.about.c.key).order_by(db.about.c.key)).scalars().all()
    assert found == sorted(keys)
