"""The ledger's schema: made at once or migrated, the same tables; a newer one refused and left alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from qmd_platform.errors import LedgerTooNew
from qmd_platform.ledger import migrations
from qmd_platform.ledger.database import Database, upgrade
from qmd_platform.ledger.postgres import PostgresDatabase
from qmd_platform.ledger.schema import REVISIONS, metadata
from qmd_platform.ledger.sqlite import SqliteDatabase
from tests.servers import fresh_schema

Make = Callable[[], Database]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Opens the same new database each time it is called."""
    made: list[Database] = []
    url = fresh_schema(request.getfixturevalue("postgres")) if request.param == "postgres" else None

    def opened() -> Database:
        path, lock = tmp_path / "ledger.sqlite", tmp_path / "commit.lock"
        made.append(PostgresDatabase(url) if url else SqliteDatabase(path, lock))
        return made[-1]

    yield opened
    for database in made:
        database.close()


def differences(connection: sa.Connection) -> list[object]:
    context = MigrationContext.configure(connection)
    assert context.get_current_revision() == REVISIONS[-1]
    return compare_metadata(context, metadata)


def test_a_new_ledger_has_the_tables_the_code_speaks(make: Make):
    database = make()
    database.migrate()
    with database.reading() as connection:
        assert differences(connection) == []


def test_the_migrations_end_in_the_tables_the_code_speaks(tmp_path: Path):
    # SQLite only: no ledger on PostgreSQL is older than 0002, from which the next test starts.
    engine = sa.create_engine(f"sqlite:///{tmp_path}/ledger.sqlite", poolclass=sa.NullPool)
    with engine.begin() as connection:
        upgrade(connection)
    with engine.connect() as connection:
        assert differences(connection) == []


def test_a_ledger_from_before_evidence_was_kept_gets_its_tables(make: Make):
    database = make()
    database.migrate()
    with database.writing() as connection:
        for table in ("evidence", "attempt", "episode"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    make().migrate()
    with database.reading() as connection:
        assert differences(connection) == []
        if connection.dialect.name == "sqlite":
            said = "SELECT sql FROM sqlite_master WHERE name = 'evidence'"
            assert "WITHOUT ROWID" in connection.exec_driver_sql(said).scalar_one()


def test_every_schema_version_has_its_migration_and_the_other_way_round():
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert [script.revision for script in scripts.walk_revisions()][::-1] == list(REVISIONS)


def test_a_ledger_of_a_newer_schema_is_refused_and_left_as_it_was(make: Make):
    database = make()
    database.migrate()
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.exec_driver_sql("DROP TABLE verdict")
    with pytest.raises(LedgerTooNew, match=rf"9999.*{REVISIONS[-1]}") as refused:
        make().migrate()
    assert refused.value.hint == "upgrade qmd_platform; nothing was changed"
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == "9999"
        assert not sa.inspect(connection).has_table("verdict")


def test_a_migration_that_fails_leaves_nothing_behind(make: Make, monkeypatch: pytest.MonkeyPatch):
    database = make()

    def made_in_part(connection: sa.Connection, revision: str | None) -> None:
        metadata.create_all(connection, checkfirst=False)
        message = "stopped"
        raise RuntimeError(message)

    for module in ("sqlite", "postgres"):
        monkeypatch.setattr(f"qmd_platform.ledger.{module}.bring_up", made_in_part)
    with pytest.raises(RuntimeError, match="stopped"):
        database.migrate()
    monkeypatch.undo()
    database.migrate()
    with database.reading() as connection:
        assert differences(connection) == []
