"""docs/simulation.md, made from the recorded three-venue file: ``python -m tests.arbitrage.simulation.report`` (``make simulation``).

What lives here: the figures of the page and its tables. What does not: the file (``recorded``), what is compared with it
(``published``), the page's words (``report_text``). Nothing here was chosen by its outcome: rules, costs and capital are the
library's defaults.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.arbitrage.risks import Limits
from qmd_platform.arbitrage.simulation.chart import Curve, svg
from qmd_platform.arbitrage.simulation.figures import Figures, figures
from qmd_platform.arbitrage.simulation.run import Outcome, Setting, simulate
from qmd_platform.arbitrage.simulation.splits import chronological, years
from qmd_platform.arbitrage.simulation.world import World, world
from qmd_platform.model.window import Window, iso
from tests.arbitrage.simulation import defect, elsewhere, report_text
from tests.arbitrage.simulation.published import PUBLISHED
from tests.arbitrage.simulation.recorded import STEP, legs

DOCS = Path(__file__).parents[3] / "docs"
PAGE, PICTURE = DOCS / "simulation.md", DOCS / "images" / "simulation.svg"
DAY_MS = 86_400_000
SEED = 1

VENUES, COINS = ("binance", "bybit", "okx"), ("BTC", "ETH")
CARRY = [(f"{venue}:{coin}/USDT:USDT", f"{venue}:{coin}/USDT") for coin in COINS for venue in VENUES]
SPREADS = [
    (f"{one}:{coin}/USDT:USDT", f"{other}:{coin}/USDT:USDT")
    for coin in COINS
    for one, other in (("bybit", "okx"), ("okx", "bybit"))
]
PAIRS = (*CARRY, *SPREADS)
SETTING = Setting(Terms(limits=Limits(quote_age_ms=STEP)))
"""The defaults, but for one limit that is the file's own: its prices are up to eight hours old."""

Pair = tuple[str, str]
recorded = cache(legs)


def whole(place: World) -> Window:
    """All that the file has of a pair."""
    return Window(int(place.open_at[0]), place.end)


@cache
def outcomes(pair: Pair) -> tuple[Outcome, ...]:
    """Everything about one pair: every strategy, cost and part."""
    place = world(recorded()[pair[0]], recorded()[pair[1]], STEP)
    hold = SETTING.rules.max_hold_ms
    split = chronological(whole(place), embargo_ms=hold + DAY_MS, max_hold_ms=hold)
    inside = Window(max(whole(place).start, Window.of("2023-01-01", "2023-01-02").start), place.end)
    parts = {"all": whole(place), "train": split.train, "test": split.test, **dict(years(inside))}
    return tuple(simulate(place, SETTING, parts, np.random.default_rng(SEED)))


def one(pair: Pair, strategy: str = "rules", scenario: str = "base", part: str = "all") -> Figures | None:
    """The figures of one outcome; None where there is none (random entries of rules that never traded)."""
    found = (each for each in outcomes(pair) if (each.strategy, each.scenario, each.part) == (strategy, scenario, part))
    return next((figures(each) for each in found), None)


def outcome_of(pair: Pair, part: str, strategy: str = "rules") -> Outcome:
    """One outcome at base costs."""
    return next(
        each for each in outcomes(pair) if (each.strategy, each.scenario, each.part) == (strategy, "base", part)
    )


def told(pair: Pair) -> str:
    """A pair in few words: ``BTC Binance``, ``BTC OKX / Bybit``."""
    coin = pair[0].partition(":")[2].partition("/")[0]
    names = {"binance": "Binance", "bybit": "Bybit", "okx": "OKX"}
    sold, bought = (names[market.partition(":")[0]] for market in pair)
    return f"{coin} {sold}" if sold == bought else f"{coin} {sold} / {bought}"


def percent(value: float, digits: int = 2) -> str:
    """A fraction as percent; nothing where there is no figure."""
    return "" if np.isnan(value) else f"{100 * value:.{digits}f} %"


def ratio(value: float) -> str:
    """A ratio; nothing where there is none."""
    return "" if np.isnan(value) else f"{value:.2f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, numbers to the right."""
    lines = [f"| {' | '.join(head)} |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def by_strategy() -> str:
    """Every pair: the rules and each baseline, at base costs, over all of the file."""
    head = ["pair, strategy", "trades", "liquidated", "held", "funding", "price", "fees, slippage", "**net**"]
    head += ["a year", "Sharpe", "by Lo", "drawdown", "random beaten"]
    return table(head, (_row(pair, name) for pair in PAIRS for name in STRATEGIES if one(pair, name)))


STRATEGIES = ("rules", "always_on", "threshold", "random")


def _row(pair: Pair, strategy: str) -> list[str]:
    row = one(pair, strategy)
    assert row is not None
    name = f"**{told(pair)}**, rules" if strategy == "rules" else f"{told(pair)}, {strategy.replace('_', ' ')}"
    costs = row.fees_quote + row.slippage_quote + row.other_quote
    money = [f"{round(value) + 0:,}" for value in (row.funding_quote, row.price_quote, costs)]
    ratios = [percent(row.return_per_year), ratio(row.sharpe), ratio(row.sharpe_lo), percent(row.drawdown)]
    counts = [str(row.trades), str(row.liquidated), percent(row.exposure, 0)]
    return [name, *counts, *money, f"**{row.net_quote:,.0f}**", *ratios, percent(row.random_beaten, 1)]


def by_cost_and_part() -> str:
    """Rules and always on: net at each cost, and Sharpe at base cost, for the two parts of the split and each year."""
    parts = ("train", "test", "2023", "2024")
    head = ["pair, strategy", *(f"{part}: net at 0 / 1 / 2 x, Sharpe" for part in parts)]
    names = ("rules", "always_on")
    return table(
        head, ([_named(pair, name), *(_cell(pair, name, part) for part in parts)] for pair in PAIRS for name in names)
    )


def _named(pair: Pair, strategy: str) -> str:
    return f"**{told(pair)}**, rules" if strategy == "rules" else f"{told(pair)}, always on"


def _cell(pair: Pair, strategy: str, part: str) -> str:
    rows = [one(pair, strategy, scenario, part) for scenario in ("free", "base", "double")]
    nets = " / ".join(f"{row.net_quote:,.0f}" for row in rows if row is not None)
    return f"{nets}, {ratio(rows[1].sharpe) or 'none'} ({rows[1].trades})" if rows[1] is not None else "no data"


def named() -> dict[str, str]:
    """Every figure that the words of the page name."""
    btc, eth = CARRY[0], CARRY[3]
    half = Window.of("2024-01-01", "2024-07-01")
    return {
        "rules_sharpe": ratio(one(btc).sharpe),
        "rules_lo": ratio(one(btc).sharpe_lo),
        "always_sharpe": ratio(one(btc, "always_on").sharpe),
        "always_lo": ratio(one(btc, "always_on").sharpe_lo),
        "free_btc": _free(btc, "rules"),
        "free_eth": _free(eth, "rules"),
        "free_always": _free(btc, "always_on"),
        "same_days": _three(elsewhere.alone(elsewhere.binance(), Window.of("2020-08-11", "2023-06-23"))),
        "usdt_all": _three(_alone(btc[0])),
        "coin_all": _three(_alone("binance:BTC/USD:BTC")),
        "usdt_2024": _three(_alone(btc[0], half)),
        "rules_2024": ratio(one(btc, part="2024").sharpe),
        "always_2024": ratio(one(btc, "always_on", part="2024").sharpe),
        "always_2024_bybit": ratio(one(CARRY[1], "always_on", part="2024").sharpe),
        "always_2024_okx": ratio(one(CARRY[2], "always_on", part="2024").sharpe),
        "always_return": percent(one(btc, "always_on").return_per_year),
        "always_eth": percent(one(eth, "always_on").return_per_year),
        "train_end": iso(outcome_of(btc, "train").window.end)[:10],
        "test_start": iso(outcome_of(btc, "test").window.start)[:10],
        **_of_funding(half),
        **_crash(),
        **defect.told(recorded()),
        **elsewhere.hyperliquid(),
    }


def _free(pair: Pair, strategy: str) -> str:
    row = one(pair, strategy, "free")
    return f"{ratio(row.sharpe)}, {percent(row.return_per_year)}, {percent(row.drawdown)}"


def _of_funding(half: Window) -> dict[str, str]:
    """How high funding was: of the USDT perpetuals, and of BTC's coin-margined ones by year."""
    means = sorted(_alone(short)[0] for short, _ in CARRY)
    peak = max(float(recorded()[short].leg.settlements.rate.max()) for short, _ in CARRY) * elsewhere.YEAR_HOURS / 8
    by_year = (Window.of("2023-01-01", "2024-01-01"), half)
    return {
        "funding_low": percent(means[0], 1),
        "funding_high": percent(means[-1], 1),
        "funding_peak": percent(peak, 0),
        **{
            f"coin_{venue}": " / ".join(percent(_alone(f"{venue}:BTC/USD:BTC", window)[0], 1) for window in by_year)
            for venue in VENUES
        },
    }


def _crash() -> dict[str, str]:
    """The liquidation that cost most of those that always holding BTC at Bybit met."""
    found = outcome_of(CARRY[1], "all", "always_on")
    gained = {
        made.quantity * (made.short_entry - made.long_entry - made.short_exit.price + made.long_exit.price): made
        for made in found.played.trades
    }
    worst = gained[min(gained)]
    return {
        "crash_day": iso(worst.short_exit.at)[:10],
        "crash_short": f"{worst.short_exit.price:,.0f}",
        "crash_long": f"{worst.long_exit.price:,.0f}",
        "crash_loss": f"{min(gained):,.0f}",
    }


def _alone(market: str, window: Window | None = None) -> tuple[float, float, float]:
    return elsewhere.alone(recorded()[market].leg.settlements, window or Window.of("2023-01-01", "2024-07-01"))


def _three(found: tuple[float, float, float]) -> str:
    return f"{percent(found[0])}, {percent(found[1])}, {found[2]:.1f}"


def side_by_side(values: Mapping[str, str]) -> str:
    """The published figures beside ours."""
    head = ["published", "figures", "how we know", "ours", "why they differ"]
    rows = (
        [each.source, each.says, each.grade, each.ours.format(**values), each.why.format(**values)]
        for each in PUBLISHED
    )
    return table(head, rows).replace("|---:", "|---")


def picture() -> str:
    """Equity of BTC at the three venues: the rules at base costs, and always on."""
    drawn = []
    for pair in CARRY[:3]:
        for strategy in ("rules", "always_on"):
            account = outcome_of(pair, "all", strategy).account
            profit = (account.value - account.capital) / account.capital
            drawn.append(Curve(f"{told(pair)}, {strategy.replace('_', ' ')}", account.at, profit))
    return svg(drawn, "cash and carry of BTC at three venues, base costs")


def page() -> str:
    """The text of docs/simulation.md."""
    values = named()
    tables = {"by_strategy": by_strategy(), "by_cost": by_cost_and_part(), "published": side_by_side(values)}
    return report_text.PAGE.format(**values, **tables)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    PICTURE.write_text(picture() + "\n", encoding="utf-8")
