"""Rates to come: what a venue said the next settlement would be, and how wrong it was. Pure numpy.

What lives here: predictions as columns, their errors against what was settled. What does not: settled rates
(``model.settlements``). The two are never in one table: a prediction was paid by nobody.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import MINUTE

NEAR = 30 * MINUTE
"""How far from the announced instant a settlement may be stamped and still be the announced one."""


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Columns of equal length, sorted by ``seen_at``.

    Attributes:
        seen_at: int64 epoch ms when the venue said it.
        settles_at: int64 epoch ms of the settlement it is about, as announced.
        rate: float64 fraction per interval it was expected to be; NaN where the venue said too little.
    """

    seen_at: NDArray[np.int64]
    settles_at: NDArray[np.int64]
    rate: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.seen_at)


@dataclass(frozen=True, slots=True, eq=False)
class PredictionErrors:
    """Columns, one row for each prediction whose settlement came.

    Attributes:
        seen_at: int64 epoch ms when it was said.
        settled_at: int64 epoch ms of the settlement.
        hours_ahead: float64 hours from the one to the other.
        predicted, settled: float64 fractions per interval.
        error: float64 predicted - settled.
    """

    seen_at: NDArray[np.int64]
    settled_at: NDArray[np.int64]
    hours_ahead: NDArray[np.float64]
    predicted: NDArray[np.float64]
    settled: NDArray[np.float64]
    error: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.seen_at)


def prediction_errors(predictions: Predictions, settlements: Settlements) -> PredictionErrors:
    """Each prediction beside the settlement it was about.

    That is the first settlement after it was said, if it is not further than ``NEAR`` from the instant announced. Where
    that one is missing, or still to come, the prediction has no row: another settlement says nothing about it.

    Args:
        predictions: in any order.
        settlements: sorted by time.
    """
    row = np.searchsorted(settlements.settled_at, predictions.seen_at, "right")
    there = np.flatnonzero((row < len(settlements)) & np.isfinite(predictions.rate))
    meant = np.abs(settlements.settled_at[row[there]] - predictions.settles_at[there]) <= NEAR
    told, paid = there[meant], row[there[meant]]
    seen, said = predictions.seen_at[told], predictions.rate[told]
    at, settled = settlements.settled_at[paid], settlements.rate[paid]
    return PredictionErrors(seen, at, (at - seen) / (60 * MINUTE), said, settled, said - settled)
