"""What the live log has of one partition, judged as an answer of the venue is.

What lives here: which of the heard rows may be stored, which are kept apart and why; where they and the lake say otherwise.
What does not: the log (``live.log``), commits (``ingest.absorbed``).

A row counts in exactly one place: kept, a repeat, refused because the venue's own clock says that it was not over, or
rejected. Of two closed versions of one candle the later word is kept (venues correct their last candles), the earlier one
is rejected, and the venue is asked.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmd_platform.ingest.markets import AHEAD_MS
from qmd_platform.ingest.pages import SUPERSEDED
from qmd_platform.lake.store import Rejected
from qmd_platform.live.early import UNSAID
from qmd_platform.live.frames import UNKNOWN, Rows
from qmd_platform.live.reading import candles_of
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Partition
from qmd_platform.model.window import Instant
from qmd_platform.quality.offenders import row_offenders
from qmd_platform.venues import paging

DISPUTED = "the venue's answer, asked later, says otherwise"
"""Why a row is kept apart that was heard before the lake took another one for the same candle."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The heard rows of one partition. rows = kept + duplicates + refused + rejected.

    Attributes:
        partition: whose.
        candles: those to keep, sorted, unique.
        heard_at: when each of them was heard last, epoch ms of our clock.
        rejected: rows kept apart, with reasons.
        duplicates: rows heard again with the same values.
        refused: rows that were not over by the venue's own clock, or are too far ahead of ours.
    """

    partition: Partition
    candles: Candles
    heard_at: NDArray[np.int64]
    rejected: tuple[Rejected, ...]
    duplicates: int
    refused: int


def judged(partition: Partition, rows: Rows, *, is_live: bool) -> Judged:
    """Sort ``rows`` (``frames.CANDLE``, as heard) out. ``is_live``: the venue is a real one, and our clock can be held to it."""
    step = partition.series.timeframe.step
    ahead = 0 if partition.series.venue in UNSAID else AHEAD_MS
    closed = rows[rows["open_at"] + step <= _said_at(rows, is_live=is_live, untold_ahead=ahead)]
    closed = closed[np.argsort(closed["open_at"], kind="stable")]
    is_last = np.r_[closed["open_at"][1:] != closed["open_at"][:-1], np.ones(min(len(closed), 1), np.bool_)]
    last, said = closed[is_last], candles_of(closed)
    answer = candles_of(last)
    final = np.searchsorted(answer.open_at, said.open_at)
    rejected = [_rejected(said, int(row), SUPERSEDED) for row in np.flatnonzero(_differ(said, answer.take(final)))]
    duplicates = len(closed) - len(last) - len(rejected)
    found = paging.judged(answer, partition.window, step, partition.window.end)
    rejected += [_rejected(answer, row, why) for row, why in found.rejected]
    bad = np.zeros(len(found.candles), np.bool_)
    for rule, mask in row_offenders(found.candles, step).items():
        rejected += [_rejected(found.candles, int(row), rule) for row in np.flatnonzero(mask & ~bad)]
        bad |= mask
    kept = found.candles.take(~bad)
    once = tuple({(one.open_at, one.identity): one for one in rejected}.values())
    return Judged(
        partition,
        kept,
        last["received_at"][np.searchsorted(answer.open_at, kept.open_at)],
        once,
        duplicates + len(rejected) - len(once),
        len(rows) - len(closed),
    )


def _said_at(rows: Rows, *, is_live: bool, untold_ahead: int) -> NDArray[np.int64]:
    """The time of the venue's clock at which each row was said; the latest it can have been where it was not told.

    A venue that tells neither its time nor a candle's end is given nothing ahead of our clock: the last seconds of a candle in
    progress would pass for its end.
    """
    told = rows["venue_at"] != UNKNOWN
    latest = (
        rows["received_at"] + np.where(told, AHEAD_MS, untold_ahead)
        if is_live
        else np.full(len(rows), np.iinfo(np.int64).max)
    )
    return np.asarray(np.minimum(np.where(told, rows["venue_at"], latest), latest), np.int64)


def _rejected(candles: Candles, row: int, why: str) -> Rejected:
    return Rejected(int(candles.open_at[row]), {name: float(getattr(candles, name)[row]) for name in COLUMNS[1:]}, why)


def _differ(these: Candles, those: Candles) -> NDArray[np.bool_]:
    """Which rows of two of the same length say something else."""
    differs = np.zeros(len(these), np.bool_)
    for name in COLUMNS[1:]:
        differs |= getattr(these, name).view(np.int64) != getattr(those, name).view(np.int64)
    return differs


@dataclass(frozen=True, slots=True)
class Compared:
    """Heard candles beside those of the lake, by position: not there yet, there with other values; the rest are the same."""

    new: NDArray[np.intp]
    other: NDArray[np.intp]


def compared(heard: Candles, held: Candles) -> Compared:
    """Where ``heard`` and ``held``, both sorted and unique, differ."""
    _, mine, theirs = np.intersect1d(heard.open_at, held.open_at, assume_unique=True, return_indices=True)
    differs = _differ(heard.take(mine), held.take(theirs))
    return Compared(np.setdiff1d(np.arange(len(heard)), mine), mine[differs])


def disputed(candles: Candles) -> list[Rejected]:
    """``candles`` as rows that the lake's do not agree with."""
    return [_rejected(candles, row, DISPUTED) for row in range(len(candles))]


def first_heard(heard: Judged, rows: NDArray[np.intp]) -> Instant:
    """When the first of these rows was heard, epoch ms; of none the end of time."""
    return int(heard.heard_at[rows].min(initial=np.iinfo(np.int64).max))


def rounds(rows: NDArray[np.intp], held_at: NDArray[np.int64], heard_at: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """``rows`` in as few parts as can each be written with the time its first row was heard at.

    Those heard before the lake's row was got are one part; of each other part all were heard after every one of the lake's.
    """
    is_late = heard_at >= held_at
    parts = [rows[~is_late]] if not is_late.all() else []
    left = np.flatnonzero(is_late)
    while len(left):
        fits = held_at[left] <= heard_at[left].min()
        fits |= heard_at[left] == heard_at[left].min()
        parts.append(rows[np.sort(left[fits])])
        left = left[~fits]
    return parts
