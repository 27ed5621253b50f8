"""The text of DuckDB's views: from the physical columns of ``lake.codec`` to a table's own. Pure.

What lives here: SQL as text. What does not: which files (``lake.readable``), running it (``lake.views``).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from qmd_platform.lake.packing import MOST_DIGITS
from qmd_platform.lake.readable import Readable
from qmd_platform.model.candles import PRICES
from qmd_platform.model.tables import CANDLES, Table

TYPES = {
    "instant": "TIMESTAMP WITH TIME ZONE",
    "float64": "DOUBLE",
    "int64": "BIGINT",
    "string": "VARCHAR",
    "bool": "BOOLEAN",
}

_SCALES = "[" + ", ".join(f"1e{digits}" for digits in range(MOST_DIGITS + 1)) + "]"
"""Powers of ten as float literals, each exact. A look-up, because pow() took half as long again."""


def columns(spec: Table) -> dict[str, str]:
    """The columns of the view of a table, and their DuckDB types."""
    own = {column.name: TYPES[column.dtype] for column in spec.columns}
    named = {"venue": "VARCHAR", "symbol": "VARCHAR"} if spec.scope == "market" else {"venue": "VARCHAR"}
    return named | own


def view(name: str, spec: Table, files: Sequence[Readable]) -> str:
    """The statement that makes the view ``name`` of a table over exactly ``files``; of none: an empty view.

    Files of the same physical columns are read by one scan, so that DuckDB need not open all of them to find out,
    and does not take the first one's column types for all.
    """
    groups: dict[tuple[tuple[str, str], ...], list[Path]] = {}
    for file in files:
        groups.setdefault(file.columns, []).append(file.path)
    parts = [_scan(spec, dict(physical), paths) for physical, paths in groups.items()]
    return _made(name, "\nUNION ALL\n".join(parts) or _without_rows(spec))


def placeholder(name: str, spec: Table) -> str:
    """The statement that makes a view of the right columns whose rows cannot be had: its files are not proven yet."""
    why = f"the files of {name} are not checked yet: name it in a query of the connection that qmd made"
    values = ", ".join(f"CAST(error('{why}') AS {kind}) AS {column}" for column, kind in columns(spec).items())
    return _made(name, f"SELECT {values} WHERE error('{why}') IS NULL")


def _made(name: str, query: str) -> str:
    return f"CREATE OR REPLACE VIEW {name} AS\n{query}"


def _without_rows(spec: Table) -> str:
    values = ", ".join(f"CAST(NULL AS {kind}) AS {column}" for column, kind in columns(spec).items())
    return f"SELECT {values} WHERE false"


def _scan(spec: Table, physical: Mapping[str, str], paths: Sequence[Path]) -> str:
    logical = _candles(physical) if spec is CANDLES else _as_they_are(spec, physical)
    place = {"venue": "venue"} | ({"symbol": "market"} if spec.scope == "market" else {})
    chosen = ", ".join(f"{expression} AS {column}" for column, expression in (place | logical).items())
    files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    # Folders are text: DuckDB would take a month for a date.
    how = "hive_partitioning = true, hive_types_autocast = false"
    return f"SELECT {chosen} FROM read_parquet([{files}], {how})"  # noqa: S608 - our own names; paths are quoted


def _as_they_are(spec: Table, physical: Mapping[str, str]) -> dict[str, str]:
    """The table's own columns; those that were added after the file was written are null."""
    return {
        column.name: column.name if column.name in physical else f"CAST(NULL AS {TYPES[column.dtype]})"
        for column in spec.columns
    }


def _candles(physical: Mapping[str, str]) -> dict[str, str]:
    prices = {name: name for name in PRICES}
    if "ps" in physical:
        scale = f"{_SCALES}[ps + 1]"
        prices = {
            "open": f"(high_i - open_down) / {scale}",
            "high": f"high_i / {scale}",
            "low": f"(high_i - greatest(open_down, close_down) - low_down) / {scale}",
            "close": f"(high_i - close_down) / {scale}",
        }
    volume = f"volume_i / {_SCALES}[vs + 1]" if "vs" in physical else "volume"
    return {"open_at": "open_at", **prices, "volume": volume}
