"""The lake for SQL: one logical table a timeframe, for DuckDB and for Polars.

What lives here: ``connect`` and ``frame``, over the files of one snapshot. What does not: proving the files
(``lake.readable``), the expressions that make numbers of them (``lake.view_sql``, ``lake.view_frames``).

The engines read the lake's own files. A table's rows are the rows of all its markets: ``venue`` and ``symbol`` come
from the folders, and a filter on them opens only their files; a range of ``open_at`` reads only the files it touches.
"""

import re
import threading
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from qmd_platform.errors import ConfigError, choices
from qmd_platform.lake.blobs import BlobStore
from qmd_platform.lake.readable import Readable, readable, scratch
from qmd_platform.lake.view_frames import scanned
from qmd_platform.lake.view_sql import placeholder, view
from qmd_platform.ledger.records import Segment
from qmd_platform.model import tables

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from qmd_platform.lake.store import Lake

TABLES = tables.NAMES
"""Every table there may be. Those the lake holds nothing of are empty."""

_NAMED = re.compile(rf"\b({'|'.join(TABLES)})\b", re.IGNORECASE)

_ASKING = frozenset({"execute", "from_query", "query", "sql", "table", "view"})
"""DuckDB's methods whose first argument is a query or a table's name."""


def connect(lake: "Lake", *, as_of: int | str | None = None, verify: bool = True) -> "Connection":
    """A DuckDB connection, in memory, with the lake's tables as views.

    Args:
        lake: an open lake.
        as_of: the snapshot to show: a commit's id, a time as ISO text, a pin's name. None for now. It stays the same
            as long as the connection lives.
        verify: hash a table's files when a query names it for the first time in this process.

    Raises:
        ConfigError: DuckDB is not installed.
        LedgerError: there is no such snapshot.
    """
    duckdb = _duckdb()
    connection = duckdb.connect(":memory:")
    # The last three: what is not here is not fetched from anywhere, footers are read once, spills stay out of the
    # user's folder; and a query may name the caller's data frames, which are a frame above ours.
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET parquet_metadata_cache = true")
    connection.execute("SET python_scan_all_frames = true")
    connection.execute("SET temp_directory = $folder", {"folder": str(scratch())})
    connection.execute(";\n".join(placeholder(name, tables.table(name)) for name in TABLES))
    return Connection(connection, Snapshot(lake, as_of, verify=verify))


def frame(lake: "Lake", table: str, *, as_of: int | str | None = None, verify: bool = True) -> "pl.LazyFrame":
    """A table of the lake as a Polars LazyFrame. Arguments as ``connect``'s; its files are hashed here and now.

    Raises:
        ConfigError: there is no such table, or Polars is not installed.
        CorruptSegment: a file is not what was committed.
        LedgerError: there is no such snapshot.
    """
    if table not in TABLES:
        raise ConfigError(f"unknown table {table!r}", hint=choices(table, TABLES))
    return scanned(tables.table(table), Snapshot(lake, as_of, verify=verify).files(table))


class Snapshot:
    """The files of one commit, table by table."""

    def __init__(self, lake: "Lake", as_of: int | str | None, *, verify: bool = True) -> None:
        self.commit = lake.ledger.resolved(as_of)
        self._blobs: BlobStore = lake.blobs.data
        self._verify = verify
        self._segments: dict[str, list[Segment]] = {}
        for segment in lake.ledger.segments(as_of=self.commit):
            self._segments.setdefault(segment.partition.series.table, []).append(segment)

    def rows(self, table: str) -> int:
        """How many rows a table has."""
        return sum(segment.rows for segment in self._segments.get(table, ()))

    def files(self, table: str) -> list[Readable]:
        """The files of a table, by market and time; CorruptSegment as ``readable``."""
        return readable(self._blobs, self._segments.get(table, ()), verify=self._verify)


class Connection:
    """A DuckDB connection that proves the files of a table before a query that names it is run.

    Everything DuckDB's own connection has, this has: ``sql``, ``execute``, ``fetchall``, ``register``, ``close`` ...
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection", snapshot: Snapshot) -> None:
        self.raw = connection
        """DuckDB's own. The tables that no query has named yet refuse to be read by it."""
        self.snapshot = snapshot
        self._views: tuple[dict[str, list[Readable]], threading.Lock] = ({}, threading.Lock())

    def prepare(self, query: str) -> None:
        """Prove the files of all tables that ``query`` names, and make their views.

        Raises:
            CorruptSegment: a file is not what was committed.
        """
        made, lock = self._views
        for name in {found.lower() for found in _NAMED.findall(query)}:
            files = self.snapshot.files(name)
            with lock:
                if made.get(name) != files:
                    self.raw.execute(view(name, tables.table(name), files))
                    made[name] = files

    def cursor(self) -> "Connection":
        """Another connection to the same views, for another thread."""
        other = Connection(self.raw.cursor(), self.snapshot)
        other._views = self._views  # they are the database's, so both have them
        return other

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever DuckDB's connection has
        """DuckDB's own attribute."""
        found = getattr(self.raw, name)
        if name not in _ASKING:
            return found

        def asked(query: Any, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - DuckDB's arguments
            self.prepare(str(getattr(query, "query", query)))
            result = found(query, *args, **named)
            return self if result is self.raw else result

        return asked

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.raw.close()


def _duckdb() -> ModuleType:
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError:
        hint = "pip install 'qmd-platform[sql]'"
        raise ConfigError("SQL needs the package duckdb, which is missing", hint=hint) from None
    return duckdb
