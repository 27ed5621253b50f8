"""Whether an archive says what the API says: one page of a month, candle by candle. Pure.

What lives here: the choice of the page and the comparison. What does not: asking for the page, and what follows from a
difference (``ingest``).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant, Window

TOLERATED = 0.01
"""Part of a sample that may differ before the whole file is not believed: single candles are restated now and then, a
file of another market or another month differs everywhere."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One candle that the two sources tell differently.

    ``column`` is the first column that differs, with both values; ``open_at`` itself, with None on the side that lacks
    the candle.
    """

    open_at: Instant
    column: str
    archive: float | None
    api: float | None

    def __str__(self) -> str:
        if self.archive is None:
            return "the archive lacks it"
        return "the API lacks it" if self.api is None else f"{self.column}: {self.archive!r}, the API {self.api!r}"


def sample_page(series: Series, window: Window, step: int, limit: int) -> Window:
    """The page of ``window`` to compare: always the same one for a series and a window, elsewhere for others.

    Args:
        series: whose candles.
        window: a file's, cut to what is listed and closed, on the grid of ``step``.
        step: a candle's length in ms.
        limit: candles a page brings.
    """
    count = window.steps(step)
    if count <= limit:
        return window
    number = int.from_bytes(hashlib.sha256(f"{series} {window.start}".encode()).digest()[:8])
    start = window.start + number % (count - limit + 1) * step
    return Window(start, start + limit * step)


def compared(archive: Candles, api: Candles) -> list[Disagreement]:
    """What differs between both sources' candles of one window: rows sorted, open times unique.

    Values must be equal, not close: both sources print the same decimals.
    """
    _, mine, theirs = np.intersect1d(archive.open_at, api.open_at, assume_unique=True, return_indices=True)
    found = [Disagreement(int(at), "open_at", None, float(at)) for at in np.setdiff1d(api.open_at, archive.open_at)]
    found += [Disagreement(int(at), "open_at", float(at), None) for at in np.setdiff1d(archive.open_at, api.open_at)]
    told = np.zeros(len(mine), bool)
    for name in COLUMNS[1:]:
        left, right = getattr(archive, name)[mine], getattr(api, name)[theirs]
        differs = (left != right) & ~told
        found += [
            Disagreement(int(archive.open_at[mine[row]]), name, float(left[row]), float(right[row]))
            for row in np.flatnonzero(differs)
        ]
        told |= differs
    return sorted(found, key=lambda one: one.open_at)


def is_contradicted(disagreements: Sequence[Disagreement], sample: int) -> bool:
    """Whether so many of a sample of ``sample`` candles differ that nothing of the file is to be believed.

    Candles that the archive lacks do not count: they are asked for at the API anyway.
    """
    wrong = sum(one.archive is not None for one in disagreements)
    return wrong > TOLERATED * sample
