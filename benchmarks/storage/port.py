"""What a system must be able to do to be measured, and what all its modules share.

What lives here: the interface. What does not: any system (one module each).
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.candles import Candles
from qmd_platform.model.window import Window

MINUTE = 60_000

Rows = Any
"""Candles of one or more markets as the system hands them out: a pandas frame or an Arrow table, or a list of them
in the order of the markets asked for."""

Given = Any
"""Candles of one market in the shape a system takes best."""

Gaps = dict[str, list[tuple[int, int]]]
"""By market, the half-open windows of missing candles in ms, in order."""


class Store(Protocol):
    """One system at work in one folder. Only the calls are timed, not the making of what they are ``given``."""

    settings: ClassVar[str]
    """How it was used, for the report."""

    packages: ClassVar[tuple[str, ...]]
    """What is measured; their versions go to the report."""

    kept: ClassVar[str] = ""
    """The folder below its own where the candles are, if they can be told from the rest."""

    def __init__(self, home: Path) -> None: ...

    def given(self, market: str, rows: Candles) -> Given:
        """``rows`` in the shape the system takes best."""

    def load(self, given: Sequence[Given]) -> None:
        """Write markets that are new, each at once."""

    def upsert(self, given: Sequence[Given]) -> None:
        """Write to many markets: in one commit where there is such a thing; writing the same twice changes nothing."""

    def append(self, given: Sequence[Given]) -> None:
        """As ``upsert``, but the caller promises that the rows are new. AttributeError where that is no quicker."""

    def year(self, market: str, window: Window, shape: str) -> Rows:
        """One market's candles in ``window``, as ``pandas`` or ``arrow``."""

    def day(self, markets: Sequence[str], window: Window) -> Rows:
        """A day of many markets as Arrow."""

    def gaps(self, markets: Sequence[str], window: Window) -> Gaps:
        """Which candles of which markets are missing."""

    def daily(self, markets: Sequence[str], window: Window) -> Rows:
        """One row a market by SQL, sorted: market, open, high, low, close, volume (first, max, min, last, sum)."""

    def close(self) -> None:
        """Make everything durable that is not."""


def holes(present: NDArray[np.int64], window: Window) -> list[tuple[int, int]]:
    """The windows of ``window`` without a candle. ``present``: open times, sorted, all inside it."""
    edges = np.r_[window.start - MINUTE, present, window.end]
    at = np.flatnonzero(np.diff(edges) > MINUTE)
    return [(int(edges[one]) + MINUTE, int(edges[one + 1])) for one in at]


def joined(parts: Mapping[str, Sequence[tuple[int, int]]]) -> Gaps:
    """Gaps found part by part (in order of time), with those that meet at a part's end made one."""
    found: Gaps = {}
    for market, windows in parts.items():
        whole: list[tuple[int, int]] = []
        for start, end in windows:
            if whole and whole[-1][1] == start:
                whole[-1] = (whole[-1][0], end)
            else:
                whole.append((start, end))
        if whole:
            found[market] = whole
    return found


def folder_bytes(home: Path) -> int:
    """Bytes of all files; a file with holes (LMDB's) counts what it takes."""
    stats = [path.stat() for path in home.rglob("*") if path.is_file()]
    return sum(min(one.st_size, one.st_blocks * 512) if one.st_blocks else one.st_size for one in stats)


def synced(path: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
