"""A frame with two axes, and lines, steps and marks in it, as SVG. Pure.

What lives here: scales, ticks, paths of few bytes. What does not: what is drawn (``charts``), colours (``page.css``: an
element has a class, so that one drawing reads on a light page and on a dark one).

The page is meant to stay small with forty pairs on it: a line has two points a pixel column at most.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.window import Instant, Window
from qmd_platform.report.figures import DAY_MS, HOUR_MS, day, number, short_minute
from qmd_platform.report.markup import Markup, many, tag

Column = NDArray[np.float64]
Instants = NDArray[np.int64]

TICKS = 4
"""Lines across, about so many."""

_STEPS = (HOUR_MS, 6 * HOUR_MS, DAY_MS, 2 * DAY_MS, 5 * DAY_MS, 10 * DAY_MS, 30 * DAY_MS, 90 * DAY_MS, 365 * DAY_MS)
_LABEL = 70
"""Pixels between two labels of time at least."""

_COARSE = 10
"""From so much on the right axis tells no fractions: its values are not round anyway."""

_MARGIN = 0.06
"""Of the height, left free above and below what is drawn."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where values are drawn: the inside of the axes, in pixels, and what it spans."""

    window: Window
    low: float
    high: float
    width: int = 460
    height: int = 190
    left: int = 44
    right: int = 10
    top: int = 18
    bottom: int = 20

    @classmethod
    def around(cls, window: Window, values: Sequence[Column], **sizes: int) -> "Frame":
        """A frame in which all ``values`` fit, and zero, which is what a pair is judged against."""
        known = [column[np.isfinite(column)] for column in values]
        low = min((float(column.min()) for column in known if len(column)), default=0.0)
        high = max((float(column.max()) for column in known if len(column)), default=0.0)
        low, high = min(low, 0.0), max(high, 0.0)
        if low == high:
            return cls(window, -1.0, 1.0, **sizes)
        room = (high - low) * _MARGIN
        return cls(window, low - room * (low < 0), high + room * (high > 0), **sizes)

    @property
    def floor(self) -> int:
        """The lower edge."""
        return self.height - self.bottom

    @property
    def edge(self) -> int:
        """The right edge."""
        return self.width - self.right

    def x(self, at: Instants) -> Column:
        """Pixels of instants, kept inside."""
        share = (np.asarray(at, np.float64) - self.window.start) / (self.window.end - self.window.start)
        return np.asarray(self.left + np.clip(share, 0, 1) * (self.edge - self.left))

    def y(self, values: Column) -> Column:
        """Pixels of values."""
        share = (self.high - np.asarray(values, np.float64)) / (self.high - self.low)
        return np.asarray(self.top + share * (self.floor - self.top))

    def across(self, value: float) -> float:
        """The height of one value."""
        return float(self.y(np.array([value]))[0])


def ticks(low: float, high: float, about: int = TICKS) -> list[float]:
    """Round values between, about so many."""
    raw = (high - low) / about
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= raw)
    first = math.ceil(low / step)
    return [round(place * step, 12) for place in range(first, math.floor(high / step) + 1)]


def axes(frame: Frame, unit: str, other: float | None = None, other_unit: str = "") -> Markup:
    """Lines across with their values, days below; on the right the same values times ``other``."""
    at = ticks(frame.low, frame.high)
    digits = _digits(at)
    rows = [_row(frame, value, digits, other) for value in at]
    units = [tag("text", unit, class_="u e", x=frame.left - 5, y=frame.top - 8)]
    if other is not None:
        units.append(tag("text", other_unit, class_="u", x=frame.edge + 5, y=frame.top - 8))
    return many(rows, units, _days(frame))


def _row(frame: Frame, value: float, digits: int, other: float | None) -> Markup:
    y = f"{frame.across(value):.1f}"
    below = f"{float(y) + 3.5:.1f}"
    line = tag("line", class_="z" if value == 0 else "g", x1=frame.left, x2=frame.edge, y1=y, y2=y)
    label = tag("text", number(value, digits), class_="e", x=frame.left - 5, y=below)
    if other is None:
        return many(line, label)
    also = value * other
    return many(line, label, tag("text", number(also, 0 if abs(also) >= _COARSE else 1), x=frame.edge + 5, y=below))


def _digits(values: Sequence[float]) -> int:
    """As many as tell the values apart."""
    step = min((b - a for a, b in pairwise(values)), default=1.0)
    return max(0, -math.floor(math.log10(step) + 1e-9) + (1 if f"{step:e}".startswith("2.5") else 0))


def _days(frame: Frame) -> Iterator[Markup]:
    most = max((frame.edge - frame.left) // _LABEL, 1)
    span = frame.window.end - frame.window.start
    step = next((one for one in _STEPS if span / one <= most), _STEPS[-1])
    told = short_minute if step < DAY_MS else day
    first = -(-frame.window.start // step) * step
    for at in range(first, frame.window.end, step):
        x = f"{float(frame.x(np.array([at]))[0]):.1f}"
        yield tag("line", class_="g", x1=x, x2=x, y1=frame.floor, y2=frame.floor + 4)
        yield tag("text", told(at), class_="m", x=x, y=frame.floor + 15)


def line(frame: Frame, at: Instants, values: Column, class_: str) -> Markup:
    """A line through values; what is not known leaves it broken."""
    known = np.isfinite(values)
    parts = np.split(np.arange(len(values)), np.flatnonzero(np.diff(known)) + 1) if len(values) else []
    runs = [part for part in parts if len(part) and known[part[0]]]
    words = "".join(_path(*_thinned(frame.x(at[run]), frame.y(values[run]))) for run in runs)
    return tag("path", class_=class_, d=words) if words else Markup("")


def steps(frame: Frame, begins: Instants, ends: Instants, values: Column, class_: str) -> Markup:
    """A step from each begin to its end; where one does not begin at the end of the one before, there is a hole."""
    inside = np.isfinite(values) & (ends > frame.window.start) & (begins < frame.window.end)
    begins, ends, values = begins[inside], ends[inside], values[inside]
    if not len(values):
        return Markup("")
    breaks = np.flatnonzero(begins[1:] > ends[:-1] + HOUR_MS // 60) + 1
    words = []
    for run in np.split(np.arange(len(values)), breaks):
        at = np.column_stack([begins[run], ends[run]]).ravel()
        words.append(_path(*_thinned(frame.x(at), frame.y(np.repeat(values[run], 2)))))
    return tag("path", class_=class_, d="".join(words))


def _thinned(x: Column, y: Column) -> tuple[Column, Column]:
    """Of what falls into two pixels only the lowest and the highest, in their order."""
    column = np.floor(x / 2)
    first = np.flatnonzero(np.r_[True, column[1:] != column[:-1]])
    if len(x) <= 3 * len(first):
        return x, y
    kept: set[int] = {0, len(x) - 1}
    for begin, end in pairwise([*first.tolist(), len(x)]):
        kept |= {begin + int(np.argmin(y[begin:end])), begin + int(np.argmax(y[begin:end]))}
    rows = np.array(sorted(kept))
    return x[rows], y[rows]


def _path(x: Column, y: Column) -> str:
    """Tenths of a pixel, each relative to the one before; nothing twice."""
    points = np.rint(np.column_stack([x, y]) * 10).astype(np.int64)
    moves = np.diff(points, axis=0)
    begin = f"M{points[0][0] / 10:g} {points[0][1] / 10:g}"
    return begin + "".join(_move(across, down) for across, down in moves.tolist() if across or down)


def _move(across: int, down: int) -> str:
    if not down:
        return f"h{across / 10:g}"
    if not across:
        return f"v{down / 10:g}"
    return f"l{across / 10:g} {down / 10:g}"


def level(frame: Frame, value: float, class_: str, words: str) -> Markup:
    """A line across at one value, with words at its left end above it."""
    if not frame.low <= value <= frame.high:
        return Markup("")
    y = frame.across(value)
    said = tag("text", words, class_=class_, x=frame.left + 4, y=f"{y - 4:.1f}")
    return many(tag("line", class_=class_, x1=frame.left, x2=frame.edge, y1=f"{y:.1f}", y2=f"{y:.1f}"), said)


def mark(frame: Frame, at: Instant, value: float, class_: str, words: str, *, up: bool) -> Markup:
    """A triangle at a point, with words for whoever points at it."""
    if not (frame.window.contains(at) and math.isfinite(value)):
        return Markup("")
    x, y = float(frame.x(np.array([at]))[0]), frame.across(value)
    shape = f"M{x:.1f} {y:.1f}l-5 {9 if up else -9}h10z"
    return tag("path", tag("title", words), class_=class_, d=shape)


def band(frame: Frame, begin: Instant, end: Instant, class_: str, words: str) -> Markup:
    """A span of time, shaded."""
    left, right = frame.x(np.array([begin, end])).tolist()
    if right <= left:
        return Markup("")
    inner = tag("title", words)
    wide, tall = f"{right - left:.1f}", frame.floor - frame.top
    return tag("rect", inner, class_=class_, x=f"{left:.1f}", y=frame.top, width=wide, height=tall)
