"""A simulation: one pair, the rules and the baselines, at every cost, on every part of the past. Pure.

What lives here: the order of things, and the rows that come out. What does not: any of the steps.

The rules decide at base cost in every scenario: decisions are what would have been made; what they cost is what varies.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from qmd_platform.arbitrage.costs import SCENARIOS
from qmd_platform.arbitrage.economics import Capital, Column
from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.arbitrage.lifecycle import Thresholds
from qmd_platform.arbitrage.simulation.accounts import Equity, equity, totals
from qmd_platform.arbitrage.simulation.baselines import DRAWS, always_on, random_entries
from qmd_platform.arbitrage.simulation.signals import Signal, signals
from qmd_platform.arbitrage.simulation.statistics import Drawdown, Sharpe, drawdown, returns, sharpe
from qmd_platform.arbitrage.simulation.trades import Conditions, Trade, ambiguous_funding, flows, result, trade
from qmd_platform.arbitrage.simulation.world import World
from qmd_platform.model.window import Instant, Window


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything a simulation is run with. ``notional`` is of each leg, in quote."""

    terms: Terms = field(default_factory=Terms)
    rules: Thresholds = field(default_factory=Thresholds)
    notional: float = 10_000.0
    draws: int = DRAWS
    scenarios: Mapping[str, float] = field(default_factory=lambda: dict(SCENARIOS))

    def conditions(self, scenario: str) -> Conditions:
        """How trades are made in a scenario."""
        costs = self.terms.costs.scaled(self.scenarios[scenario])
        return Conditions(costs, self.terms.capital, self.notional, self.terms.limits.maintenance)

    def capital(self, world: World) -> float:
        """What a position ties up, in quote: the base of returns. Spot is paid in full."""
        given = self.terms.capital
        short, long = (
            1.0 if side.is_spot else leverage
            for side, leverage in ((world.short, given.short_leverage), (world.long, given.long_leverage))
        )
        return self.notional * Capital(short, long, given.buffer).per_notional


@dataclass(frozen=True, slots=True)
class Skipped:
    """A signal that was not traded, and why."""

    at: Instant
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What became of a list of signals. The trades are the same in every scenario; only what they cost differs."""

    trades: list[Trade]
    skipped: list[Skipped]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One strategy in one scenario on one part of the past.

    Attributes:
        strategy: rules, always_on or flat.
        account: equity from the part's start until its end, or until its last position was closed.
        sums: payments by kind, in quote; together they are the account's profit.
        exposure: hours held over the part's hours.
        ratio: Sharpe ratio of the account's returns.
        fall: its deepest drawdown.
        ambiguous: funding of settlements within a minute of a fill, which may or may not have counted, in quote.
        random: profits of random entries of equal exposure at the same costs; empty for baselines.
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


def play(world: World, found: Iterable[Signal], conditions: Conditions) -> Played:
    """The trades of these signals, one after the other: a signal during a position that is still held is skipped."""
    trades: list[Trade] = []
    skipped: list[Skipped] = []
    free_at = -1
    for signal in found:
        entry = world.next_row(signal.enter_at)
        if entry < len(world) and int(world.open_at[entry]) < free_at:
            skipped.append(Skipped(signal.enter_at, "the position before was still held"))
            continue
        asked = len(world) if signal.exit_at is None else world.next_row(signal.exit_at)
        made = trade(world, entry, asked, conditions)
        if made is None:
            skipped.append(Skipped(signal.enter_at, "a leg had no candle, or was not listed, when the entry was due"))
            continue
        trades.append(made)
        free_at = made.exit_at
    return Played(trades, skipped)


def simulate(world: World, setting: Setting, parts: Mapping[str, Window], source: Generator) -> list[Outcome]:
    """Rules, always-on and flat, for every part and scenario; the rules also against random entries.

    Args:
        world: one pair.
        setting: rules, costs, size.
        parts: of the past, by name; entries count to the part they were decided in.
        source: of the random entries; the same draws serve every scenario.
    """
    decided = signals(world, setting.terms, setting.rules)
    base = Conditions(setting.terms.costs, setting.terms.capital, setting.notional, setting.terms.limits.maintenance)
    found: list[Outcome] = []
    for part, window in parts.items():
        rows = range(*(world.next_row(at) for at in (window.start, window.end)))
        mine = play(world, (one for one in decided if window.contains(one.enter_at)), base)
        drawn = _random(world, mine, (rows, setting.draws), base, source)
        strategies = {"rules": mine, "always_on": Played(always_on(world, rows, base), []), "flat": Played([], [])}
        for scenario, times in setting.scenarios.items():
            for strategy, played in strategies.items():
                profits = drawn[0] - times * drawn[1] if strategy == "rules" else np.empty(0)
                named = (scenario, strategy, part, window)
                found.append(_outcome(world, setting, named, played, profits))
    return found


def _outcome(
    world: World, setting: Setting, named: tuple[str, str, str, Window], played: Played, random: Column
) -> Outcome:
    scenario, strategy, part, window = named
    conditions = setting.conditions(scenario)
    payments = [flow for made in played.trades for flow in flows(world, made, conditions)]
    whole = equity(world, played.trades, payments, setting.capital(world))
    ends = max([window.end, *(made.exit_at + world.step for made in played.trades)])
    account = whole.within(window.start + 1, ends + 1)
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


def _random(
    world: World, rules: Played, rows_draws: tuple[range, int], conditions: Conditions, source: Generator
) -> tuple[Column, Column]:
    """What each draw's positions made before costs, and what they cost at base."""
    rows, draws = rows_draws
    holds = [max(1, -(-(made.exit_at - made.entry_at) // world.step)) for made in rules.trades]
    if not holds or not len(rows):
        return np.empty(0), np.empty(0)
    gross, costs = np.zeros(draws), np.zeros(draws)
    for number, pairs in enumerate(random_entries(rows, holds, draws, source)):
        for entry, leave in pairs.tolist():
            made = _as_soon_as_both_trade(world, entry, leave, conditions)
            if made is not None:
                earned = result(world, made, conditions)
                gross[number] += earned.gross
                costs[number] += earned.costs
    return gross, costs


def _as_soon_as_both_trade(world: World, entry_row: int, exit_row: int, conditions: Conditions) -> Trade | None:
    waiting = np.flatnonzero(world.both_trade[entry_row:exit_row])
    return trade(world, entry_row + int(waiting[0]), exit_row, conditions) if len(waiting) else None
