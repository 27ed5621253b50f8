"""Connections to SQLite files: for reading, for writing, for making a new one.

What lives here: what each connection is told when it is opened, and the engines that all files share. What does not: when
which is opened, and under which lock (``ledger.sqlite``).
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

LOG_BYTES = 4 << 20
"""Size of the write-ahead log from which a commit checkpoints although readers keep the log open."""

# With the limit the log begins anew as a short file. Without, it stays as long as it ever was, and every commit from then
# on checkpoints: three syncs more.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "wal_autocheckpoint=0",
    f"journal_size_limit={LOG_BYTES // 4}",
)

BUSY_S = 60
"""Seconds a connection waits for SQLite's own locks (a closing writer's checkpoint) before it gives up."""


def connected(path: Path, mode: str, pragmas: tuple[str, ...] = ()) -> sqlite3.Connection:
    """The driver's own connection, to read (``ro``) or to write and make (``rwc``)."""
    # isolation_level=None: we say BEGIN ourselves, as sqlite3 would only say it before a write.
    uri = f"file:{quote(str(path))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _engine(connect: Callable[[], sqlite3.Connection], begin: str) -> Engine:
    # No pool: a connection closed outside the lock is what must never happen.
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


_TARGET: ContextVar[Path] = ContextVar("_TARGET")
"""The file the next connection is to."""

# One engine of each kind for all files: an engine keeps the statements it has compiled, and making them anew for every
# lake that is opened costs 20 ms.
READER = _engine(lambda: connected(_TARGET.get(), "ro"), "BEGIN")
WRITER = _engine(lambda: connected(_TARGET.get(), "rwc", _PRAGMAS), "BEGIN IMMEDIATE")
MAKER = _engine(lambda: connected(_TARGET.get(), "rwc", ("synchronous=FULL",)), "BEGIN IMMEDIATE")


@contextmanager
def connected_to(engine: Engine, path: Path) -> Iterator[Connection]:
    """A connection of one of the engines to the file ``path``."""
    token = _TARGET.set(path)
    try:
        connection = engine.connect()
    finally:
        _TARGET.reset(token)
    with connection:
        yield connection
