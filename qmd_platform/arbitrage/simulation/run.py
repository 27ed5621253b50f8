"""A simulation: one pair, the rules and the baselines, at every cost, on every part of the past. Pure.

What lives here: the order of things, and the rows that come out. What does not: any of the steps.

The rules decide at base cost in every scenario: decisions are what would have been made; what they cost is what varies.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from qmd_platform.arbitrage.costs import SCENARIOS
from qmd_platform.arbitrage.economics import Capital, Column
from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.arbitrage.lifecycle import Thresholds
from qmd_platform.arbitrage.simulation.accounts import Equity, equity, totals
from qmd_platform.arbitrage.simulation.baselines import DRAWS, above_threshold, always_on, random_entries
from qmd_platform.arbitrage.simulation.many import Many
from qmd_platform.arbitrage.simulation.playing import Played, play, play_rows
from qmd_platform.arbitrage.simulation.signals import Signal, hedge_of, signals_of
from qmd_platform.arbitrage.simulation.statistics import Drawdown, Sharpe, drawdown, returns, sharpe
from qmd_platform.arbitrage.simulation.trades import Conditions, ambiguous_funding, flows
from qmd_platform.arbitrage.simulation.world import World
from qmd_platform.model.window import Instant, Window

STRATEGIES = ("rules", "always_on", "threshold", "random", "flat")
"""The rules and what they are compared with. ``random`` is the one of the random draws whose profit is the middle one at base
costs; it is there where the rules traded, as it has their exposure."""

BASE = "base"
"""The scenario that is what things cost."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything a simulation is run with. ``notional`` is of each leg, in quote; ``half_spread`` as ``Conditions`` has it."""

    terms: Terms = field(default_factory=Terms)
    rules: Thresholds = field(default_factory=Thresholds)
    notional: float = 10_000.0
    draws: int = DRAWS
    scenarios: Mapping[str, float] = field(default_factory=lambda: dict(SCENARIOS))
    half_spread: float = 0.0

    def conditions(self, scenario: str) -> Conditions:
        """How trades are made in a scenario."""
        times = self.scenarios[scenario]
        costs, half_spread = self.terms.costs.scaled(times), self.half_spread * times
        return Conditions(costs, self.terms.capital, self.notional, self.terms.limits.maintenance, half_spread)

    def capital(self, world: World) -> float:
        """What a position ties up, in quote: the base of returns. Spot is paid in full."""
        given = self.terms.capital
        short, long = (
            1.0 if side.is_spot else leverage
            for side, leverage in ((world.short, given.short_leverage), (world.long, given.long_leverage))
        )
        return self.notional * Capital(short, long, given.buffer).per_notional


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One strategy in one scenario on one part of the past.

    Attributes:
        strategy: one of ``STRATEGIES``.
        account: equity from the part's start until its end, or until its last position was closed.
        sums: payments by kind, in quote; together they are the account's profit.
        exposure: hours held over the part's hours.
        ratio: Sharpe ratio of the account's returns.
        fall: its deepest drawdown.
        ambiguous: funding of settlements within a minute of a fill, which may or may not have counted, in quote.
        random: profits of random entries of equal exposure at the same costs; only for the rules.
    """

    scenario: str
    strategy: str
    part: str
    window: Window
    account: Equity
    played: Played
    sums: Mapping[str, float]
    exposure: float
    ratio: Sharpe
    fall: Drawdown
    ambiguous: float
    random: Column

    @property
    def beaten(self) -> float:
        """Share of the random entries that earned less; NaN where there were none."""
        return float(np.mean(self.random < self.account.profit)) if len(self.random) else float("nan")


def simulate(world: World, setting: Setting, parts: Mapping[str, Window], source: Generator) -> list[Outcome]:
    """The rules and what they are compared with, for every scenario and every part in which the pair has data.

    Args:
        world: one pair.
        setting: rules, costs, size.
        parts: of the past, by name; entries count to the part they were decided in.
        source: of the random entries; the same draws serve every scenario.
    """
    hedge = hedge_of(world, setting.terms)
    decided, above = signals_of(hedge, setting.rules), above_threshold(hedge, setting.rules.open)
    base = setting.conditions(BASE)
    many = Many(world, base)
    found: list[Outcome] = []
    for part, window in parts.items():
        rows = range(*(world.next_row(at) for at in (window.start, window.end)))
        if not rows:
            continue
        mine = play(world, _entered(decided, window), base)
        drawn = _drawn(world, many, mine, (rows, setting.draws), source)
        played = {
            "rules": mine,
            "always_on": Played(always_on(world, rows, base)),
            "threshold": play(world, _left_by(_entered(above, window), window.end), base),
            "flat": Played(),
        }
        if drawn is not None:
            played["random"] = play_rows(world, drawn.middle, base)
        for scenario, times in setting.scenarios.items():
            for strategy in STRATEGIES:
                if strategy in played:
                    profits = drawn.profits(times) if drawn is not None and strategy == "rules" else np.empty(0)
                    found.append(
                        _outcome(world, setting, (scenario, strategy, part, window), played[strategy], profits)
                    )
    return found


def _entered(found: Iterable[Signal], window: Window) -> Iterator[Signal]:
    """Those that were decided in ``window``."""
    return (one for one in found if window.contains(one.enter_at))


def _left_by(found: Iterable[Signal], end: Instant) -> Iterator[Signal]:
    """The same, left at ``end`` at the latest: no longest hold ends them, so they would reach over any embargo."""
    return (Signal(one.enter_at, end if one.exit_at is None else min(one.exit_at, end)) for one in found)


def _outcome(
    world: World, setting: Setting, named: tuple[str, str, str, Window], played: Played, random: Column
) -> Outcome:
    scenario, strategy, part, window = named
    conditions = setting.conditions(scenario)
    payments = [flow for made in played.trades for flow in flows(world, made, conditions)]
    whole = equity(world, played.trades, payments, setting.capital(world))
    ends = max([window.end, *(made.exit_at + world.step for made in played.trades)])
    # What is entered at the very start is paid in the sample of that instant: the account begins before it.
    account = replace(whole.within(window.start + 1, ends + 1), capital=whole.capital)
    held = sum(made.exit_at - made.entry_at for made in played.trades)
    return Outcome(
        scenario,
        strategy,
        part,
        window,
        account,
        played,
        totals(payments),
        held / (window.end - window.start),
        sharpe(returns(account), world.step),
        drawdown(account),
        sum(ambiguous_funding(world, made) for made in played.trades),
        random,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Random entries: what each draw made before costs, what it cost at base, and the rows of the middle one."""

    gross: Column
    costs: Column
    middle: NDArray[np.intp]

    def profits(self, times: float) -> Column:
        """Of every draw, at so many times the base costs."""
        return self.gross - times * self.costs


def _drawn(world: World, many: Many, rules: Played, rows_draws: tuple[range, int], source: Generator) -> _Drawn | None:
    """As many positions as the rules had, as long, begun at random; None where the rules had none."""
    rows, draws = rows_draws
    holds = [max(1, -(-(made.exit_at - made.entry_at) // world.step)) for made in rules.trades]
    if not holds or not len(rows) or not draws:
        return None
    each = list(random_entries(rows, holds, draws, source))
    gross, costs = many.results(np.concatenate(each))
    shape = (draws, len(each[0]))
    earned, paid = (column.reshape(shape).sum(axis=1) for column in (gross, costs))
    middle = np.argsort(earned - paid, kind="stable")[(draws - 1) // 2]
    return _Drawn(earned, paid, each[int(middle)])
