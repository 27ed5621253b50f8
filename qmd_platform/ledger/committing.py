"""How a commit is made: its rows, its record, the end of its transaction.

What lives here: the one way into the log. What does not: who may ask for a commit, and of what (``ledger.ledger``), what
its changes do to the tables (``ledger.applying``).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from qmd_platform import __version__
from qmd_platform.errors import BadSnapshot, Conflict, LedgerError
from qmd_platform.ledger import applying
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.database import Database
from qmd_platform.ledger.history import text_of
from qmd_platform.ledger.identity import Identity
from qmd_platform.ledger.journal import Entry
from qmd_platform.model.window import Instant


class Keeper(Protocol):
    """Keeps what commits do, beside the ledger (``lake.records``)."""

    def keep(self, entry: Entry) -> None:
        """Keep what a commit did, durably, before it is one. An error it raises undoes the commit."""


@dataclass(slots=True)
class Making:
    """A commit being made: its transaction, and its id once it is decided."""

    connection: Connection
    decided: int | None = None


class Committing(Identity):
    """The part of the ledger that makes commits."""

    def __init__(self, database: Database, keeper: Keeper | None) -> None:
        super().__init__(database)
        self._keeper = keeper

    @contextmanager
    def _making(self) -> Iterator[Making]:
        """A write transaction for one commit.

        Once its record is kept a commit is decided: an error after that is a LedgerError that says so, whatever the
        database thinks has become of it.
        """
        making: Making | None = None
        try:
            with self._database.writing() as connection:
                making = Making(connection)
                yield making
        except LedgerError as error:
            if making is None or making.decided is None:
                raise
            hint = "the next to open the lake completes it; running it again does no harm"
            message = f"commit {making.decided} is decided, and not in the ledger yet: {error.message}"
            raise LedgerError(message, hint=hint) from error

    def _entry(self, connection: Connection, run_id: str, source: str, **said: Any) -> Entry:  # noqa: ANN401 - fields of Entry
        last, at = connection.execute(select(func.max(db.commit.c.id), func.max(db.commit.c.at))).one()
        return Entry(
            id=(last or 0) + 1,
            at=max(now_ms(), at or 0),  # a clock that jumps back must not make the past ambiguous
            run_id=run_id,
            source=source,
            code_version=__version__,
            lake=self._said(connection, "lake") or "",
            world=self._said(connection, "world"),
            **said,
        )

    def _commit(self, making: Making, entry: Entry) -> None:
        """The one way into the log: rows first, which may refuse, then the record, then the transaction's end."""
        self._apply(making.connection, entry)
        if self._keeper is not None:
            self._keeper.keep(entry)
            making.decided = entry.id

    def _apply(self, connection: Connection, entry: Entry) -> None:
        said = {name: getattr(entry, name) for name in ("id", "at", "run_id", "source", "code_version", "idem_key")}
        try:
            connection.execute(insert(db.commit).values(said))
        except IntegrityError as error:
            raise Conflict(f"a commit with the key {entry.idem_key!r} exists") from error
        applying.apply(connection, entry.id, entry.at, entry.changes)
        if entry.unpinned:
            connection.execute(delete(db.pin).where(db.pin.c.name.in_(entry.unpinned)))
        for pin in entry.pins:
            kept = {"name": pin.name, "commit_id": pin.commit, "series": text_of(pin.series), "until": pin.until}
            try:
                connection.execute(insert(db.pin).values(kept | {"note": pin.note, "made_at": pin.made_at}))
            except IntegrityError as error:
                raise BadSnapshot(f"the pin {pin.name!r} is taken", hint="choose another name") from error


def now_ms() -> Instant:
    """The clock's time."""
    return time.time_ns() // 1_000_000
