"""What many trades of one world made, without making each: for the thousands of random entries. Pure.

What lives here: gross and costs of entries and exits given as rows, all at once where nothing special happens, one by one
where it does. What does not: the trades themselves (``trades``), which every figure here equals.
"""

import numpy as np
from numpy.typing import NDArray

from qmd_platform.arbitrage.economics import Column
from qmd_platform.arbitrage.simulation.playing import as_soon_as_both_trade
from qmd_platform.arbitrage.simulation.trades import HOUR_MS, Conditions, liquidation_prices, result
from qmd_platform.arbitrage.simulation.world import Side, World
from qmd_platform.funding.annual import HOURS_PER_YEAR

Rows = NDArray[np.intp]


class Many:
    """A world prepared for asking what trades of it made."""

    def __init__(self, world: World, conditions: Conditions) -> None:
        """Prepare: the extremes of every span of candles whose length is a power of two."""
        self._world, self._conditions = world, conditions
        self._highest = _extremes(np.where(np.isnan(world.short.high), -np.inf, world.short.high))
        self._lowest = _extremes(-np.where(np.isnan(world.long.low), np.inf, world.long.low))

    def results(self, pairs: Rows) -> tuple[Column, Column]:
        """Of each (entry row, exit row): earned from prices and funding, and what it cost, in quote.

        Rows that both legs do not have are waited for; where there are none, nothing was made and nothing paid.
        """
        world = self._world
        gross, costs = np.zeros(len(pairs)), np.zeros(len(pairs))
        entries, exits = pairs[:, 0], pairs[:, 1]
        inside = exits < len(world)
        plain = inside & world.both_trade[entries] & world.both_trade[np.where(inside, exits, 0)]
        # A market that ends is settled at its last candle: whoever leaves before it has traded does not meet that.
        plain &= (exits <= world.short.last_row[entries]) & (exits <= world.long.last_row[entries])
        plain &= ~self._liquidated(entries, np.where(inside, exits, entries))
        gross[plain], costs[plain] = self._plain(entries[plain], exits[plain])
        for row in np.flatnonzero(~plain).tolist():
            made = as_soon_as_both_trade(world, int(entries[row]), int(exits[row]), self._conditions)
            if made is not None:
                gross[row], costs[row] = result(world, made, self._conditions)
        return gross, costs

    def _liquidated(self, entries: Rows, exits: Rows) -> NDArray[np.bool_]:
        sold, bought = self._world.short.open[entries], self._world.long.open[entries]
        above, below = liquidation_prices(self._world, (sold, bought), self._conditions)
        highest, lowest = _span(self._highest, entries, exits), -_span(self._lowest, entries, exits)
        return np.asarray((highest >= above) | (lowest <= below))

    def _plain(self, entries: Rows, exits: Rows) -> tuple[Column, Column]:
        world, conditions = self._world, self._conditions
        quantity = conditions.notional / ((world.short.open[entries] + world.long.open[entries]) / 2)
        gross = np.zeros(len(entries))
        costs = np.full(len(entries), conditions.costs.transfer * conditions.notional)
        for side, sign in ((world.short, -1.0), (world.long, 1.0)):
            entry, leave, paid = _legs(world, side, entries, exits)
            gross += sign * quantity * (leave - entry - paid)
            fee = conditions.costs.fee(side.leg.market.venue, side.leg.market.kind)
            costs += (fee + conditions.slippage) * quantity * (entry + leave)
        if world.short.is_spot:
            hours = (world.open_at[exits] - world.open_at[entries]) / HOUR_MS
            per_hour = conditions.costs.borrow_per_year / HOURS_PER_YEAR
            costs += per_hour * hours * quantity * world.short.open[entries]
        return gross, costs


def _legs(world: World, side: Side, entries: Rows, exits: Rows) -> tuple[Column, Column, Column]:
    """One leg's prices at entry and exit, and what a long of one coin paid in funding between them."""
    first, last = (np.searchsorted(side.settled_at, world.open_at[rows], side="right") for rows in (entries, exits))
    return side.open[entries], side.open[exits], side.paid_sum[last] - side.paid_sum[first]


def _extremes(values: Column) -> list[Column]:
    """The highest of every 1, 2, 4, ... values in a row, by where they begin."""
    levels = [values]
    while (width := 1 << len(levels)) <= len(values):
        half = levels[-1]
        levels.append(np.maximum(half[: len(values) - width + 1], half[width // 2 :]))
    return levels


def _span(levels: list[Column], begins: Rows, ends: Rows) -> Column:
    """The highest value of each ``[begin, end)``; -inf of none."""
    found = np.full(len(begins), -np.inf)
    length = ends - begins
    with np.errstate(divide="ignore"):
        level = np.log2(np.maximum(length, 1)).astype(np.intp)
    for one in np.unique(level[length > 0]).tolist():
        mine = np.flatnonzero((level == one) & (length > 0))
        of, width = levels[one], 1 << one
        found[mine] = np.maximum(of[begins[mine]], of[ends[mine] - width])
    return found
