"""Files of recorded candles: read whole, every cell checked, nothing mended.

What lives here: csv, csv.gz, parquet, feather and freqtrade's json as columns of numbers. What does not: whose
candles they are (``replay``). Rows are kept as recorded, in their order: a recording may hold repeats, holes and
nonsense, that is what it is for. What cannot be read as a number or a time is refused.

| column | holds |
|---|---|
| ``open_at`` or ``date`` | epoch ms, a timestamp (one without zone is taken as UTC), or ISO text with a zone |
| ``open high low close volume`` | numbers, or text that is one |

Other columns are left out. freqtrade's json has no names: rows of ``[ms, open, high, low, close, volume]``.
"""

import csv
import gzip
import io
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import ConfigError, choices
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.window import instant

if TYPE_CHECKING:
    import pyarrow as pa

_TIMES = ("open_at", "date")
_NUMBERS = COLUMNS[1:]
_SECONDS_ARE_BELOW = 10**11
"""Epoch ms below this would be before 1973: seconds, written where ms belong."""
_PER_MS = {"s": (1000, 1), "ms": (1, 1), "us": (1, 1000), "ns": (1, 1_000_000)}
"""Unit of an Arrow timestamp: (multiplier, divisor) that make it ms."""

_Columns = dict[str, Sequence[object]]


def read(path: Path) -> Candles:
    """The rows of ``path`` in recorded order; ``volume`` in whatever unit the file has.

    Raises:
        ConfigError: unknown ending, unreadable file, missing column, or a cell that is no number or time; the message
            names file, row (the first is 1) and column.
    """
    reader = next((reader for ending, reader in _READERS.items() if path.name.endswith(ending)), None)
    if reader is None:
        raise ConfigError(f"{path}: unknown kind of file", hint=choices(path.suffix, _READERS))
    columns = _opened(path, reader)
    time = next((name for name in _TIMES if name in columns), None)
    if time is None:
        raise ConfigError(f"{path}: no column open_at or date", hint=f"the file has {', '.join(columns) or 'nothing'}")
    if missing := [name for name in _NUMBERS if name not in columns]:
        raise ConfigError(f"{path}: no column {missing[0]}", hint=f"the file has {', '.join(columns)}")
    return Candles(_times(path, time, columns[time]), *(_numbers(path, name, columns[name]) for name in _NUMBERS))


def _opened(path: Path, reader: Callable[[bytes], _Columns]) -> _Columns:
    try:
        return reader(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, EOFError, csv.Error) as error:
        # ValueError is what pyarrow, msgspec, gzip's content and text decoding raise for bytes they cannot read.
        raise ConfigError(f"{path} is not what its name says: {error}") from None


def _csv(content: bytes) -> _Columns:
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    if not rows:
        return {}
    header, *body = rows
    body = [row for row in body if row]
    if short := next((n for n, row in enumerate(body, 1) if len(row) != len(header)), None):
        raise ValueError(f"row {short} has {len(body[short - 1])} cells, the header {len(header)}")
    columns = zip(*body, strict=True) if body else [()] * len(header)
    return {name.strip(): list(column) for name, column in zip(header, columns, strict=True)}


def _csv_gz(content: bytes) -> _Columns:
    return _csv(gzip.decompress(content))


def _json(content: bytes) -> _Columns:
    rows = msgspec.json.decode(content, type=list[tuple[object, object, object, object, object, object]])
    return dict(zip(COLUMNS, zip(*rows, strict=True) if rows else [()] * len(COLUMNS), strict=True))


def _parquet(content: bytes) -> _Columns:
    import pyarrow.parquet as pq  # noqa: PLC0415 - 0.3 s that only such files need

    return _arrow(pq.read_table(io.BytesIO(content)))


def _feather(content: bytes) -> _Columns:
    from pyarrow import feather  # noqa: PLC0415 - 0.3 s that only such files need

    return _arrow(feather.read_table(io.BytesIO(content)))


def _arrow(table: "pa.Table") -> _Columns:
    wanted = [name for name in table.column_names if name in {*_TIMES, *_NUMBERS}]
    return {name: _values(table.column(name)) for name in wanted}


def _values(column: "pa.ChunkedArray[Any]") -> list[object]:
    import pyarrow as pa  # noqa: PLC0415 - imported already by who calls

    if not pa.types.is_timestamp(column.type):
        return list(column.to_pylist())
    times, by = _PER_MS[column.type.unit]
    ticks = column.cast(pa.int64()).to_pylist()
    # What is not a whole ms stays a fraction, which _time refuses.
    return [None if tick is None else tick * times // by if tick % by == 0 else tick * times / by for tick in ticks]


def _times(path: Path, name: str, values: Sequence[object]) -> NDArray[np.int64]:
    result = np.empty(len(values), np.int64)
    for row, value in enumerate(values):
        try:
            result[row] = _time(value)
        except (ValueError, OverflowError, ConfigError) as error:
            raise _refused(path, row, name, str(error)) from None
    return result


def _time(value: object) -> int:
    """Epoch ms of one cell; ValueError or ConfigError says why not."""
    if isinstance(value, str) and not value.strip().lstrip("-").replace(".", "", 1).isdecimal():
        return instant(value.strip())
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is not a time")  # noqa: TRY004 - the cell is wrong, not the code
    number = float(value)
    if not number.is_integer():
        raise ValueError(f"{value!r} is not a whole number of milliseconds")
    if 0 < number < _SECONDS_ARE_BELOW:
        raise ValueError(f"{value!r} looks like seconds; write milliseconds since 1970")
    return int(number)


def _numbers(path: Path, name: str, values: Sequence[object]) -> NDArray[np.float64]:
    result = np.empty(len(values), np.float64)
    for row, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, float | int | str):
            raise _refused(path, row, name, f"{value!r} is not a number")
        try:
            result[row] = float(value)
        except ValueError:
            raise _refused(path, row, name, f"{value!r} is not a number") from None
    if bad := np.flatnonzero(~np.isfinite(result)).tolist():
        raise _refused(path, bad[0], name, f"{values[bad[0]]!r} is not a number a venue can print")
    return result


def _refused(path: Path, row: int, name: str, why: str) -> ConfigError:
    return ConfigError(f"{path}: row {row + 1}, column {name}: {why}")


_READERS: dict[str, Callable[[bytes], _Columns]] = {
    ".csv": _csv,
    ".csv.gz": _csv_gz,
    ".parquet": _parquet,
    ".feather": _feather,
    ".json": _json,
}
