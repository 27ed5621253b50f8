"""The database behind the ledger: what each one must offer, and how it gets the schema this code speaks.

What lives here: the interface, making and migrating the tables, and the refusal of a newer schema and of a ledger
that was moved. What does not: the two databases there are (``ledger.sqlite``, ``ledger.postgres``), moving from one to
the other (``ledger.transfer``), any question about the lake (``ledger.ledger``).
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text

from qmd_platform.errors import LedgerError, LedgerTooNew
from qmd_platform.ledger.schema import REVISIONS, metadata


class Database(Protocol):
    """Where the ledger's tables are. Safe to share between threads and to carry over a fork.

    Whatever goes wrong in there is a LedgerError that says what to do, and never shows a password.
    """

    @property
    def where(self) -> str:
        """The database as a person finds it, without its password."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection in one read transaction: all it sees is of one commit."""

    def writing(self) -> AbstractContextManager[Connection]:
        """The one connection that writes, in one transaction: committed at the end, rolled back on an error.

        Its holder sees everything that was committed before, and nobody else commits meanwhile. LedgerError if the
        ledger was moved elsewhere: also a process that opened it before does not write to it any more.
        """

    def moving(self) -> AbstractContextManager[Connection]:
        """As ``writing``, whether or not the ledger was moved: for moving it."""

    def migrate(self) -> None:
        """Bring the database to the schema this code speaks; makes it if absent. Safe to race.

        Raises:
            LedgerTooNew: a newer qmd_platform wrote it. Nothing is changed.
            LedgerError: it cannot be read or written.
        """

    def problems(self) -> list[str]:
        """What the database itself finds wrong with its own file; nothing for one that a server looks after."""

    def close(self) -> None:
        """Tidy up after this process's commits, which are durable without it. The database stays usable."""

    def let_go(self) -> None:
        """Hold no connection, and do nothing else."""


def is_current(where: str, revision: str | None) -> bool:
    """Whether a database at schema ``revision`` (None: without one) is up to date; LedgerTooNew if it is ahead."""
    if revision is not None and revision not in REVISIONS:
        raise LedgerTooNew(
            f"the ledger {where} has schema {revision}; this qmd_platform knows up to {REVISIONS[-1]}",
            hint="upgrade qmd_platform; nothing was changed",
        )
    return revision == REVISIONS[-1]


MOVED = "moved"
"""The key in ``about`` of a ledger that is elsewhere now; its value says where."""

ARRIVING = "arriving"
"""The key in ``about`` of a copy that is not the ledger yet; its value says which ledger still is."""


def refuse_moved(connection: Connection, where: str) -> None:
    """LedgerError if the ledger ``where`` is not the one to use: it was moved, or is a copy not confirmed yet."""
    said = {row.key: row.value for row in connection.exec_driver_sql(_MOVED)}
    if now := said.get(MOVED):
        server = now.startswith("postgresql:")
        hint = f"set QMD_POSTGRES_URL to {now} with its password" if server else "unset QMD_POSTGRES_URL"
        raise LedgerError(f"the ledger {where} was moved to {now}", hint=hint)
    if before := said.get(ARRIVING):
        hint = "run `qmd migrate-ledger` again; it goes on where it was stopped"
        raise LedgerError(f"the ledger {where} is an unconfirmed copy of {before}", hint=hint)


_MOVED = "SELECT key, value FROM about WHERE key IN ('moved', 'arriving')"


def bring_up(connection: Connection, revision: str | None) -> None:
    """From ``revision`` (None: no tables yet) to today's schema. The caller's transaction makes it all or nothing."""
    if revision is None:
        _make(connection)
    else:
        upgrade(connection)


def _make(connection: Connection) -> None:
    """All tables of today, marked as alembic would; a test holds them equal to the migrations' end."""
    metadata.create_all(connection, checkfirst=False)
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": REVISIONS[-1]})


def upgrade(connection: Connection) -> None:
    """From an older schema to today's, by way of the migrations."""
    from alembic import command  # noqa: PLC0415 - a third of a second, needed only to change an old ledger
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
