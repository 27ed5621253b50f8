"""Hedges of many pairs, both ways, as events: from rows in the direction that earned the funding. Pure numpy.

What lives here: the other direction of a row, and which directions are worth looking at. What does not: what becomes of them
(``lives``), the rows' own arithmetic (``hedges``).

The tables of hedges keep one row an instant, in the direction that earned. A position that was opened is still held when
funding turns: then its figures are those of the mirror, with the sign of the funding turned, the same four fills to pay,
and borrowing only where the coin that is sold is spot's.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmd_platform.arbitrage.economics import Column, break_even_hours, net_per_year
from qmd_platform.arbitrage.flags import Flag
from qmd_platform.arbitrage.legs import Instants
from qmd_platform.arbitrage.opportunities import Events
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.funding.annual import HOURS_PER_YEAR
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant

SILENT_MS = 3 * 86_400_000
"""A pair of which nothing was heard for so long, while others were heard of, has stopped."""

_TO_COME = np.iinfo(np.int64).max
"""Later than anything."""

Way = tuple[str, str]
"""A pair in one direction: what is sold, what is bought."""


@dataclass(frozen=True, slots=True, eq=False)
class Earned:
    """Rows of hedges of one kind, of any pairs, in any order, each in the direction that earned.

    Attributes:
        names: the markets, sorted.
        short, long: positions in ``names``.
        at: epoch ms; a pair has one row an instant.
        funding_per_hour, net_per_hour, cost: fractions of one leg's notional; NaN where unknown.
        flags: bits, of the pair.
        underlyings, underlying: their names, and positions in them.
    """

    names: Sequence[str]
    short: NDArray[np.int64]
    long: NDArray[np.int64]
    at: Instants
    funding_per_hour: Column
    net_per_hour: Column
    cost: Column
    flags: NDArray[np.uint32]
    underlyings: Sequence[str]
    underlying: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One direction of one pair: its events in order of time, and the coin that its last row is of."""

    way: Way
    underlying: str
    events: Events


def both_ways(rows: Earned, rules: Rules, alive: Container[Way]) -> Iterator[Seen]:
    """Every direction of a pair that goes above the watch somewhere, or is ``alive``; by name, and each in full."""
    if not len(rows):
        return
    lower, upper = np.minimum(rows.short, rows.long), np.maximum(rows.short, rows.long)
    order = np.lexsort((rows.at, upper, lower))
    lower, upper = lower[order], upper[order]
    begins = np.flatnonzero(np.r_[True, (np.diff(lower) != 0) | (np.diff(upper) != 0)])
    ends = np.r_[begins[1:], len(rows)]
    for sold, bought in ((lower, upper), (upper, lower)):
        per_hour = _net_per_hour(rows, order, sold, rules)
        yearly = net_per_year(per_hour, rows.cost[order], rules.thresholds.expected_hold_hours)
        best = np.fmax.reduceat(yearly, begins)
        for begin, end, most in zip(begins.tolist(), ends.tolist(), best.tolist(), strict=True):
            way = rows.names[sold[begin]], rows.names[bought[begin]]
            if most > rules.thresholds.watch or way in alive:
                part = order[begin:end]
                net, even = yearly[begin:end], break_even_hours(rows.cost[part], per_hour[begin:end])
                events = Events(rows.at[part], net, even, rows.flags[part], np.ones(len(part), np.bool_))
                yield Seen(way, rows.underlyings[rows.underlying[part[-1]]], events)


def _net_per_hour(rows: Earned, order: NDArray[np.intp], sold: NDArray[np.int64], rules: Rules) -> Column:
    """What short ``sold`` nets an hour, in the order of ``order``."""
    per_hour = rules.terms.costs.borrow_per_year / HOURS_PER_YEAR
    borrowing = np.array([per_hour if Market.parse(name).kind == "spot" else 0.0 for name in rows.names])
    is_kept = rows.short[order] == sold
    return np.where(is_kept, rows.net_per_hour[order], -rows.funding_per_hour[order] - borrowing[sold])


def heard(events: Events, before: Instant | None, clock: Instants) -> Events:
    """``events`` with what is known while nothing is heard of the pair: that its data stopped (VENUE_INCIDENT).

    Args:
        events: of one direction.
        before: when the pair was last heard of before them; None for never.
        clock: sorted instants at which anything was heard of any pair: without them nobody knows that time goes by.
    """
    rows = np.searchsorted(events.at, clock, side="right")
    last = np.r_[np.int64(_TO_COME if before is None else before), events.at][rows]
    at = clock[clock - last >= SILENT_MS]
    if not len(at):
        return events
    unknown, flags = np.full(len(at), np.nan), np.full(len(at), Flag.VENUE_INCIDENT.bit, np.uint32)
    order = np.argsort(np.r_[events.at, at], kind="stable")
    return replace(
        events,
        at=np.r_[events.at, at][order],
        net_per_year=np.r_[events.net_per_year, unknown][order],
        break_even_hours=np.r_[events.break_even_hours, unknown][order],
        flags=np.r_[events.flags, flags][order],
        is_settlement=np.r_[events.is_settlement, np.zeros(len(at), np.bool_)][order],
    )
