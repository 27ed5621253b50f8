"""``qmd sql "SELECT ..."``: questions to the lake in DuckDB's SQL.

What lives here: the query's way in, refusing what writes, choosing the form of the answer. What does not: the tables
(``qmd_platform.lake.views``), the forms (``cli.sql_output``).
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.errors import ConfigError, LakeError

if TYPE_CHECKING:
    import duckdb

    from qmd_platform.lake.views import Connection

STDIN = "-"
STDOUT = Path("-")
SHOWN = 40
"""Rows of a table in the terminal."""

ONLY_READS = "qmd sql only reads"

_EXPLAIN = re.compile(r"\s*explain(\s+analyze)?(\s*\([^)]*\))?\s", re.IGNORECASE)

_READING = frozenset({"SELECT", "EXPLAIN", "MULTI"})
"""Kinds of statements that only read, as DuckDB names them; MULTI is PIVOT. DESCRIBE and SHOW are SELECT."""

_FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


@kit.command(
    {
        "qmd sql": "The tables there are.",
        "qmd sql \"SELECT symbol, max(high) FROM candles_1d WHERE venue = 'binance' GROUP BY symbol\"": "A question.",
        "qmd sql \"FROM candles_1h WHERE symbol = 'BTC/USDT' AND open_at >= '2026-10-01'\" --csv btc.csv": "Into a file.",
        'qmd sql "SELECT count(*) FROM candles_1m" --as-of 2026-10-01': "What it was on that day.",
        "qmd sql - --json < question.sql": "The query from a file, the answer as JSON.",
    }
)
@click.argument("query", required=False)
@click.option("--tables", is_flag=True, help="List the tables with their rows and columns; so does no QUERY at all.")
@click.option("--csv", "csv", type=_FILE, metavar="FILE", help="Write CSV here, whole or not at all; - is stdout.")
@click.option("--parquet", type=_FILE, metavar="FILE", help="Write Parquet here, whole or not at all.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=SHOWN,
    show_default=True,
    help="Rows shown in a terminal; files, pipes and JSON get all.",
)
@click.option("--as-of", metavar="SNAPSHOT", help="The lake as it was: a commit's number, a time, a pin's name.")
@click.option("--no-verify", is_flag=True, help="Do not hash the files first; damage may then pass for data.")
def command(
    *,
    query: str | None,
    tables: bool,
    csv: Path | None,
    parquet: Path | None,
    limit: int,
    as_of: str | None,
    no_verify: bool,
    as_json: bool,
) -> None:
    """Ask the lake in SQL, one table a timeframe.

    QUERY is one statement of DuckDB's SQL; - reads it from stdin. The tables are candles_1m, candles_1h, ... with
    venue, symbol, open_at (UTC), open, high, low, close, volume, and instruments. Nothing is written to the lake.
    In a terminal the answer is a table, in a pipe CSV.
    """
    from qmd_platform.lake import views

    if csv and parquet:
        raise ConfigError("--csv and --parquet exclude each other", hint="run it twice")
    text = sys.stdin.read() if query == STDIN else query
    with views.connect(store.lake_to_read(), as_of=as_of, verify=not no_verify) as connection:
        if tables or text is None:
            if text is not None or csv or parquet:
                raise ConfigError("--tables takes no query and no file", hint="leave one of them out")
            _list(connection, as_json=as_json)
        else:
            _answer(connection, text, csv or parquet, "parquet" if parquet else "csv", limit, as_json=as_json)


def _list(connection: "Connection", *, as_json: bool) -> None:
    from qmd_platform.cli import show
    from qmd_platform.lake import views
    from qmd_platform.lake.view_sql import columns
    from qmd_platform.model.tables import table

    found = {name: (connection.snapshot.rows(name), columns(table(name))) for name in views.TABLES}
    if as_json:
        kit.emit([{"table": name, "rows": rows, "columns": kinds} for name, (rows, kinds) in found.items()])
        return
    lines = [(name, show.count(rows), ", ".join(kinds)) for name, (rows, kinds) in found.items()]
    show.table([("table", "left"), ("rows", "right"), ("columns", "left")], lines)


def _answer(
    connection: "Connection", query: str, target: Path | None, format_: str, limit: int, *, as_json: bool
) -> None:
    from qmd_platform.cli import show, sql_output

    with _understood():
        found = _asked(connection, query)
        if target is not None and target != STDOUT:
            rows, size = sql_output.write_whole(found, format_, target)
            if as_json:
                kit.emit({"file": str(target), "format": format_, "rows": rows, "bytes": size})
            else:
                kit.note(f"{target}: {show.counted(rows, 'row')}, {show.count(size)} bytes")
        elif as_json:
            sql_output.emit(found)
        elif target is None and sys.stdout.isatty():
            sql_output.draw(found, limit)
        else:
            sql_output.WRITERS[format_](found, sys.stdout.buffer)


@contextmanager
def _understood() -> Iterator[None]:
    """DuckDB's errors as ours."""
    import duckdb

    try:
        yield
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except duckdb.IOException as error:
        if "/table=" not in str(error):  # the user's own file, not the lake's
            raise ConfigError(_message(error)) from error
        hint = "it was vacuumed or damaged after it was checked: run the query again, or `qmd verify`"
        raise LakeError(_message(error), hint=hint) from error
    except duckdb.Error as error:
        raise ConfigError(_message(error), hint="`qmd sql --tables` lists tables and columns") from error


def _asked(connection: "Connection", query: str) -> "duckdb.DuckDBPyRelation":
    """The answer to the one reading statement in ``query``, not fetched yet; ConfigError for any other."""
    statements = connection.raw.extract_statements(query)
    if len(statements) != 1:
        hint = "run them one by one" if statements else "give a query, or leave it out to list the tables"
        raise ConfigError(f"{ONLY_READS} one statement, and here are {len(statements)}", hint=hint)
    (statement,) = statements
    kind = statement.type.name
    if kind not in _READING:
        hint = "write results to a file with --csv FILE or --parquet FILE"
        raise ConfigError(f"{ONLY_READS}; this is {kind.replace('_', ' ')}", hint=hint)
    connection.prepare(query)
    _refuse_writing(connection.raw, _without_end(connection.raw, query))
    found: duckdb.DuckDBPyRelation = connection.raw.sql(query)
    return found


def _without_end(connection: "duckdb.DuckDBPyConnection", query: str) -> str:
    """``query`` without the semicolons, and comments, behind its statement."""
    import duckdb

    head, mark, tail = query.rpartition(";")
    try:
        is_end = bool(mark) and not connection.extract_statements(tail)
    except duckdb.ParserException:
        is_end = False
    return _without_end(connection, head) if is_end else query


def _refuse_writing(connection: "duckdb.DuckDBPyConnection", query: str) -> None:
    """ConfigError for a query that writes from within, as WITH x AS (COPY ...): DuckDB calls that a SELECT.

    It takes one only at the top, so the same query put in brackets must still be one.
    """
    import duckdb

    inner = _EXPLAIN.sub("", query, count=1) if _EXPLAIN.match(query) else query
    try:
        connection.sql(f"FROM (\n{inner}\n)")
    except duckdb.BinderException as error:
        if "must be at the top level" in str(error):
            hint = "write results to a file with --csv FILE or --parquet FILE"
            raise ConfigError(f"{ONLY_READS}; this writes in its WITH", hint=hint) from None
        raise


def _message(error: Exception) -> str:
    """DuckDB's message, without its blank lines."""
    return "\n".join(line.rstrip() for line in str(error).splitlines() if line.strip())
