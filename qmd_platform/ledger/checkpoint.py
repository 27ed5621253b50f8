"""The whole ledger as one document, from which records carry on.

What lives here: every table to bytes and back. What does not: single commits (``ledger.journal``), where the bytes are
kept (``lake.records``), copying from database to database (``ledger.transfer``).
"""

import gzip
import json
import zlib
from collections.abc import Iterator

from sqlalchemy import Connection, Table, insert, select

from qmd_platform.errors import LedgerError
from qmd_platform.ledger.schema import REVISIONS, metadata

_READ = REVISIONS[REVISIONS.index("0002") :]
"""The schemas whose checkpoints can be loaded: every column there was since is there, and what is new may be empty."""

_LINES = 5000
"""Rows inserted at a time."""


def dumped(connection: Connection) -> bytes:
    """Every row of every table, in an open transaction: gzipped JSON, a line a row; ``loaded`` reads it."""
    lines = [json.dumps({"schema": REVISIONS[-1]})]
    for table in metadata.sorted_tables:
        lines.append(json.dumps({"table": table.name, "columns": [column.name for column in table.columns]}))
        found = connection.execute(select(table).order_by(*table.primary_key.columns))
        lines += [json.dumps(list(row)) for row in found]
    return gzip.compress("\n".join(lines).encode(), compresslevel=4, mtime=0)


def loaded(connection: Connection, data: bytes, where: str) -> None:
    """Put the rows of ``dumped`` into empty tables, in an open transaction.

    Raises:
        LedgerError: the bytes are damaged, or of another schema. ``where`` is named in the message.
    """
    try:
        lines = gzip.decompress(data).decode().split("\n")
        schema = json.loads(lines[0])["schema"]
        if schema not in _READ:
            raise LedgerError(f"the checkpoint {where} has schema {schema}, not {REVISIONS[-1]}")
        for table, rows in _tables(lines[1:]):
            for start in range(0, len(rows), _LINES):
                connection.execute(insert(table), rows[start : start + _LINES])
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise LedgerError(f"the checkpoint {where} is damaged: {error}", hint="put it back from a backup") from error


def _tables(lines: list[str]) -> Iterator[tuple[Table, list[dict[str, object]]]]:
    table: Table | None = None
    names: list[str] = []
    rows: list[dict[str, object]] = []
    for line in lines:
        said = json.loads(line)
        if isinstance(said, dict):
            if table is not None:
                yield table, rows
            table, names, rows = metadata.tables[said["table"]], said["columns"], []
        else:
            rows.append(dict(zip(names, said, strict=True)))
    if table is not None:
        yield table, rows
