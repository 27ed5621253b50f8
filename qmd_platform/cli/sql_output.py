"""A query's rows as CSV, Parquet, JSON, or a table to look at.

What lives here: turning DuckDB's answer into bytes, a batch at a time, so that an answer need not fit in memory. What
does not: asking (``cli.sql``), candles without SQL (``cli.export``).
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import pyarrow as pa

from qmd_platform.cli import export, kit, show
from qmd_platform.errors import ConfigError

if TYPE_CHECKING:
    import duckdb

BATCH = 100_000
"""Rows fetched at a time."""


def write_whole(found: "duckdb.DuckDBPyRelation", format_: str, path: Path) -> tuple[int, int]:
    """Write the rows to the file ``path``, which is never seen half written; how many rows and bytes it has.

    Raises:
        ConfigError: the place cannot be written; a file that was there before is as it was.
    """
    rows = 0

    def fill(sink: BinaryIO) -> None:
        nonlocal rows
        rows = WRITERS[format_](found, sink)

    size = export.whole(path, fill)
    return rows, size


def emit(found: "duckdb.DuckDBPyRelation") -> None:
    """Print the rows as JSON: ``{"columns": [...], "rows": [{...}]}``. NaN and infinities are null."""
    rows = [{name: _jsonable(value) for name, value in row.items()} for row in _rows(found)]
    kit.emit({"columns": names(found), "rows": rows})


def draw(found: "duckdb.DuckDBPyRelation", limit: int) -> None:
    """Print the first ``limit`` rows as a table, and whether there are more."""
    rows = list(islice(_rows(found), limit + 1))
    columns = [(show.plain(name), _side(str(kind))) for name, kind in zip(names(found), found.types, strict=True)]
    show.table(columns, [[show.plain(_text(value)) for value in row.values()] for row in rows[:limit]])
    if len(rows) > limit:
        show.say(f"The first {show.counted(limit, 'row')}: --limit N shows more, --csv FILE writes all.")


def names(found: "duckdb.DuckDBPyRelation") -> list[str]:
    """The columns' names, told apart where the query gives two the same one: ``a``, ``a_1``."""
    told: list[str] = []
    for name in found.columns:
        others = (f"{name}_{number}" for number in count(1))
        told.append(name if name not in told else next(other for other in others if other not in told))
    return told


def _side(kind: str) -> Literal["left", "right"]:
    """Numbers to the right; times too, as what stands there is not folded."""
    unfolded = (
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "DOUBLE",
        "FLOAT",
        "DECIMAL",
        "TIMESTAMP",
        "DATE",
    )
    return "right" if kind.removeprefix("U").startswith(unfolded) and not kind.endswith("]") else "left"


def _csv(found: "duckdb.DuckDBPyRelation", sink: BinaryIO) -> int:
    from pyarrow import csv

    written = 0
    sink.write((",".join(_quoted(name) for name in names(found)) + "\n").encode())
    for batch in found.to_arrow_reader(BATCH):
        columns = [_for_csv(column) for column in batch.columns]
        style: Literal["needed", "none"] = "needed" if any(_has_marks(column) for column in columns) else "none"
        table = pa.Table.from_arrays(columns, names=[str(place) for place in range(len(columns))])
        csv.write_csv(table, sink, csv.WriteOptions(include_header=False, quoting_style=style))
        written += len(batch)
    return written


def _parquet(found: "duckdb.DuckDBPyRelation", sink: BinaryIO) -> int:
    from pyarrow import parquet

    written = 0
    reader = found.to_arrow_reader(BATCH)
    schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, names(found), strict=True)])
    try:
        with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
                written += len(batch)
    except pa.ArrowNotImplementedError as error:
        raise ConfigError(f"not for Parquet: {error}", hint="cast the column in the query") from error
    return written


WRITERS: Mapping[str, Callable[["duckdb.DuckDBPyRelation", BinaryIO], int]] = {"csv": _csv, "parquet": _parquet}
"""By format: write all rows, and say how many there were."""


def _rows(found: "duckdb.DuckDBPyRelation") -> Iterator[dict[str, object]]:
    told = names(found)
    for batch in found.to_arrow_reader(BATCH):
        columns: list[list[object]] = [column.to_pylist() for column in batch.columns]
        for values in zip(*columns, strict=True):
            yield dict(zip(told, values, strict=True))


def _for_csv(column: "pa.Array[Any]") -> "pa.Array[Any]":
    """The column as Arrow's CSV writer takes it: instants in ISO; lists, structures and the like as JSON."""
    import pyarrow.compute as pc

    kind = column.type
    if isinstance(kind, pa.TimestampType):
        zone = "Z" if kind.tz else ""
        whole = column.cast(pa.timestamp("s", kind.tz), safe=False)
        exact = whole if whole.cast(kind).equals(column) else column
        instants: Any = exact.cast(pa.timestamp(exact.type.unit))
        texts: pa.Array[Any] = pc.strftime(instants, format=f"%Y-%m-%dT%H:%M:%S{zone}")
        return texts
    if not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_string(kind)) or _is_interval(kind):
        return pa.array([None if value is None else _text(value) for value in column.to_pylist()], pa.string())
    return column


def _is_interval(kind: pa.DataType) -> bool:
    return pa.types.is_interval(kind)


def _has_marks(column: "pa.Array[Any]") -> bool:
    """Whether a text is in there that CSV must quote; an empty one too, as nothing at all is null."""
    import pyarrow.compute as pc

    if not pa.types.is_string(column.type):
        return False
    return bool(pc.any(pc.match_substring_regex(column, r'[",\n\r]|^$')).as_py())


def _jsonable(value: object) -> object:
    """A value of DuckDB's as one that JSON has: times and intervals as ISO text, bytes as hex."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(name): _jsonable(inner) for name, inner in value.items()}
    return _other(value)


def _other(value: object) -> object:
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, pa.MonthDayNano):
        return f"P{value.months}M{value.days}DT{value.nanoseconds / 1e9:g}S"
    if isinstance(value, Sequence) and not isinstance(value, (str, tuple)):
        return [_jsonable(inner) for inner in value]
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def _text(value: object) -> str:
    """A value for a cell: nothing for null, floats with all their digits."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (list, dict)):
        return json.dumps(_jsonable(value))
    plain = _jsonable(value)
    if isinstance(value, datetime):
        return str(plain).replace("T", " ").removesuffix("Z").removesuffix(":00")
    return str(plain)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in ',"\n\r') else name
