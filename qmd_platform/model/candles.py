"""Candles as columns: six numpy arrays of one length, sorted by open time.

What lives here: the in-memory shape every room hands on (decoders make it, the lake stores it), slicing,
joining, rolling up to a longer timeframe, and Arrow in and out without copying. Not here: whether the values
are plausible (``quality``), where they come from (``venues``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.window import Window

if TYPE_CHECKING:
    import pyarrow as pa

PRICES = ("open", "high", "low", "close")
COLUMNS = ("open_at", *PRICES, "volume")


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Columns of equal length. ``open_at`` is int64 epoch ms; the rest float64, volume in base coins."""

    open_at: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    @classmethod
    def empty(cls) -> "Candles":
        """No candles."""
        nothing = np.empty(0, np.float64)
        return cls(np.empty(0, np.int64), nothing, nothing, nothing, nothing, nothing)

    @classmethod
    def concat(cls, parts: Sequence["Candles"]) -> "Candles":
        """All rows of ``parts`` in the order given; not sorted, not deduplicated."""
        if not parts:
            return cls.empty()
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS))

    def __len__(self) -> int:
        return len(self.open_at)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> "Candles":
        """The rows selected by position, mask or slice."""
        return Candles(*(getattr(self, name)[rows] for name in COLUMNS))

    def within(self, window: Window) -> "Candles":
        """The rows whose open time is inside ``window``. Needs sorted rows."""
        lo, hi = np.searchsorted(self.open_at, [window.start, window.end])
        return self.take(slice(int(lo), int(hi)))

    def equals(self, other: "Candles") -> bool:
        """Whether every value is the same, bit for bit (NaN equals NaN, 0.0 differs from -0.0)."""
        return len(self) == len(other) and all(
            getattr(self, name).tobytes() == getattr(other, name).tobytes() for name in COLUMNS
        )

    def to_arrow(self) -> "pa.Table":
        """An Arrow table over the same memory: ``open_at`` timestamp[ms, UTC], the rest float64.

        Raises:
            TypeError: a column is not of its type; its bits would be read as other numbers.
        """
        import pyarrow as pa  # noqa: PLC0415 - 0.2 s, and decoding pages does not need it

        # from_buffers, because pa.array(ndarray) imports pandas (0.9 s) where pandas is installed.
        kinds: list[Any] = [pa.timestamp("ms", "UTC"), *[pa.float64()] * 5]
        columns = [np.ascontiguousarray(self._typed(name)).data for name in COLUMNS]
        arrays = [
            pa.Array.from_buffers(kind, len(self), [None, pa.py_buffer(column)])
            for kind, column in zip(kinds, columns, strict=True)
        ]
        return pa.Table.from_arrays(arrays, names=list(COLUMNS))

    def _typed(self, name: str) -> NDArray[np.generic]:
        column: NDArray[np.generic] = getattr(self, name)
        wanted = np.int64 if name == "open_at" else np.float64
        if column.dtype != wanted:
            raise TypeError(f"candles' {name} must be {wanted.__name__}, not {column.dtype}")
        return column

    @classmethod
    def from_arrow(cls, table: "pa.Table") -> "Candles":
        """The columns of an Arrow table as ``to_arrow`` makes it; no nulls. Copies only if chunked."""
        values = (_numpy(table.column(name), np.float64) for name in COLUMNS[1:])
        return cls(_numpy(table.column("open_at"), np.int64), *values)


def open_times(table: "pa.Table") -> NDArray[np.int64]:
    """The open times of an Arrow table of candles, alone."""
    return _numpy(table.column("open_at"), np.int64)


Number = TypeVar("Number", np.int64, np.float64)


def _numpy(column: "pa.ChunkedArray[Any]", dtype: type[Number]) -> NDArray[Number]:
    # Reading the buffer ourselves: ChunkedArray.to_numpy() imports pandas.
    chunks = [
        np.frombuffer(memoryview(data), dtype)[chunk.offset : chunk.offset + len(chunk)]
        for chunk in column.chunks
        if len(chunk) and (data := chunk.buffers()[1]) is not None
    ]
    if len(chunks) == 1:
        return chunks[0]
    return np.concatenate(chunks) if chunks else np.empty(0, dtype)


def rolled_up(candles: Candles, step: int, shorter_step: int) -> tuple[Candles, NDArray[np.int64]]:
    """Candles of ``step`` ms made from shorter ones: first open, highest high, lowest low, last close, sum.

    Args:
        candles: sorted, unique candles of ``shorter_step`` ms, which divides ``step``.
        step: length of the result in ms.
        shorter_step: length of ``candles`` in ms.

    Returns:
        the longer candles, and for each how many shorter ones it was made of (fewer than
        ``step // shorter_step`` means the bucket is not whole; the caller decides whether that is a hole or
        minutes without trades).
    """
    if not len(candles):
        return Candles.empty(), np.empty(0, np.int64)
    buckets = candles.open_at // step
    first = np.flatnonzero(np.r_[True, buckets[1:] != buckets[:-1]])
    last = np.r_[first[1:], len(candles)] - 1
    longer = Candles(
        buckets[first] * step,
        candles.open[first],
        np.maximum.reduceat(candles.high, first),
        np.minimum.reduceat(candles.low, first),
        candles.close[last],
        _exact_sums(candles.volume, first),
    )
    return longer, last - first + 1


def _exact_sums(volume: NDArray[np.float64], first: NDArray[np.intp]) -> NDArray[np.float64]:
    """Sums per bucket, exact where the volumes are decimals (as venues print them), else plain float sums.

    0.1 + 0.2 is not 0.3 in floats; a venue's own longer candle prints 0.3. Summing the scaled integers gives
    what the venue prints.
    """
    for digits in range(12):
        scale = 10.0**digits
        scaled = np.rint(volume * scale)
        # Exact as long as each bucket stays below 2**53; a month's total may be more.
        if np.add.reduceat(np.abs(scaled), first).max() < 2**53 and np.array_equal(scaled / scale, volume):
            return np.asarray(np.add.reduceat(scaled, first) / scale)
    return np.asarray(np.add.reduceat(volume, first))
