"""Moving a ledger: all of it arrives, wherever it is stopped, and never are there two to write to."""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from qmd_platform.errors import LedgerError
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.database import Database
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.postgres import PostgresDatabase
from qmd_platform.ledger.sqlite import SqliteDatabase
from qmd_platform.ledger.transfer import BATCH, Transferred, refuse_moved, transfer
from tests.conformance.figures import is_patient
from tests.servers import fresh_schema

Contents = dict[str, list[tuple[Any, ...]]]
Make = Callable[[], Database]
SQLITE_AND_POSTGRES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture
def made() -> Iterator[list[Database]]:
    """Databases to be closed at the end."""
    databases: list[Database] = []
    yield databases
    for database in databases:
        database.close()


def maker(kind: str, request: pytest.FixtureRequest, folder: Path, made: list[Database]) -> Make:
    def make() -> Database:
        if kind == "postgres":
            made.append(PostgresDatabase(fresh_schema(request.getfixturevalue("postgres"))))
        else:
            path = folder / f"{len(made)}.sqlite"
            made.append(SqliteDatabase(path, path.with_suffix(".lock")))
        return made[-1]

    return make


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def make_source(request: pytest.FixtureRequest, tmp_path: Path, made: list[Database]) -> Make:
    """Makes a ledger with rows in every table, each time it is called."""
    make = maker(request.param, request, tmp_path, made)

    def filled() -> Database:
        database = make()
        database.migrate()
        fill(database, 1, 7)
        return database

    return filled


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def make_target(request: pytest.FixtureRequest, tmp_path: Path, made: list[Database]) -> Make:
    """Makes a database without a ledger, each time it is called."""
    return maker(request.param, request, tmp_path, made)


@pytest.fixture
def source(tmp_path: Path, made: list[Database]) -> Database:
    """A ledger in SQLite with rows in every table."""
    made.append(SqliteDatabase(tmp_path / "source.sqlite", tmp_path / "source.lock"))
    made[-1].migrate()
    fill(made[-1], 1, 7)
    return made[-1]


@pytest.fixture
def target(tmp_path: Path, made: list[Database]) -> Database:
    """A SQLite database that is not there yet."""
    made.append(SqliteDatabase(tmp_path / "target.sqlite", tmp_path / "target.lock"))
    return made[-1]


def fill(database: Database, first: int, last: int, lake: str = "lake of the test") -> None:
    """Rows ``first`` to ``last`` of every table, whatever its columns are."""
    with database.writing() as connection:
        if first == 1:
            connection.execute(sa.insert(db.about).values(key="lake", value=lake))
        for table in db.metadata.sorted_tables:
            rows = [
                {column.name: value(column, number) for column in table.columns} for number in range(first, last + 1)
            ]
            connection.execute(sa.insert(table), rows)


def value(column: sa.Column[Any], number: int) -> object:
    if column.nullable and number % 3 == 0:
        return None
    if isinstance(column.type, sa.Boolean):
        return number % 2 == 0
    if isinstance(column.type, sa.BigInteger) and not column.foreign_keys:
        return (1 << 52) + number
    if isinstance(column.type, sa.Integer):
        return number
    if isinstance(column.type, sa.Double):
        return float("inf") if number % 3 == 1 else number + 0.1
    return f"{column.name} {number} 'é\"\\ \n%s :x 中 🐢"


def contents(database: Database) -> Contents:
    with database.reading() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in db.metadata.sorted_tables
        }


def without_marks(found: Contents) -> Contents:
    return found | {"about": [row for row in found["about"] if row[0] not in {"moved", "arriving"}]}


def is_usable(database: Database) -> bool:
    try:
        refuse_moved(database)
    except LedgerError:
        return False
    return True


def last_commit(database: Database) -> int:
    return Ledger(database).last_commit()


def test_every_row_arrives_and_the_old_ledger_is_left_as_it_was_but_refused(make_source: Make, make_target: Make):
    source, target = make_source(), make_target()
    before = contents(source)
    done = transfer(source, target)
    assert done == Transferred(sum(len(rows) for rows in before.values()), 7, copied=True)
    assert contents(target) == before == without_marks(contents(source))
    assert (is_usable(source), is_usable(target)) == (False, True)
    with pytest.raises(LedgerError, match="was moved to") as refused:
        refuse_moved(source)
    assert target.where in str(refused.value)


def test_a_new_partition_gets_a_number_no_other_has(make_source: Make, make_target: Make):
    source, target = make_source(), make_target()
    transfer(source, target)
    with target.writing() as connection:
        names = {column.name: value(column, 8) for column in db.partition.columns if column.name != "id"}
        number = connection.execute(sa.insert(db.partition).values(names).returning(db.partition.c.id)).scalar_one()
    assert number == 8


def test_a_process_that_has_the_old_ledger_open_cannot_commit_to_it_any_more(make_source: Make, make_target: Make):
    source, target = make_source(), make_target()
    ledger = Ledger(source)
    transfer(source, target)
    with pytest.raises(LedgerError, match="was moved to"):
        ledger.commit([], run_id="r", source="s")
    assert ledger.last_commit() == 7


def test_moving_twice_is_moving_once(make_source: Make, make_target: Make):
    source, target = make_source(), make_target()
    first = transfer(source, target)
    fill(target, 8, 9)
    after = contents(target)
    again = transfer(source, target)
    assert (first.copied, again.copied, again.commit) == (True, False, 9)
    assert contents(target) == after


def test_a_ledger_can_be_moved_back_with_what_was_committed_since(make_source: Make, make_target: Make):
    first, second = make_source(), make_target()
    transfer(first, second)
    fill(second, 8, 9)
    expected = contents(second)
    assert transfer(second, first).commit == 9
    assert contents(first) == expected
    assert (is_usable(first), is_usable(second)) == (True, False)


@pytest.mark.parametrize(
    ("when", "every"),
    [
        ("before each commit", 1),
        ("before each statement", 13),
        pytest.param("before each statement", 3 if is_patient() else 17, marks=pytest.mark.slow),
    ],
)
def test_stopped_anywhere_it_is_finished_by_the_next_run_and_never_are_both_to_be_used(
    make_source: Make, make_target: Make, when: str, every: int
):
    for instant in range(0, 1000, every):
        source, target = make_source(), make_target()
        if not killed(source, target, when, instant):
            assert instant > (2 if when == "before each commit" else 30)
            return
        usable = is_usable(source), holds_commits(target) and is_usable(target)
        assert usable != (True, True)
        if usable[0]:
            fill(source, 8, 8)  # life goes on
        expected = without_marks(contents(source))
        transfer(source, target)
        assert contents(target) == expected
        assert (is_usable(source), is_usable(target)) == (False, True)
        for database in (source, target):
            database.close()
    pytest.fail("it never finished")


def holds_commits(database: Database) -> bool:
    if isinstance(database, SqliteDatabase) and not database.path.exists():
        return False
    with database.reading() as connection:
        has_tables = sa.inspect(connection).has_table("about")
    return has_tables and last_commit(database) > 0


def killed(source: Database, target: Database, when: str, instant: int) -> bool:
    """Move in another process that is killed at ``instant``; False if it had finished before."""
    child = os.fork()
    if not child:
        code = 1
        try:
            event, seen = ("before_cursor_execute", "commit")[when == "before each commit"], iter(range(instant))
            sa.event.listen(
                sa.Engine, event, lambda *_: next(seen, None) is None and os.kill(os.getpid(), signal.SIGKILL)
            )
            transfer(source, target)
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    assert status in {0, signal.SIGKILL}
    return status != 0


def test_an_older_copy_is_brought_up_to_date(source: Database, target: Database):
    target.migrate()
    fill(target, 1, 3)
    assert transfer(source, target).rows > 0
    assert contents(target) == without_marks(contents(source))


def test_a_ledger_with_commits_the_source_does_not_have_is_not_overwritten(source: Database, target: Database):
    target.migrate()
    fill(target, 1, 8)
    before = contents(source), contents(target)
    with pytest.raises(LedgerError, match="has commits that"):
        transfer(source, target)
    assert (contents(source), contents(target)) == before


def test_a_ledger_whose_commits_are_others_is_not_overwritten(source: Database, target: Database):
    target.migrate()
    fill(target, 1, 3)
    with target.writing() as connection:
        connection.execute(sa.update(db.commit).where(db.commit.c.id == 2).values(run_id="another"))
    before = contents(target)
    with pytest.raises(LedgerError, match="has commits that"):
        transfer(source, target)
    assert contents(target) == before


def test_a_ledger_of_another_lake_is_not_overwritten(source: Database, target: Database):
    target.migrate()
    fill(target, 1, 1, lake="another")
    with pytest.raises(LedgerError, match="another lake"):
        transfer(source, target)
    assert is_usable(source)


def test_what_was_moved_elsewhere_is_not_moved_again(source: Database, target: Database, tmp_path: Path):
    transfer(source, target)
    third = SqliteDatabase(tmp_path / "third.sqlite", tmp_path / "third.lock")
    with pytest.raises(LedgerError, match="was moved to"):
        transfer(source, third)
    with pytest.raises(LedgerError, match="already is"):
        transfer(target, target)


def test_a_ledger_that_was_moved_to_a_place_that_lost_it_says_so(source: Database, target: Database, tmp_path: Path):
    transfer(source, target)
    target.close()
    (tmp_path / "target.sqlite").unlink()
    with pytest.raises(LedgerError, match="does not hold it any more"):
        transfer(source, target)


def test_a_copy_that_differs_is_no_copy(source: Database, target: Database, monkeypatch: pytest.MonkeyPatch):
    target.migrate()
    with target.moving() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER spoil AFTER INSERT ON pin WHEN new.commit_id = 5 BEGIN UPDATE pin SET until = 0 WHERE commit_id = 5; END"
        )
    with pytest.raises(LedgerError, match="the copy of the table pin is not the same"):
        transfer(source, target)
    assert is_usable(source)
    assert not any(contents(target).values())


def test_progress_counts_every_row_twice_and_ends_at_the_total(source: Database, target: Database):
    fill(source, 8, BATCH + 8)
    said: list[tuple[int, int]] = []
    done = transfer(source, target, lambda now, of: said.append((now, of)))
    assert said == sorted(said)
    assert {of for _, of in said} == {2 * done.rows}
    assert said[-1][0] == 2 * done.rows


def test_a_ledger_that_moved_to_a_server_says_which_setting_to_make(source: Database):
    with source.moving() as connection:
        connection.execute(sa.insert(db.about).values(key="moved", value="postgresql://qmd@host/db?schema=qmd"))
    with pytest.raises(LedgerError) as refused:
        refuse_moved(source)
    assert refused.value.hint == "set QMD_POSTGRES_URL to postgresql://qmd@host/db?schema=qmd with its password"


def test_readers_of_the_old_ledger_are_not_in_the_way(source: Database, target: Database, tmp_path: Path):
    reader = sqlite3.connect(tmp_path / "source.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM pin").fetchone() == (7,)
    transfer(source, target)
    assert reader.execute("SELECT count(*) FROM about").fetchone() == (8,)
    reader.close()
