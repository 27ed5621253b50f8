"""Funding settlements as columns: numpy arrays of one length, sorted by the time of settlement.

What lives here: the in-memory shape every room hands on (venues decode it, ``funding`` works on it). What does not: how
long the interval of a settlement was (``funding.intervals``), rates to come (predictions are never among settlements),
how they are stored (``model.tables``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.window import Window

COLUMNS = ("settled_at", "rate", "mark", "stated_hours")


@dataclass(frozen=True, slots=True, eq=False)
class Settlements:
    """Columns of equal length.

    Attributes:
        settled_at: int64 epoch ms, snapped to the minute: venues stamp the same settlement some milliseconds apart.
        rate: float64 fraction of the notional for the interval that ends at ``settled_at``, as the venue settled it;
            longs pay it where it is positive. 0.0001 is 1 basis point. Never annualised.
        mark: float64 mark price at the settlement in quote per base; NaN where the venue does not say it.
        stated_hours: float64 hours of the interval as the venue states them for this very row; NaN where it does not.
    """

    settled_at: NDArray[np.int64]
    rate: NDArray[np.float64]
    mark: NDArray[np.float64]
    stated_hours: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        settled_at: Sequence[int] | NDArray[np.int64],
        rate: Sequence[float] | NDArray[np.float64],
        mark: Sequence[float] | NDArray[np.float64] | None = None,
        stated_hours: Sequence[float] | NDArray[np.float64] | None = None,
    ) -> "Settlements":
        """Settlements of these columns; those left out are unknown in every row."""
        at = np.asarray(settled_at, np.int64)
        unknown = np.full(len(at), np.nan)
        return cls(
            at,
            np.asarray(rate, np.float64),
            unknown if mark is None else np.asarray(mark, np.float64),
            unknown if stated_hours is None else np.asarray(stated_hours, np.float64),
        )

    @classmethod
    def empty(cls) -> "Settlements":
        """No settlements."""
        return cls.of((), ())

    @classmethod
    def concat(cls, parts: Sequence["Settlements"]) -> "Settlements":
        """All rows of ``parts`` in the order given; not sorted, not deduplicated."""
        if not parts:
            return cls.empty()
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS))

    def __len__(self) -> int:
        return len(self.settled_at)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> "Settlements":
        """The rows selected by position, mask or slice."""
        return Settlements(*(getattr(self, name)[rows] for name in COLUMNS))

    def within(self, window: Window) -> "Settlements":
        """The rows that settled inside ``window``. Needs sorted rows."""
        lo, hi = np.searchsorted(self.settled_at, [window.start, window.end])
        return self.take(slice(int(lo), int(hi)))

    def equals(self, other: "Settlements") -> bool:
        """Whether every value is the same, bit for bit (NaN equals NaN)."""
        return len(self) == len(other) and all(
            getattr(self, name).tobytes() == getattr(other, name).tobytes() for name in COLUMNS
        )
