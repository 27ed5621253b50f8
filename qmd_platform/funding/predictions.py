"""Rates to come: what a venue said the next settlement would be, and how wrong it was. Pure numpy.

What lives here: predictions as columns, a prediction out of what has accrued, errors against what was settled, at fixed
leads and summed up. What does not: settled rates (``model.settlements``). The two are never in one table: a prediction was
paid by nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import MINUTE

NEAR = 30 * MINUTE
"""How far from the announced instant a settlement may be stamped and still be the announced one."""

LEADS_HOURS = (8.0, 4.0, 1.0, 1 / 12)
"""How long before settlements predictions are judged."""

NEAR_LEAD = 15 * MINUTE
"""How far from its lead a prediction may have been seen and still be the one of that lead."""


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

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "PredictionErrors":
        """The rows selected by position or mask."""
        return PredictionErrors(*(getattr(self, one.name)[rows] for one in fields(self)))


def from_accrual(
    accrued: NDArray[np.float64],
    seen_at: NDArray[np.int64],
    settles_at: NDArray[np.int64],
    hours: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The rate to expect where a venue says what has accrued of it so far: that over the share of the time gone.

    NaN in the first minute, when hardly anything has accrued, after the event, and where the length of the interval is not
    known. (Bitfinex: public samples 259, 694 and 1785 s into the 8 hours have 0.00000527, 0.00001449 and 0.00003959; by the
    share of time gone that is 0.000586, 0.000601 and 0.000639.)

    Args:
        accrued: fraction so far.
        seen_at: epoch ms when it was.
        settles_at: epoch ms of the settlement it accrues for.
        hours: length of the interval in progress.
    """
    step = hours * (60 * MINUTE)
    gone = seen_at - (settles_at - step)
    with np.errstate(invalid="ignore"):
        usable = (gone >= MINUTE) & (gone <= step)
    return np.where(usable, accrued * step / np.where(usable, gone, 1), np.nan)


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


def at_leads(
    errors: PredictionErrors, leads: Sequence[float] = LEADS_HOURS
) -> tuple[PredictionErrors, NDArray[np.float64]]:
    """Of the errors of one market those at fixed leads, with the lead of each in hours; sorted by settlement and lead.

    Of each settlement and lead the prediction seen nearest to it counts, within ``NEAR_LEAD``; of two as near the earlier
    one. Where none was seen then, there is no row.
    """
    rows, told = [], []
    for lead in leads:
        away = np.abs(errors.settled_at - errors.seen_at - round(lead * 60) * MINUTE)
        near = np.flatnonzero(away <= NEAR_LEAD)
        order = near[np.lexsort((errors.seen_at[near], away[near], errors.settled_at[near]))]
        first = np.r_[True, np.diff(errors.settled_at[order]) != 0] if len(order) else np.empty(0, np.bool_)
        rows.append(order[first])
        told.append(np.full(int(first.sum()), lead))
    chosen, lead_of = np.concatenate(rows), np.concatenate(told)
    order = np.lexsort((lead_of, errors.settled_at[chosen]))
    return errors.take(chosen[order]), lead_of[order]


@dataclass(frozen=True, slots=True)
class LeadError:
    """How wrong predictions were at one lead: ``mean_absolute`` and ``bias`` (predicted less settled) are fractions."""

    lead_hours: float
    count: int
    mean_absolute: float
    bias: float
    worst: float


def summed_up(error: NDArray[np.float64], lead_hours: NDArray[np.float64]) -> list[LeadError]:
    """The errors at each lead in one row, the longest lead first."""
    return [
        LeadError(
            float(lead),
            len(mine := error[lead_hours == lead]),
            float(np.abs(mine).mean()),
            float(mine.mean()),
            float(np.abs(mine).max()),
        )
        for lead in np.unique(lead_hours)[::-1]
    ]
