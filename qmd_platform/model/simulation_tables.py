"""The tables of the simulation: what the rules would have earned, and the baselines, from what was known at the time.

What lives here: the tables as data. What does not: the simulation (``arbitrage.simulation``), making its rows of what the lake
holds (``ingest.simulation``).

A month's rows are those of a simulation that ends with it: over everything before, and nothing after. So a later month never
changes them, and the newest month's are the ones to look at.
"""

from qmd_platform.model.columns import Column, Table

TOGETHER = "all"
"""What stands for both markets where all pairs of a kind are told as one."""

SPREAD, CARRY, REVERSE = "spread", "cash_and_carry", "reverse"
"""The kinds of pair: two perpetuals; a perpetual sold against spot; borrowed spot sold against a perpetual."""


def _maybe(name: str, unit: str, sentence: str) -> Column:
    return Column(name, "float64", unit, sentence, nullable=True)


def _quote(name: str, sentence: str) -> Column:
    return Column(name, "float64", "quote", sentence)


_PAIR = (
    Column(
        "kind", "string", "", "spread: two perpetuals; cash_and_carry: spot bought, perpetual sold; reverse: its mirror"
    ),
    Column(
        "short_market", "string", "", f"what is sold, as binance:BTC/USDT:USDT; {TOGETHER} for all pairs of the kind"
    ),
    Column("long_market", "string", "", f"what is bought; {TOGETHER} for all pairs of the kind"),
)
_STRATEGY = Column(
    "strategy",
    "string",
    "",
    "rules: the lifecycle's; always_on; threshold: held while the last settlement, a year, is above the rules' to open; "
    "random: the middle one of many random entries with the rules' exposure, where those traded; flat: nothing, told only "
    "for all pairs",
)

SIMULATION = Table(
    "simulation",
    "What the rules would have earned with what was known at the time, beside baselines, at costs of 0, 1 and 2 times. A month's "
    "rows are of a simulation from the first settlement to the month's end.",
    ("until_at", "kind", "short_market", "long_market", "strategy", "scenario", "part"),
    (
        Column("until_at", "instant", "UTC", "where the simulation ends; nothing in the row was known later"),
        *_PAIR,
        _STRATEGY,
        Column("scenario", "string", "", "what trading costs: free (0), base (as configured) or double (2 times)"),
        Column(
            "part",
            "string",
            "",
            "all; train: the first 70 % of the time; test: the rest after an embargo as long as the longest hold, in which "
            "nothing is entered; for all pairs together also each calendar year, where there are several. Too short a past has only all",
        ),
        Column("underlying", "string", "", f"the coin that both markets are of; {TOGETHER} for all pairs"),
        Column("from_at", "instant", "UTC", "start of the part"),
        Column(
            "to_at", "instant", "UTC", "end of the part: entries before it count; the rules' are held to their own end"
        ),
        Column("pairs", "int64", "", "1; for all pairs together how many"),
        Column("trades", "int64", "", "positions that were held"),
        Column(
            "skipped", "int64", "", "decisions that could not be traded: a leg had no candle, or a position was held"
        ),
        Column("liquidated", "int64", "", "trades of which a leg was liquidated"),
        Column("exposure", "float64", "fraction", "hours held over the part's hours; of all pairs the mean by capital"),
        Column("turnover", "float64", "times", "value of all fills over the capital"),
        _quote("capital_quote", "what the positions tie up: the base of the returns"),
        _quote("funding_quote", "funding got less funding paid"),
        _quote("price_quote", "profit of the prices of all four fills"),
        _quote("fees_quote", "taker fees, below 0"),
        _quote("slippage_quote", "slippage and half the spread assumed, below 0"),
        _quote("borrow_quote", "interest of coins borrowed to be sold, below 0"),
        _quote("other_quote", "transfers and liquidation fees, below 0"),
        _quote("net_quote", "profit: funding, price and all costs together, and what the equity changed by"),
        _quote("ambiguous_quote", "funding settled within a minute of a fill, which may or may not have counted"),
        _quote("drawdown_quote", "deepest fall of the equity below an earlier peak"),
        Column("drawdown", "float64", "fraction", "the same, of that peak"),
        _maybe("return_per_year", "fraction a year", "net over capital, simple, a year; empty for a part without time"),
        _maybe(
            "sharpe", "a year", "mean over deviation of the returns of every step, a year; empty where nothing varies"
        ),
        _maybe(
            "sharpe_lo", "a year", "the same with the returns' autocorrelation (Lo, 2002), which smooth returns need"
        ),
        Column("observations", "int64", "", "returns that the two ratios are of"),
        _maybe("random_beaten", "fraction", "for the rules: share of the random entries that earned less; else empty"),
        Column("rule_version", "string", "", "version of the rules and a mark of the thresholds they decided by"),
    ),
    scope="venue",
)

SIMULATION_EQUITY = Table(
    "simulation_equity",
    "Profit so far of every simulated pair at each midnight, open positions at the last price: a row a day, pair and strategy.",
    ("kind", "short_market", "long_market", "strategy", "seen_at"),
    (
        *_PAIR,
        Column("strategy", "string", "", "rules, always_on or threshold"),
        Column("seen_at", "instant", "UTC", "midnight; nothing in the row was known later"),
        _quote("capital_quote", "what the positions tie up"),
        _quote("profit_free_quote", "since the first settlement that the lake holds, without costs"),
        _quote("profit_base_quote", "the same at the configured costs"),
        _quote("profit_double_quote", "the same at twice the costs"),
    ),
    scope="venue",
)
