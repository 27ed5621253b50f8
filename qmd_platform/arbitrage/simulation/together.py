"""All pairs of a kind as one account, each with money of its own. Pure.

What lives here: adding outcomes up, one pair after the other, so that no pair need be kept. What does not: the outcomes.

Every pair that has data in a part is in it, whether its rules traded or not: leaving out what did not earn would be choosing
by the outcome.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from qmd_platform.arbitrage.economics import Column
from qmd_platform.arbitrage.simulation.accounts import Equity
from qmd_platform.arbitrage.simulation.figures import Figures, figures, per_year
from qmd_platform.arbitrage.simulation.run import Outcome
from qmd_platform.arbitrage.simulation.statistics import drawdown, returns, sharpe
from qmd_platform.model.window import Instant

_SUMMED = (
    *("pairs", "trades", "skipped", "liquidated", "capital_quote", "funding_quote", "price_quote"),
    *("fees_quote", "slippage_quote", "borrow_quote", "other_quote", "ambiguous_quote"),
)
ALONE = "random"
"""A strategy that has no sum: the middle draws of many pairs are not the middle draw of all."""


@dataclass(slots=True)
class _Sum:
    """One strategy, scenario and part of all pairs so far. ``profit`` is on the clock of all, from the part's start."""

    row: Figures
    profit: Column
    until: Instant
    held: float
    traded: float
    random: Column = field(default_factory=lambda: np.zeros(0))


class Together:
    """Outcomes of pairs of one kind, added up on one clock.

    Args:
        end: of the simulation: the last instant of the clock.
        step: of the clock, ms; every outcome's is the same.
    """

    def __init__(self, end: Instant, step: int) -> None:
        self._end, self._step = end, step
        self._sums: dict[tuple[str, str, str], _Sum] = {}

    def add(self, outcome: Outcome) -> None:
        """One more pair's outcome."""
        if outcome.strategy == ALONE:
            return
        key = (outcome.part, outcome.strategy, outcome.scenario)
        row, profit = figures(outcome), self._on_clock(outcome)
        held, traded = row.exposure * row.capital_quote, row.turnover * row.capital_quote
        until = max(outcome.window.end, int(outcome.account.at[-1]) if len(outcome.account.at) else 0)
        before = self._sums.get(key)
        if before is None:
            self._sums[key] = _Sum(row, profit, until, held, traded, outcome.random.copy())
            return
        summed = {name: getattr(before.row, name) + getattr(row, name) for name in _SUMMED}
        before.row = replace(before.row, **summed)
        before.profit += profit
        before.until = max(before.until, until)
        before.held += held
        before.traded += traded
        before.random = _added(before.random, outcome.random)

    def rows(self) -> Iterator[Figures]:
        """The figures of all pairs as one, in the order in which the first pair's came."""
        for one in self._sums.values():
            account, capital = self._account(one), one.row.capital_quote
            ratio, fall = sharpe(returns(account), self._step), drawdown(account)
            yield replace(
                one.row,
                exposure=one.held / capital,
                turnover=one.traded / capital,
                net_quote=account.profit,
                drawdown_quote=fall.amount,
                drawdown=fall.fraction,
                return_per_year=per_year(account.profit, capital, one.row.to_at - one.row.from_at),
                sharpe=ratio.plain,
                sharpe_lo=ratio.adjusted,
                observations=ratio.samples,
                random_beaten=float(np.mean(one.random < account.profit)) if len(one.random) else float("nan"),
            )

    def accounts(self, part: str) -> dict[tuple[str, str], Equity]:
        """The equity of all pairs as one by strategy and scenario."""
        return {key[1:]: self._account(one) for key, one in self._sums.items() if key[0] == part}

    def _account(self, one: _Sum) -> Equity:
        capital, at = one.row.capital_quote, self._clock(one.row.from_at)
        return Equity(at, capital + one.profit, capital, self._step).within(one.row.from_at, one.until + 1)

    def _clock(self, start: Instant) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.arange(start - start % self._step + self._step, self._end + 1, self._step)

    def _on_clock(self, outcome: Outcome) -> Column:
        """The outcome's profit at every instant of the clock: nothing before its first sample, its last from there on."""
        at, account = self._clock(outcome.window.start), outcome.account
        profit = np.r_[0.0, account.value - account.capital]
        return np.asarray(profit[np.searchsorted(account.at, at, side="right")])


def _added(one: Column, other: Column) -> Column:
    """Profits draw by draw; pairs whose rules never traded have no draws."""
    return one + other if len(one) == len(other) else one if len(one) else other.copy()
