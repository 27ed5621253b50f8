"""The ledger: commits by compare-and-swap, and everything else that changes it.

What lives here: what may be asked to change. What does not: making a commit (``ledger.committing``), its rows
(``ledger.applying``), questions (``ledger.questions``, ``ledger.history``, ``ledger.tracing``), what vacuum does (``ledger.disposal``),
which lake and world it is of (``ledger.identity``), the database's habits (``ledger.sqlite``, ``ledger.postgres``),
files and merging (``lake``).

A commit covers a batch of partitions, all or nothing. Each change names the version it was made from; if any
partition has moved on since, the whole batch is refused (Conflict) and the caller reads again. Commits are made
one after the other, so their ids have no holes, and a snapshot is everything up to an id.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, delete, insert

from qmd_platform.errors import BadSnapshot, Conflict, LedgerError
from qmd_platform.ledger import applying, rows
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.checkpoint import dumped, loaded
from qmd_platform.ledger.committing import Committing, Keeper, now_ms
from qmd_platform.ledger.database import Database
from qmd_platform.ledger.journal import Entry
from qmd_platform.ledger.records import Change, Pin, Verdict
from qmd_platform.ledger.snapshots import NOW, AsOf, pinned, resolved
from qmd_platform.ledger.sqlite import SqliteDatabase
from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant, iso

PIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
"""What a new pin may be called: to be typed without quotes, and never a commit or a time."""


class Recorder(Keeper, Protocol):
    """Keeps what commits do, and knows what was kept."""

    def complete(self, ledger: "Ledger") -> int:
        """Make the commits that were kept and are not in the ledger; how many there were."""


class Ledger(Committing):
    """What a lake holds. Cheap to open; safe to share between threads, to fork, and to open in many processes."""

    def __init__(self, database: Database, recorder: Recorder | None = None) -> None:
        super().__init__(database, recorder)
        self.database = database
        self._recorder = recorder

    @classmethod
    def open(cls, path: Path, lock: Path) -> "Ledger":
        """The ledger in the SQLite file ``path``, made and migrated under the lock file ``lock`` where needed.

        Raises:
            LedgerTooNew: a newer qmd_platform wrote it; nothing is changed.
            LedgerError: it cannot be read or written.
        """
        database = SqliteDatabase(path, lock)
        database.migrate()
        return cls(database)

    def close(self) -> None:
        """Tidy up after this process's commits. They are durable without it."""
        self._database.close()

    def commit(
        self,
        changes: Sequence[Change],
        *,
        run_id: str,
        source: str,
        idem_key: str | None = None,
        world: str | None = None,
    ) -> int:
        """Make ``changes`` so, all or none, durably; the commit's id. ``world`` as of ``claim``.

        Raises:
            Conflict: a partition is no longer at the version its change was made from, or ``idem_key`` was used
                before. Nothing was changed.
            WrongWorld: the ledger is of another world. Nothing was changed.
            LedgerError: the database failed. If it did so at the very end, the commit may have been made; making
                the same one again does no harm.
        """
        self.complete()
        with self._making() as making:
            if world is not None:
                self._claim(making.connection, world)
            entry = self._entry(making.connection, run_id, source, idem_key=idem_key, changes=tuple(changes))
            self._commit(making, entry)
        return entry.id

    def complete(self) -> int:
        """Make the commits that were decided and never finished (``lake.records``); how many there were."""
        return self._recorder.complete(self) if self._recorder else 0

    def replay(self, entries: Iterable[Entry]) -> int:
        """Make the commits of ``entries`` again, as they were, in one transaction; how many were still to be done.

        Raises:
            LedgerError: the commit before one is missing, or it does not fit what is there (another lake's, damage).
        """
        done = 0
        with self._database.writing() as connection:
            last = resolved(connection, None)
            for entry in entries:
                if entry.id <= last:
                    continue
                if entry.id != last + 1:
                    raise LedgerError(f"commit {entry.id} cannot follow commit {last}: a record is missing")
                self._replayed(connection, entry)
                last, done = entry.id, done + 1
        return done

    def _replayed(self, connection: Connection, entry: Entry) -> None:
        if entry.lake:
            self._say(connection, "lake", entry.lake)
        if entry.world is not None:
            self._claim(connection, entry.world)
        try:
            self._apply(connection, entry)
        except Conflict as error:
            raise LedgerError(f"the record of commit {entry.id} does not fit the ledger: {error}") from error

    def checkpoint(self) -> tuple[int, bytes]:
        """The latest commit, and the whole ledger right after it as bytes; ``load`` reads them."""
        with self._database.reading() as connection:
            return resolved(connection, None), dumped(connection)

    def load(self, dump: bytes, where: str) -> None:
        """Fill an empty ledger from a checkpoint kept at ``where``; LedgerError if that is damaged."""
        with self._database.writing() as connection:
            loaded(connection, dump, where)

    def pin(
        self,
        name: str,
        *,
        at: AsOf = None,
        series: Iterable[Series] | None = None,
        until: Instant | None = None,
        note: str = "",
        run_id: str = "pin",
    ) -> Pin:
        """Name a snapshot, and keep it readable (until ``until``, epoch ms). An own commit.

        Args:
            name: as ``PIN_NAME``; a pin of this name must not exist, unless it says the same.
            at: the snapshot; None for now.
            series: only these are kept readable; None for all.
            until: the pin ends then; None for never.
            note: why.
            run_id: who.

        Raises:
            BadSnapshot: the name is taken or not one, or there is no such snapshot.
        """
        _refuse_name(name)
        chosen = None if series is None else tuple(sorted(set(series)))
        self.complete()
        with self._making() as making:
            # Resolved in here, so that no vacuum comes between; of all series, as a snapshot may be whole for some only.
            number = resolved(making.connection, at, chosen[0] if chosen and len(chosen) == 1 else None)
            wanted = Pin(name, number, chosen, until, note, now_ms())
            for held in pinned(making.connection):
                if held.name == name and (held.commit, held.series, held.until) == (number, chosen, until):
                    return held
                if held.name == name:
                    hint = "unpin it, or choose another name"
                    raise BadSnapshot(f"the pin {name!r} is taken: commit {held.commit}", hint=hint)
            if until is not None and until <= wanted.made_at:
                raise BadSnapshot(
                    f"the pin {name!r} would end at {iso(until)}, which is over", hint="give a later time"
                )
            self._commit(making, self._entry(making.connection, run_id, "qmd:pin", pins=(wanted,)))
        return wanted

    def unpin(self, name: str, *, run_id: str = "unpin") -> None:
        """Forget a pin: what only it reaches may go. BadSnapshot if there is none of this name."""
        if name not in (names := [pin.name for pin in self.pins()]):
            hint = f"pins: {', '.join(names)}" if names else "there is none"
            raise BadSnapshot(f"there is no pin {name!r}", hint=hint)
        self.complete()
        with self._making() as making:
            self._commit(making, self._entry(making.connection, run_id, "qmd:unpin", unpinned=(name,)))

    def record_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Keep what the rules said of these partitions instead of all they said before: one judgement, one state."""
        with self._database.writing() as connection:
            ids = applying.numbered(connection, {verdict.partition for verdict in verdicts})
            connection.execute(delete(db.verdict).where(db.verdict.c.partition_id.in_(ids.values())))
            for verdict in verdicts:
                kept = {name: getattr(verdict, name) for name in rows.VERDICT}
                connection.execute(insert(db.verdict).values(kept | {"partition_id": ids[verdict.partition]}))


def _refuse_name(name: str) -> None:
    """For new pins; one that was made under another name before this was asked for is read and forgotten by it."""
    if not PIN_NAME.fullmatch(name) or name == NOW:
        hint = "a letter, then letters, digits, . _ -; what begins with a digit is a commit or a time, and `now` is now"
        raise BadSnapshot(f"{name!r} cannot name a pin", hint=hint)
