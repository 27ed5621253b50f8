"""Columns of numbers as the text a venue prints, a thousand rows at a time.

What lives here: figures (whole numbers with a fixed count of decimals, or recorded floats) and the way to lay
them out as rows of JSON without a Python loop. What does not: what any venue's row looks like (``binance``,
``gate``, ``bitfinex``).

How: every cell is a fixed width of bytes padded with NUL; the cells of all rows are joined into one matrix and the
NULs are deleted from its bytes in one pass. A page of 1000 rows costs tenths of a millisecond instead of several.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.uint8]
"""One row of bytes for each number, NUL-padded on either side."""

_FOUR = 10_000
_QUADS = np.array([list(b"%04d" % n) for n in range(_FOUR)], np.uint8).reshape(-1).view(np.uint32)


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """Exact decimals: ``values / 10**digits``. ``values`` are not negative."""

    values: NDArray[np.int64]
    digits: int = 0

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: slice | NDArray[np.intp]) -> "Figures":
        """The rows selected by slice or position."""
        return Figures(self.values[rows], self.digits)

    def floats(self) -> NDArray[np.float64]:
        """The nearest float64 of each: what ``float`` makes of the printed text."""
        return np.asarray(self.values / 10.0**self.digits)

    def cells(self, *, trim: bool = False) -> Cells:
        """The numbers with all their decimals, or with trailing zeros cut off where ``trim``."""
        if not self.digits:
            return _whole(self.values)
        scale = 10**self.digits
        whole = self.values // scale
        part = self.values - whole * scale
        point = np.full((len(part), 1), ord("."), np.uint8)
        decimals = _padded(part, self.digits)
        if trim:
            point[part == 0] = 0
            ends = np.array([10 ** (self.digits - place) for place in range(self.digits)], np.int64)
            decimals = decimals * (part[:, None] % ends != 0)
        return np.hstack([_whole(whole), point, decimals])


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """Floats read from a file; printed so that ``float`` of the text is the same float again."""

    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: slice | NDArray[np.intp]) -> "Recorded":
        """The rows selected by slice or position."""
        return Recorded(self.values[rows])

    def floats(self) -> NDArray[np.float64]:
        """The values as they are."""
        return self.values

    def cells(self, *, trim: bool = False) -> Cells:
        """The shortest text that reads back as the same float; ``trim`` changes nothing."""
        if not len(self):
            return np.empty((0, 0), np.uint8)
        texts = np.array([repr(value).removesuffix(".0").encode() for value in self.values.tolist()], np.bytes_)
        return texts.view(np.uint8).reshape(len(texts), -1)


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """Numbers with other text in the place of some: ``instead`` by position."""

    numbers: Figures | Recorded
    instead: Mapping[int, bytes]

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: slice | NDArray[np.intp]) -> "Written":
        """The rows selected by slice or position."""
        positions = np.arange(len(self))[rows].tolist()
        instead = {new: self.instead[old] for new, old in enumerate(positions) if old in self.instead}
        return Written(self.numbers.take(rows), instead)

    def floats(self) -> NDArray[np.float64]:
        """The numbers before they were written over."""
        return self.numbers.floats()

    def cells(self, *, trim: bool = False) -> Cells:
        """The numbers' cells, with the other text in them."""
        cells = self.numbers.cells(trim=trim)
        width = max(cells.shape[1], *map(len, self.instead.values()))
        cells = np.pad(cells, ((0, 0), (0, width - cells.shape[1])))
        for row, text in self.instead.items():
            cells[row] = 0
            cells[row, : len(text)] = list(text)
        return cells


Numbers = Figures | Recorded | Written


def scaled(numbers: Numbers, size: Decimal) -> Numbers:
    """Each number times ``size``, exactly; numbers written over stay so."""
    if size == 1:
        return numbers
    if isinstance(numbers, Written):
        of_them = scaled(numbers.numbers, size)
        return of_them if isinstance(of_them, Written) else Written(of_them, numbers.instead)
    if isinstance(numbers, Recorded):
        return Recorded(np.array([float(Decimal(repr(one)) * size) for one in numbers.values.tolist()], np.float64))
    exponent = int(size.as_tuple().exponent)
    return Figures(numbers.values * int(size.scaleb(-exponent)), numbers.digits - exponent)


def rows_of(parts: Sequence[bytes | Cells], count: int) -> bytes:
    """``count`` rows, each the concatenation of ``parts``: literal bytes, or that row's cell. No separator."""
    if not count:
        return b""
    widths = [len(part) if isinstance(part, bytes) else part.shape[1] for part in parts]
    matrix = np.empty((count, sum(widths)), np.uint8)
    at = 0
    for part, width in zip(parts, widths, strict=True):
        matrix[:, at : at + width] = np.frombuffer(part, np.uint8) if isinstance(part, bytes) else part
        at += width
    return matrix.tobytes().translate(None, b"\0")


def decimals_of(values: NDArray[np.float64], most: int = 12) -> int:
    """How many decimals print every value exactly; ``most`` where even that is not enough."""
    for digits in range(most):
        scale = 10.0**digits
        if np.array_equal(np.rint(values * scale) / scale, values):
            return digits
    return most


def plain(value: Decimal) -> str:
    """A decimal without exponent and trailing zeros: ``0.0001``, ``10``."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _padded(values: NDArray[np.int64], width: int) -> Cells:
    """Zero-padded on the left to ``width`` places; values must fit."""
    groups = -(-width // 4)
    cells = np.empty((len(values), groups), np.uint32)
    left = values
    for group in range(groups - 1, -1, -1):
        rest = left // _FOUR
        cells[:, group] = _QUADS[left - rest * _FOUR]
        left = rest
    return cells.view(np.uint8).reshape(len(values), groups * 4)[:, -width:]


def _whole(values: NDArray[np.int64]) -> Cells:
    """Whole numbers without leading zeros."""
    width = len(str(int(values.max(initial=0))))
    floor = np.array([10 ** (width - 1 - place) for place in range(width)], np.int64)
    floor[-1] = 0
    return _padded(values, width) * (values[:, None] >= floor)
