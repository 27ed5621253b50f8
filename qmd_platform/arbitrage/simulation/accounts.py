"""Accounts: cash, positions and equity of simulated trades. Pure.

What lives here: equity = capital + cash + positions at the last known price, sampled at the end of every row. What does
not: returns, Sharpe ratios and drawdowns (``statistics``).

Profit is the last equity less the first, and equals the sum of all payments: levels are never added up.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmd_platform.arbitrage.economics import Column
from qmd_platform.arbitrage.simulation.trades import KINDS, Flow, Trade
from qmd_platform.arbitrage.simulation.world import Side, World


@dataclass(frozen=True, slots=True, eq=False)
class Equity:
    """Equity in quote at the instants ``at`` (a fixed clock of ``step`` ms); ``capital`` is what it began with."""

    at: NDArray[np.int64]
    value: Column
    capital: float
    step: int

    @property
    def profit(self) -> float:
        """Last less the capital, in quote."""
        return float(self.value[-1]) - self.capital if len(self.value) else 0.0

    def within(self, start: int, end: int) -> "Equity":
        """The samples in ``[start, end)``; its capital is what there was at its start."""
        lo, hi = np.searchsorted(self.at, [start, end])
        before = float(self.value[lo - 1]) if lo else self.capital
        return Equity(self.at[lo:hi], self.value[lo:hi], before, self.step)


def totals(payments: Iterable[Flow]) -> Mapping[str, float]:
    """Sum of the payments by kind, in quote."""
    found = dict.fromkeys(KINDS, 0.0)
    for one in payments:
        found[one.kind] += one.amount
    return found


def equity(world: World, trades: Sequence[Trade], payments: Sequence[Flow], capital: float) -> Equity:
    """Equity at the end of every row of the world.

    Args:
        world: where the trades were made.
        trades: what is held, and when.
        payments: all of theirs.
        capital: money to begin with, in quote.
    """
    at = world.open_at + world.step
    when = np.array([one.at for one in payments], np.int64)
    amounts = np.array([one.amount for one in payments], np.float64)
    order = np.argsort(when, kind="stable")
    cash = np.r_[0.0, np.cumsum(amounts[order])][np.searchsorted(when[order], at, side="right")]
    held = np.zeros(len(at))
    for made in trades:
        for side, sign, closed in ((world.short, -1.0, made.short_exit), (world.long, 1.0, made.long_exit)):
            held += _position(at, side, sign * made.quantity, made.entry_at, closed.at)
    return Equity(at, capital + cash + held, capital, world.step)


def _position(at: NDArray[np.int64], side: Side, quantity: float, entered_at: int, exited_at: int) -> Column:
    """The value of a leg's position at each instant: nothing before its entry and from its exit on."""
    value = np.zeros(len(at))
    rows = slice(*np.searchsorted(at, [entered_at, exited_at]))
    value[rows] = quantity * side.value[rows]
    return value


def combined(accounts: Sequence[Equity]) -> Equity:
    """Several accounts as one, on the union of their clocks; before its first sample an account is worth its capital.

    Args:
        accounts: of one step; at least one.
    """
    at = np.unique(np.concatenate([one.at for one in accounts]))
    total = np.zeros(len(at))
    for one in accounts:
        total += np.r_[one.capital, one.value][np.searchsorted(one.at, at, side="right")]
    return Equity(at, total, sum(one.capital for one in accounts), accounts[0].step)
