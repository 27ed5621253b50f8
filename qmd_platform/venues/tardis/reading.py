"""A Tardis CSV file in batches of typed columns, or a refusal that names the file and the line.

What lives here: unpacking, types, and what must hold of every row: the header, the exchange and symbol, times in
microseconds, the order of ``local_timestamp``, finite numbers, known sides. What does not: what rows mean (``bars``,
``ingest``), where files come from (``downloads``).

One block of the file is in memory at a time. Nothing is repaired: a file that is not what its type promises is not used.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import ArchiveDamaged
from qmd_platform.model.window import Window, iso
from qmd_platform.venues.tardis.datasets import SIDES, TAKERS, DataType, of_header
from qmd_platform.venues.tardis.exchanges import NAME, dataset_of

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 1 << 20
"""Bytes of unpacked text a batch is made of."""

FIRST_LINE = 2
"""The line of the first row, below the header."""

_GZIP = b"\x1f\x8b"
_EARLIEST_US, _LATEST_US = 10**14, 10**16
"""The years 1973 and 2286: a time outside them does not count microseconds."""
_CELL = re.compile(r"In CSV column #(\d+): ")
_US = 1000
_ROW = re.compile(r"Row #(\d+): ")
_SHOWN = 200
_TIMES = ("timestamp", "local_timestamp", "funding_timestamp")


@dataclass(frozen=True, slots=True)
class Expected:
    """Whose rows a file must hold: Tardis's exchange, the name of the data set its symbol gives, and the day they came in."""

    exchange: str
    dataset: str
    day: Window | None = None


def header_of(path: Path) -> tuple[str, ...]:
    """The names of a file's columns; none for an empty file.

    Raises:
        ArchiveDamaged: it cannot be unpacked or is no text.
    """
    try:
        with _opened(path) as stream:
            first = stream.read(1 << 16).partition(b"\n")[0]
        return tuple(first.decode().strip().split(",")) if first.strip() else ()
    except OSError as error:
        raise _damaged(path, f"line 1 or later: {error}") from None
    except UnicodeDecodeError as error:
        raise _damaged(path, f"line 1: {error}") from None


def types_of(path: Path) -> tuple[DataType, ...]:
    """The types of data set whose columns the file has; several where they look alike; none for an empty file.

    Raises:
        ArchiveDamaged: its columns are those of no type.
    """
    header = header_of(path)
    found = of_header(header)
    if header and not found:
        raise _damaged(path, f"line 1: no type of data set has the columns {','.join(header)[:_SHOWN]}")
    return found


def batches(path: Path, kind: DataType, expected: Expected | None = None) -> Iterator["pa.RecordBatch"]:
    """The rows of the file in order, every batch checked; none for an empty file.

    Args:
        path: a file, packed with gzip or not.
        kind: what it must be.
        expected: whose rows they must be; None for anybody's.

    Raises:
        ArchiveDamaged: it is cut, is something else, or a row is not as the type says. Batches before it were good.
    """
    header = header_of(path)
    if not header:
        return
    if header != kind.header:
        raise _damaged(path, f"line 1: {','.join(header)[:_SHOWN]} is not the header of {kind.name}")
    check = _Check(path, kind, expected)
    for batch in _read(path, kind):
        check(batch)
        yield batch


def _read(path: Path, kind: DataType) -> Iterator["pa.RecordBatch"]:
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s that only who reads a file pays
    from pyarrow import csv  # noqa: PLC0415 - as above

    types: dict[str, Any] = {
        "string": pa.string(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "bool": pa.bool_(),
    }
    line = FIRST_LINE
    try:
        with _opened(path) as stream:
            for batch in csv.open_csv(
                stream,
                # One thread: then an error says which row it is in.
                read_options=csv.ReadOptions(use_threads=False, block_size=BLOCK),
                parse_options=csv.ParseOptions(quote_char=False),
                convert_options=csv.ConvertOptions(
                    column_types={one.name: types[one.dtype] for one in kind.fields},
                    null_values=[""],
                    strings_can_be_null=True,
                    true_values=["true"],
                    false_values=["false"],
                ),
            ):
                line += batch.num_rows
                yield batch
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(path, _explained(str(error), kind, line)) from None


def _explained(said: str, kind: DataType, line: int) -> str:
    """What Arrow says, with the line in the file and the column's name; ``line`` is where it had not read on from."""
    row, cell = _ROW.search(said), _CELL.search(said)
    where = f"line {row[1]}: " if row else f"line {line} or later: "
    column = f"{kind.header[int(cell[1])]}: " if cell else ""
    return (where + column + " ".join(_ROW.sub("", _CELL.sub("", said)).split()))[:_SHOWN]


def _opened(path: Path) -> Any:  # noqa: ANN401 - pyarrow's streams have no common type
    import pyarrow as pa  # noqa: PLC0415 - see _read

    with path.open("rb") as file:
        is_packed = file.read(len(_GZIP)) == _GZIP
    return pa.input_stream(str(path), compression="gzip") if is_packed else pa.OSFile(str(path), "rb")


def _damaged(path: Path, why: str) -> ArchiveDamaged:
    return ArchiveDamaged(NAME, f"{path}: {why}", hint="delete the file to have it downloaded again")


class _Check:
    """What must hold of every row, from batch to batch."""

    def __init__(self, path: Path, kind: DataType, expected: Expected | None) -> None:
        self._path, self._kind, self._expected = path, kind, expected
        self._line = FIRST_LINE
        self._last = 0

    def __call__(self, batch: "pa.RecordBatch") -> None:
        """Raise ArchiveDamaged with the line of the first row that is not as it must be."""
        for one in self._kind.fields:
            column = batch.column(one.name)
            there = _bits(column)
            if not one.nullable:
                self._all(there, f"{one.name} is empty")
            if one.dtype == "float64":
                values = np.where(there, _values(column, np.float64), 0.0)
                self._all(np.isfinite(values), f"{one.name} is no finite number")
            if one.name in _TIMES:
                times = np.where(there, _values(column, np.int64), _EARLIEST_US)
                is_us = (times >= _EARLIEST_US) & (times < _LATEST_US)
                self._all(is_us, f"{one.name} does not count microseconds since 1970")
        self._texts(batch)
        if self._expected is not None and (day := self._expected.day) is not None:
            local = _values(batch.column("local_timestamp"), np.int64)
            self._all(
                (local >= day.start * _US) & (local < day.end * _US), f"local_timestamp is not of {iso(day.start)[:10]}"
            )
        self._order(_values(batch.column("local_timestamp"), np.int64))
        self._line += batch.num_rows

    def _texts(self, batch: "pa.RecordBatch") -> None:
        if self._expected is not None:
            whose = {
                "exchange": lambda text: text == self._expected.exchange if self._expected else True,
                "symbol": lambda text: dataset_of(text) == self._expected.dataset if self._expected else True,
            }
            for name, is_ours in whose.items():
                wanted = self._expected.exchange if name == "exchange" else self._expected.dataset
                self._words(batch, name, is_ours, f"is not {wanted}")
        if "side" in self._kind.header:
            sides = SIDES.get(self._kind.name, TAKERS)
            self._words(batch, "side", sides.__contains__, f"is not one of {', '.join(sides)}")

    def _words(self, batch: "pa.RecordBatch", name: str, is_good: Any, why: str) -> None:  # noqa: ANN401 - a predicate
        encoded: Any = batch.column(name).dictionary_encode()
        words = encoded.dictionary.to_pylist()
        for word in [word for word in words if not is_good(word)]:
            codes = _values(encoded.indices, np.int32)
            self._all(codes != words.index(word), f"{name} {word!r} {why}")

    def _order(self, local: NDArray[np.int64]) -> None:
        before = np.r_[self._last, local[:-1]]
        self._all(local >= before, "local_timestamp is before that of the row above")
        self._last = int(local[-1]) if len(local) else self._last

    def _all(self, good: NDArray[np.bool_], why: str) -> None:
        wrong = np.flatnonzero(~good)
        if len(wrong):
            raise _damaged(self._path, f"line {self._line + int(wrong[0])}: {why}")


def _bits(array: Any) -> NDArray[np.bool_]:  # noqa: ANN401 - an Arrow array of any type
    """Which values are there."""
    if not array.null_count:
        return np.ones(len(array), np.bool_)
    import pyarrow as pa  # noqa: PLC0415 - see _read

    return np.asarray(_values(array.is_valid().cast(pa.int64()), np.int64) == 1)


def _values(array: Any, dtype: Any) -> NDArray[Any]:  # noqa: ANN401 - as above
    """The values' bits, read as ``dtype``; below a null they are whatever they happen to be."""
    data = array.buffers()[1]
    if data is None:
        return np.zeros(len(array), dtype)
    return np.frombuffer(memoryview(data), dtype)[array.offset : array.offset + len(array)]


def floats(batch: "pa.RecordBatch", name: str) -> NDArray[np.float64]:
    """A column of numbers; NaN where a cell is empty."""
    column = batch.column(name)
    return np.where(_bits(column), _values(column, np.float64), np.nan)


def whole(batch: "pa.RecordBatch", name: str) -> NDArray[np.int64]:
    """A column of whole numbers; 0 where a cell is empty."""
    column = batch.column(name)
    return np.where(_bits(column), _values(column, np.int64), 0)
