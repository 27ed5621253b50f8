"""Candles as CSV, Parquet, Arrow, JSON rows, or a table to look at.

What lives here: turning an Arrow table of candles into bytes, and writing a file whole or not at all. What does
not: which candles (``cli.read``).
"""

import os
from collections.abc import Callable
from io import IOBase
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from qmd_platform.cli import show
from qmd_platform.errors import ConfigError
from qmd_platform.model.window import Instant, iso

SHOWN = 10
"""Candles shown at each end of a long table."""


def write(table: pa.Table, format_: str, sink: BinaryIO) -> None:
    """Write ``table`` to ``sink`` as ``csv``, ``parquet`` or ``arrow`` (the IPC file format, Feather)."""
    WRITERS[format_](table, sink)


def write_whole(table: pa.Table, format_: str, path: Path) -> int:
    """Write ``table`` to the file ``path``, which is never seen half written. How many bytes it has.

    Raises:
        ConfigError: the place cannot be written; a file that was there before is as it was.
    """
    return whole(path, lambda sink: write(table, format_, sink))


def whole(path: Path, fill: Callable[[BinaryIO], None]) -> int:
    """Make the file ``path`` of what ``fill`` writes, all at once. Bytes and errors as ``write_whole``."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("xb") as sink:
            fill(sink)
            sink.flush()
            os.fsync(sink.fileno())
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return path.stat().st_size


def rows(table: pa.Table) -> list[dict[str, object]]:
    """One dict a candle, open times in ISO."""
    times = [iso(at) for at in instants(table)]
    columns: dict[str, list[object]] = {name: table.column(name).to_pylist() for name in table.column_names}
    columns["open_at"] = list(times)
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def instants(table: pa.Table) -> list[Instant]:
    """The open times as epoch ms."""
    return [at for at in table.column("open_at").cast(pa.int64()).to_pylist() if at is not None]


def draw(table: pa.Table, title: str) -> None:
    """Print the first and last candles as a table."""
    show.say(f"[bold]{title}[/]  {show.count(len(table))} candles")
    cut = len(table) > 2 * SHOWN + 1
    ends = pa.concat_tables([table.slice(0, SHOWN), table.slice(len(table) - SHOWN)]) if cut else table
    lines = [[show.minute(at)] for at in instants(ends)]
    for name in table.column_names[1:]:
        for line, value in zip(lines, ends.column(name).to_pylist(), strict=True):
            line.append(repr(value))
    if cut:
        lines.insert(SHOWN, ["...", *[""] * (len(table.column_names) - 1)])
    show.table([("open_at (UTC)", "left"), *((name, "right") for name in table.column_names[1:])], lines)
    if cut:
        show.say(f"{show.count(len(table) - 2 * SHOWN)} more between: --format csv prints all, -o FILE writes them.")


def _csv(table: pa.Table, sink: BinaryIO) -> None:
    import pyarrow.compute as pc
    from pyarrow import csv

    # Arrow prints the shortest digits that read back as the same float, as Python's repr does, 30 times as fast.
    utc = table.column("open_at").cast(pa.timestamp("s", "UTC")).cast(pa.timestamp("s"))
    times = pc.strftime(utc, format="%Y-%m-%dT%H:%M:%SZ")  # type: ignore[arg-type] # the stubs miss chunked arrays
    sink.write((",".join(table.column_names) + "\n").encode())
    options = csv.WriteOptions(include_header=False, quoting_style="none")
    csv.write_csv(table.set_column(0, "open_at", times), sink, options)


def _parquet(table: pa.Table, sink: BinaryIO) -> None:
    from pyarrow import parquet

    parquet.write_table(table, sink, compression="zstd")


def _arrow(table: pa.Table, sink: BinaryIO) -> None:
    with pa.ipc.new_file(pa.PythonFile(cast("IOBase", sink), "w"), table.schema) as writer:
        writer.write_table(table)


WRITERS: dict[str, Callable[[pa.Table, BinaryIO], None]] = {"csv": _csv, "parquet": _parquet, "arrow": _arrow}
