"""An outcome as one row of a table. Pure.

What lives here: the columns of the simulation's table. What does not: how they are computed (``run``, ``statistics``).
"""

from dataclasses import dataclass

from qmd_platform.arbitrage.simulation.run import Outcome, Setting
from qmd_platform.model.window import Instant


@dataclass(frozen=True, slots=True)
class Figures:
    """One strategy, scenario and part of one pair; amounts in quote, fractions of 1, NaN where there is no figure.

    ``trials`` is how many sets of rules were tried on the train part before this one: the best of many looks better than
    it is, so the count belongs beside the figures.
    """

    pair: str
    scenario: str
    strategy: str
    part: str
    from_at: Instant
    until_at: Instant
    trades: int
    skipped: int
    liquidated: int
    exposure: float
    capital_quote: float
    profit_quote: float
    price_quote: float
    funding_quote: float
    ambiguous_funding_quote: float
    fees_quote: float
    slippage_quote: float
    borrow_quote: float
    other_costs_quote: float
    return_on_capital: float
    sharpe_per_year: float
    sharpe_adjusted_per_year: float
    samples: int
    drawdown_quote: float
    drawdown_fraction: float
    peak_at: Instant | None
    trough_at: Instant | None
    recovered_at: Instant | None
    random_beaten: float
    rule_version: str
    trials: int


def figures(pair: str, outcome: Outcome, setting: Setting, *, trials: int) -> Figures:
    """The row of an outcome."""
    account, sums, trades = outcome.account, outcome.sums, outcome.played.trades
    return Figures(
        pair=pair,
        scenario=outcome.scenario,
        strategy=outcome.strategy,
        part=outcome.part,
        from_at=outcome.window.start,
        until_at=outcome.window.end,
        trades=len(trades),
        skipped=len(outcome.played.skipped),
        liquidated=sum(made.why == "liquidated" for made in trades),
        exposure=outcome.exposure,
        capital_quote=account.capital,
        profit_quote=account.profit,
        price_quote=sums["price"],
        funding_quote=sums["funding"],
        ambiguous_funding_quote=outcome.ambiguous,
        fees_quote=sums["fee"],
        slippage_quote=sums["slippage"],
        borrow_quote=sums["borrow"],
        other_costs_quote=sums["liquidation"] + sums["transfer"],
        return_on_capital=account.profit / account.capital,
        sharpe_per_year=outcome.ratio.plain,
        sharpe_adjusted_per_year=outcome.ratio.adjusted,
        samples=outcome.ratio.samples,
        drawdown_quote=outcome.fall.amount,
        drawdown_fraction=outcome.fall.fraction,
        peak_at=outcome.fall.peak_at,
        trough_at=outcome.fall.trough_at,
        recovered_at=outcome.fall.recovered_at,
        random_beaten=outcome.beaten,
        rule_version=setting.rules.version,
        trials=trials,
    )
