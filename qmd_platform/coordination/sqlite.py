"""The store in one SQLite file: for all processes of one machine.

What lives here: everything particular to the file. What does not: the texts in it (``account``, ``leases``).

Nothing is ever synced to disk. What a power cut can take is worth nothing after it: budgets are spent within a minute,
leases end by themselves, and a ban that is forgotten is told again by the venue. A file it leaves damaged is moved aside
and made anew. A process killed in the middle of a change leaves a journal, and the next one undoes the change.

Not the write-ahead log: see ``ledger.sqlite`` for what it can do to a file that many processes write.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from qmd_platform.coordination.away import StoreAway, StoreBusy
from qmd_platform.coordination.port import Read
from qmd_platform.errors import LedgerError
from qmd_platform.ledger.lock import held

T = TypeVar("T")

BUSY_S = 0.02
"""How long SQLite itself waits for another process; more is waited where it holds nobody up."""

_PRAGMAS = ("synchronous=OFF", "journal_mode=PERSIST", "temp_store=MEMORY")
_TABLE = "CREATE TABLE IF NOT EXISTS texts (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID"
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class SqliteStore:
    """``port.Store`` in the file ``path``, made if absent. Its clock is the machine's."""

    is_remote = False

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int, int] | None = None
        self.where = str(path)

    def read(self, key: str) -> Read:
        """See Store."""
        found = self._done(lambda db: db.execute("SELECT text FROM texts WHERE key = ?", (key,)).fetchone())
        return Read(self._clock(), found[0] if found else None)

    def swap(self, key: str, old: str | None, new: str) -> bool:
        """See Store."""
        if old is None:
            return self._changed("INSERT INTO texts (key, text) VALUES (?, ?) ON CONFLICT DO NOTHING", (key, new))
        return self._changed("UPDATE texts SET text = ? WHERE key = ? AND text = ?", (new, key, old))

    def close(self) -> None:
        """See Store."""
        with self._lock:
            self._closed()

    def _changed(self, statement: str, values: tuple[str, ...]) -> bool:
        return bool(self._done(lambda db: db.execute(statement, values).rowcount))

    def _done(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return work(self._current())
            except sqlite3.Error as error:
                code = (error.sqlite_errorcode or 0) & 0xFF
                if code in _LOCKED:
                    raise StoreBusy(f"{self._path}: {error}") from error
                damaged = self._opened
                self._closed()
                if code in _DAMAGED and damaged:
                    self._set_aside(damaged)
                raise StoreAway(f"{self._path}: {error}") from error
            except OSError as error:
                self._closed()
                raise StoreAway(f"{self._path}: {error.strerror}") from error

    def _current(self) -> sqlite3.Connection:
        """A connection of this process to the file that has the name now: it may be another one than a moment ago."""
        if self._connection is not None and self._opened == self._identity():
            return self._connection
        self._closed()
        uri = f"file:{quote(str(self._path))}?mode=rwc"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        self._opened = self._identity()
        try:
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            connection.execute(_TABLE)
        except sqlite3.Error:  # while others are at it, say: a connection without all of this is none
            connection.close()
            raise
        self._connection, self._opened = connection, self._identity()
        return connection

    def _identity(self) -> tuple[int, int, int]:
        """Of this process, the file of this name; zeros for the file when there is none."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return os.getpid(), 0, 0
        return os.getpid(), found.st_dev, found.st_ino

    def _closed(self) -> None:
        # A forked child only forgets its parent's connection: closing it would let go of the parent's file locks.
        if self._connection is not None and self._opened and self._opened[0] == os.getpid():
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = self._opened = None

    def _set_aside(self, damaged: tuple[int, int, int]) -> None:
        """Give a damaged file another name, once: the next process to notice finds a new file under the old name."""
        aside = self._path.with_name(f"{self._path.name}.damaged-{int(self._clock())}")
        with suppress(OSError, LedgerError), held(self._path.with_name(f"{self._path.name}.lock")):
            if self._identity() == damaged:
                self._path.with_name(f"{self._path.name}-journal").unlink(missing_ok=True)
                self._path.rename(aside)
