"""Bitfinex' derivative status: settlements and predictions out of snapshots of a contract's state. Pure.

What lives here: which position of a status row is what, one settlement for each funding event. What does not: asking for
the rows (``venues``).

Bitfinex has no list of settlements. Its history gives the state about once a minute: when the next funding event is, what
has accrued for it so far, and the rate of the event before (``CURRENT_FUNDING``, "funding applied in the current 8h
period"). So hundreds of rows carry one settlement, and a row is about two events:

- the *last* event, at which ``current`` was paid: a settlement;
- the *next* event, for which ``accrued`` runs from 0 to the rate: a prediction. Public samples 259, 694 and 1785 s into the
  8 hours have 0.00000527, 0.00001449 and 0.00003959; by the share of time gone that is 0.000586, 0.000601 and 0.000639.

Rows of ``status/deriv`` begin with the contract's key, rows of its history and of the WebSocket do not
(docs.bitfinex.com/reference/rest-public-derivatives-status; the recorded samples agree).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import BadPage
from qmd_platform.funding.predictions import Predictions
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import MINUTE

PERIOD_HOURS = 8.0
"""Time between funding events (Bitfinex' documentation of the endpoint)."""

MARK_NEAR = 5 * MINUTE
"""How far from the settlement a snapshot's mark price still is the mark at the settlement."""

_POSITIONS = {
    "seen_at": 0,
    "perp": 2,
    "spot": 3,
    "next_at": 7,
    "accrued": 8,
    "current": 11,
    "mark": 14,
    "open_interest": 17,
}
"""Positions in a row without key. 2 is the contract's own price, not the index: with it as index, basis is wrong."""

Field = str | float | int | None
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Statuses:
    """Columns of equal length, sorted by ``seen_at``; float64 columns are NaN where the venue says nothing.

    Attributes:
        seen_at: int64 epoch ms of the snapshot.
        next_at: int64 epoch ms of the next funding event.
        perp: last price of the contract, quote.
        spot: price of the underlying spot market, quote: the index.
        mark: mark price, quote.
        accrued: what has accrued for the next event so far, fraction.
        current: rate applied at the event before, fraction.
        open_interest: contracts.
    """

    seen_at: NDArray[np.int64]
    next_at: NDArray[np.int64]
    perp: Floats
    spot: Floats
    mark: Floats
    accrued: Floats
    current: Floats
    open_interest: Floats

    def __len__(self) -> int:
        return len(self.seen_at)


def statuses(rows: Sequence[Sequence[Field]]) -> Statuses:
    """Status rows as columns, with the contract's key in front or without. Rows that name no next event are left out.

    Raises:
        BadPage: a row is too short, or what should be a number is not.
    """
    found = [values for row in rows if (values := _decoded(row)) is not None]
    found.sort(key=lambda values: values["seen_at"])
    columns = {name: np.array([values[name] for values in found], np.float64) for name in _POSITIONS}
    seen_at, next_at = (columns.pop(name).astype(np.int64) for name in ("seen_at", "next_at"))
    return Statuses(seen_at, next_at, **columns)


def _decoded(row: Sequence[Field]) -> dict[str, float] | None:
    fields = row[1:] if row and isinstance(row[0], str) else row
    if len(fields) <= max(_POSITIONS.values()):
        raise BadPage("bitfinex", f"a status row of {len(row)} fields", sample=repr(row).encode())
    if not fields[_POSITIONS["seen_at"]] or not fields[_POSITIONS["next_at"]]:
        return None
    try:
        return {name: _number(fields[position]) for name, position in _POSITIONS.items()}
    except ValueError as error:
        raise BadPage("bitfinex", f"a status row with {error}", sample=repr(row).encode()) from None


def _number(field: Field) -> float:
    return float("nan") if field is None else float(field)


def settlements_of(snapshots: Statuses, *, hours: float = PERIOD_HOURS) -> Settlements:
    """One settlement for each funding event before the ones the snapshots wait for.

    Of the snapshots that wait for the same event the last one counts, and only those count that were taken a minute or more
    after the event before: the first ones may still carry the older rate. ``mark`` is that of the snapshot nearest to the
    settlement, NaN where none is within ``MARK_NEAR``.

    Args:
        snapshots: sorted by time, as ``statuses`` makes them.
        hours: time between events. Where the event before was seen to be announced for a later instant, that one counts.
    """
    events = np.unique(snapshots.next_at)
    step = round(hours * 60) * MINUTE
    before = np.r_[events[:1] - step, np.maximum(events[:-1], events[1:] - step)][: len(events)]
    event = np.searchsorted(events, snapshots.next_at)
    settled = (snapshots.seen_at >= before[event] + MINUTE) & (snapshots.seen_at < snapshots.next_at)
    rows = np.flatnonzero(settled & np.isfinite(snapshots.current))
    last = np.full(len(events), -1)
    last[event[rows]] = rows  # ascending: the last one stays
    told = np.flatnonzero(last >= 0)
    at = np.rint(before[told] / MINUTE).astype(np.int64) * MINUTE
    return Settlements.of(at, snapshots.current[last[told]], _marks(snapshots, at))


def _marks(snapshots: Statuses, at: NDArray[np.int64]) -> Floats:
    if not len(at):
        return np.empty(0)
    after = np.minimum(np.searchsorted(snapshots.seen_at, at), len(snapshots) - 1)
    before = np.maximum(after - 1, 0)
    distance = np.abs(snapshots.seen_at[[before, after]] - at)
    nearest = np.where(distance[0] < distance[1], before, after)
    return np.where(distance.min(axis=0) <= MARK_NEAR, snapshots.mark[nearest], np.nan)


def predictions_of(snapshots: Statuses, *, hours: float = PERIOD_HOURS) -> Predictions:
    """What each snapshot lets expect of the next event: what has accrued, over the share of the time gone.

    NaN in the first minute, when hardly anything has accrued, and after the event.

    Args:
        snapshots: sorted by time.
        hours: time between events.
    """
    step = round(hours * 60) * MINUTE
    gone = snapshots.seen_at - (snapshots.next_at - step)
    usable = (gone >= MINUTE) & (gone <= step)
    rate = np.where(usable, snapshots.accrued * step / np.where(usable, gone, 1), np.nan)
    return Predictions(snapshots.seen_at, snapshots.next_at, rate)
