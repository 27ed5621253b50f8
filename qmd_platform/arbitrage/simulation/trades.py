"""One simulated trade of a hedge: where it is filled, what liquidates it, what it pays and gets. Pure.

What lives here: fills, liquidation and the cash flows of one trade. What does not: when to trade (``run``, ``baselines``),
equity (``accounts``).

Margin is isolated: each perpetual leg stands alone with its own, as at two venues it does. A short is liquidated by a
candle's high, a long by its low, at the liquidation price or at the open where that is worse; the other leg is closed at
its next candle. Within the candle nobody knows the order of things, so a liquidation is dated to its last millisecond.

A leg whose market ends while it is held is settled at its last close, as venues do, and the other one closed at its next
candle. At an exit that was asked for, both legs wait for the first candle that both have: a hedge is not half closed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from qmd_platform.arbitrage.costs import Costs
from qmd_platform.arbitrage.economics import Capital, Column
from qmd_platform.arbitrage.simulation.world import Side, World
from qmd_platform.funding.annual import HOURS_PER_YEAR
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Conditions:
    """How trades are made.

    ``notional`` is each leg's, in quote, at the entry; ``maintenance`` the margin below which a venue liquidates;
    ``half_spread`` what lies between a candle's price and bid or ask, a fraction of it: every fill pays it.
    """

    costs: Costs
    capital: Capital
    notional: float = 10_000.0
    maintenance: float = 0.01
    half_spread: float = 0.0

    @property
    def slippage(self) -> float:
        """Lost per fill against the candle's price: from it to the quote, and beyond the quote."""
        return self.half_spread + self.costs.slippage


class Exit(NamedTuple):
    """How one leg was closed: ``row`` of the grid, at ``at``, for ``price``; ``why`` says more than ``asked`` at times."""

    row: int
    at: Instant
    price: float
    why: str


@dataclass(frozen=True, slots=True)
class Trade:
    """One hedge held. ``why`` is asked, liquidated, settled (a market ended) or ended (the data did)."""

    entry_row: int
    entry_at: Instant
    quantity: float
    short_entry: float
    long_entry: float
    short_exit: Exit
    long_exit: Exit

    @property
    def exit_at(self) -> Instant:
        """When the last leg was closed."""
        return max(self.short_exit.at, self.long_exit.at)

    @property
    def traded(self) -> float:
        """Value of all four fills, in quote."""
        return self.quantity * (self.short_entry + self.long_entry + self.short_exit.price + self.long_exit.price)

    @property
    def why(self) -> str:
        """How it ended: liquidated wins over ended, that over asked."""
        found = {self.short_exit.why, self.long_exit.why}
        return next(why for why in ("liquidated", "settled", "ended", "asked") if why in found)


class Flow(NamedTuple):
    """Cash that came (positive) or went at ``at``, in quote."""

    at: Instant
    kind: str
    leg: str
    amount: float


KINDS = ("price", "funding", "fee", "slippage", "borrow", "liquidation", "transfer")


def trade(world: World, entry_row: int, asked_row: int, conditions: Conditions) -> Trade | None:
    """The trade entered at ``entry_row`` and asked to end at ``asked_row``; None where a leg cannot be filled at entry.

    Args:
        world: where.
        entry_row: filled at this row's opens.
        asked_row: later; may be past the end.
        conditions: size, leverage.
    """
    if entry_row >= len(world) or not world.both_trade[entry_row]:
        return None
    sold, bought = float(world.short.open[entry_row]), float(world.long.open[entry_row])
    exits = _exits(world, entry_row, max(asked_row, entry_row + 1), (sold, bought), conditions)
    quantity = conditions.notional / ((sold + bought) / 2)
    return Trade(entry_row, int(world.open_at[entry_row]), quantity, sold, bought, *exits)


def _exits(
    world: World, entry_row: int, asked_row: int, entries: tuple[float, float], conditions: Conditions
) -> tuple[Exit, Exit]:
    waiting = np.flatnonzero(world.both_trade[asked_row:])
    last = asked_row + int(waiting[0]) if len(waiting) else len(world)
    limits = liquidation_prices(world, entries, conditions)
    forced = [
        _forced(world, side, limit, slice(entry_row, last))
        for side, limit in zip((world.short, world.long), limits, strict=True)
    ]
    end = min((one.row for one in forced if one is not None), default=last)
    if all(one is None for one in forced):
        return _closed(world, world.short, last, "asked"), _closed(world, world.long, last, "asked")
    short, long = (
        one if one is not None and one.row == end else _unwound(world, side, end)
        for one, side in zip(forced, (world.short, world.long), strict=True)
    )
    return short, long


def _forced(world: World, side: Side, limit: float, rows: slice) -> Exit | None:
    """The end of a leg that was not asked for, within these rows: it is liquidated, or its market ends before the data."""
    is_short, last = side is world.short, int(side.last_row[rows.start])
    held = slice(rows.start, min(rows.stop, last + 1))
    with np.errstate(invalid="ignore"):  # rows without a candle
        beyond = side.high[held] >= limit if is_short else side.low[held] <= limit
    if beyond.any():
        row = rows.start + int(np.argmax(beyond))
        price = max(limit, float(side.open[row])) if is_short else min(limit, float(side.open[row]))
        return Exit(row, int(world.open_at[row]) + world.step - 1, price, "liquidated")
    if last < min(rows.stop, len(world) - 1):
        return Exit(last, int(world.open_at[last]) + world.step, float(side.value[last]), "settled")
    return None


Price = TypeVar("Price", float, Column)


def liquidation_prices(world: World, entries: tuple[Price, Price], conditions: Conditions) -> tuple[Price, Price]:
    """Above which price the short leg and below which the long leg is liquidated; never for spot."""
    room_short = 1 / conditions.capital.short_leverage - conditions.maintenance
    room_long = 1 / conditions.capital.long_leverage - conditions.maintenance
    return (
        entries[0] * (np.inf if world.short.is_spot else 1 + room_short),
        entries[1] * (-np.inf if world.long.is_spot else 1 - room_long),
    )


def _closed(world: World, side: Side, row: int, why: str) -> Exit:
    if row >= len(world):
        return Exit(len(world) - 1, world.end, float(side.value[-1]), "ended")
    return Exit(row, int(world.open_at[row]), float(side.open[row]), why)


def _unwound(world: World, side: Side, ended_row: int) -> Exit:
    """The exit of the leg that is left: its next candle after the other leg's end."""
    later = np.flatnonzero(side.is_tradable[ended_row + 1 :])
    return _closed(world, side, ended_row + 1 + int(later[0]) if len(later) else len(world), "unwound")


def flows(world: World, made: Trade, conditions: Conditions) -> Iterator[Flow]:
    """Every payment of a trade; their sum is its profit."""
    legs = (("short", -1.0, made.short_entry, made.short_exit), ("long", 1.0, made.long_entry, made.long_exit))
    for leg, sign, entry, closed in legs:
        side = world.short if leg == "short" else world.long
        yield Flow(made.entry_at, "price", leg, -sign * made.quantity * entry)
        yield Flow(closed.at, "price", leg, sign * made.quantity * closed.price)
        for at, amount in zip(*funding(side, made.entry_at, closed.at), strict=True):
            yield Flow(int(at), "funding", leg, -sign * made.quantity * float(amount))
        yield from _costs(side, made, (leg, entry, closed), conditions)
    yield Flow(made.exit_at, "transfer", "both", -conditions.costs.transfer * conditions.notional)


class Result(NamedTuple):
    """A trade in two figures, in quote: from prices and funding, and what it cost (0 or above, but for rebates)."""

    gross: float
    costs: float


def result(world: World, made: Trade, conditions: Conditions) -> Result:
    """The same as the sums of ``flows``, without making each of them: for the many trades of random entries."""
    gross, costs = 0.0, conditions.costs.transfer * conditions.notional
    legs = (("short", -1.0, made.short_entry, made.short_exit), ("long", 1.0, made.long_entry, made.long_exit))
    for leg, sign, entry, closed in legs:
        side = world.short if leg == "short" else world.long
        first, last = np.searchsorted(side.settled_at, [made.entry_at, closed.at], side="right")
        paid = float(side.paid_sum[last] - side.paid_sum[first])
        gross += sign * made.quantity * (closed.price - entry - paid)
        costs -= sum(flow.amount for flow in _costs(side, made, (leg, entry, closed), conditions))
    return Result(gross, costs)


def funding(side: Side, entered_at: Instant, exited_at: Instant) -> tuple[np.ndarray, np.ndarray]:
    """Settlements with ``entered < s <= exited``: when, and what a long of one coin paid."""
    rows = slice(*np.searchsorted(side.settled_at, [entered_at, exited_at], side="right"))
    return side.settled_at[rows], side.paid[rows]


def ambiguous_funding(world: World, made: Trade, band_ms: int = MINUTE) -> float:
    """Funding, in quote and whichever its sign, settled so near to a fill that a venue may or may not have counted it."""
    total = 0.0
    for side, closed in ((world.short, made.short_exit), (world.long, made.long_exit)):
        near = [np.abs(side.settled_at - at) <= band_ms for at in (made.entry_at, closed.at)]
        total += made.quantity * float(np.abs(side.paid[near[0] | near[1]]).sum())
    return total


def _costs(side: Side, made: Trade, leg_entry_exit: tuple[str, float, Exit], conditions: Conditions) -> Iterator[Flow]:
    leg, entry, closed = leg_entry_exit
    costs = conditions.costs
    fee = costs.fee(side.leg.market.venue, side.leg.market.kind)
    for at, price in ((made.entry_at, entry), (closed.at, closed.price)):
        yield Flow(at, "fee", leg, -fee * made.quantity * price)
        yield Flow(at, "slippage", leg, -conditions.slippage * made.quantity * price)
    if closed.why == "liquidated":
        yield Flow(closed.at, "liquidation", leg, -costs.liquidation * made.quantity * closed.price)
    if side.is_spot and leg == "short":
        hours = (closed.at - made.entry_at) / HOUR_MS
        yield Flow(closed.at, "borrow", leg, -costs.borrow_per_year / HOURS_PER_YEAR * hours * made.quantity * entry)
