"""An outcome in figures: a row of the simulation's table. Pure.

What lives here: the figures of one outcome. What does not: how they are computed (``run``, ``statistics``), those of many
pairs as one (``together``), the table's columns (``model.simulation_tables``).
"""

from dataclasses import dataclass

from qmd_platform.arbitrage.simulation.run import Outcome
from qmd_platform.arbitrage.simulation.statistics import YEAR_MS
from qmd_platform.model.window import Instant


@dataclass(frozen=True, slots=True)
class Figures:
    """One strategy, scenario and part of one pair; amounts in quote, fractions of 1, NaN where there is no figure."""

    strategy: str
    scenario: str
    part: str
    from_at: Instant
    to_at: Instant
    pairs: int
    trades: int
    skipped: int
    liquidated: int
    exposure: float
    turnover: float
    capital_quote: float
    funding_quote: float
    price_quote: float
    fees_quote: float
    slippage_quote: float
    borrow_quote: float
    other_quote: float
    net_quote: float
    ambiguous_quote: float
    drawdown_quote: float
    drawdown: float
    return_per_year: float
    sharpe: float
    sharpe_lo: float
    observations: int
    random_beaten: float


def figures(outcome: Outcome) -> Figures:
    """The row of an outcome."""
    account, sums, trades = outcome.account, outcome.sums, outcome.played.trades
    return Figures(
        strategy=outcome.strategy,
        scenario=outcome.scenario,
        part=outcome.part,
        from_at=outcome.window.start,
        to_at=outcome.window.end,
        pairs=1,
        trades=len(trades),
        skipped=len(outcome.played.skipped),
        liquidated=sum(made.why == "liquidated" for made in trades),
        exposure=outcome.exposure,
        turnover=sum(made.traded for made in trades) / account.capital,
        capital_quote=account.capital,
        funding_quote=sums["funding"],
        price_quote=sums["price"],
        fees_quote=sums["fee"],
        slippage_quote=sums["slippage"],
        borrow_quote=sums["borrow"],
        other_quote=sums["liquidation"] + sums["transfer"],
        net_quote=account.profit,
        ambiguous_quote=outcome.ambiguous,
        drawdown_quote=outcome.fall.amount,
        drawdown=outcome.fall.fraction,
        return_per_year=per_year(account.profit, account.capital, outcome.window.end - outcome.window.start),
        sharpe=outcome.ratio.plain,
        sharpe_lo=outcome.ratio.adjusted,
        observations=outcome.ratio.samples,
        random_beaten=outcome.beaten,
    )


def per_year(profit: float, capital: float, length_ms: int) -> float:
    """A simple return a year; NaN of no time."""
    return profit / capital * YEAR_MS / length_ms if length_ms > 0 else float("nan")
