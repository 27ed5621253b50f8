"""The tables of arbitrage: across venues, so each is one series of all markets, cut by month.

What lives here: the tables as data. What does not: the arithmetic (``arbitrage``, ``funding``), making their rows of what
the lake holds (``ingest.arbitrage``).

A row is in the month in which it became known, and nothing that comes later changes it.
"""

from qmd_platform.model.columns import Column, Table

CARRY_WINDOWS = (24, 168, 720)
"""Hours of the trailing windows of funding_carry."""

HEDGE_HOLDS = (24, 72, 168, 720)
"""Hours of the holds of venue_spreads and cash_and_carry."""


def _maybe(name: str, unit: str, sentence: str) -> Column:
    return Column(name, "float64", unit, sentence, nullable=True)


def _windowed(hours: int) -> tuple[Column, ...]:
    span = f"of the last {hours} h"
    unknown = "empty where settlements account for less than 0.9 of it"
    return (
        _maybe(f"simple_{hours}h_per_year", "fraction a year", f"rates {span} by their hours, a year; {unknown}"),
        _maybe(f"compounded_{hours}h_per_year", "fraction a year", f"the same compounded, {span}; {unknown}"),
        Column(f"covered_{hours}h", "float64", "fraction", f"share of the hours {span} that settlements account for"),
    )


_MARKET = Column("market", "string", "", "venue and symbol, as binance:BTC/USDT:USDT")
_SETTLED_AT = Column("settled_at", "instant", "UTC", "when it was paid; the interval ends here")
_AVAILABLE_AT = Column(
    "available_at", "instant", "UTC", "from when on the row could be known; what comes later does not change it"
)

FUNDING_CARRY = Table(
    "funding_carry",
    "What holding each perpetual has paid: a row a settlement. Positive: longs paid, a short earned it.",
    ("market", "settled_at"),
    (
        _MARKET,
        Column("underlying", "string", "", "the coin that the market is of, by its newest name"),
        _SETTLED_AT,
        _AVAILABLE_AT,
        Column("rate", "float64", "fraction", "share of the notional for the interval, as settled"),
        _maybe("interval_hours", "hours", "length of the interval; empty where nothing proves it"),
        _maybe("rate_per_hour", "fraction an hour", "rate / hours"),
        _maybe("simple_per_year", "fraction a year", "rate / hours * 8760"),
        _maybe("compounded_per_year", "fraction a year", "(1 + rate) ** (8760 / hours) - 1"),
        Column(
            "cumulative_rate",
            "float64",
            "fraction",
            "sum of all rates since the first the lake holds; a difference of two is what was paid between",
        ),
        _maybe(
            "cumulative_quote",
            "quote per base",
            "sum of rate times mark since the first; empty from the first unknown mark on",
        ),
        Column("is_suspect", "bool", "", "whether a settlement before this one seems to be missing (SUSPECT_GAP)"),
        *(column for hours in CARRY_WINDOWS for column in _windowed(hours)),
    ),
    scope="venue",
)

FUNDING_ANOMALIES = Table(
    "funding_anomalies",
    "How unusual each settled rate was for its market, against the days before it: a row a settlement.",
    ("market", "settled_at"),
    (
        _MARKET,
        _SETTLED_AT,
        _AVAILABLE_AT,
        _maybe("rate_per_hour", "fraction an hour", "what is scored; empty where the interval is not known"),
        _maybe("centre_per_hour", "fraction an hour", "median of the window before it"),
        _maybe("scale_per_hour", "fraction an hour", "largest of 1.4826 MAD, standard deviation and a floor"),
        _maybe("z_robust", "scales", "(rate - median) / scale; empty where the window is too short"),
        _maybe("z_classic", "deviations", "(rate - mean) / the larger of standard deviation and floor"),
        Column("is_anomaly", "bool", "", "whether z_robust is at the threshold or beyond, up or down"),
        Column("is_scored", "bool", "", "whether the window before it was long enough to say so"),
        Column("events", "int64", "", "settlements in that window"),
    ),
    scope="venue",
)


def _held(hours: int) -> tuple[Column, ...]:
    return (
        _maybe(f"net_{hours}h_per_year", "fraction a year", f"net simple return if held {hours} h, all costs paid"),
        _maybe(f"return_{hours}h", "fraction", f"return of one hold of {hours} h on the capital tied up; not a year's"),
    )


def _leg(name: str) -> tuple[Column, ...]:
    return (
        _maybe(f"{name}_interval_hours", "hours", f"the {name} leg's interval; empty where nothing proves it"),
        Column(
            f"{name}_next_at",
            "instant",
            "UTC",
            f"when the {name} leg settles next if that stays; not after seen_at where it is overdue (SUSPECT_GAP)",
            nullable=True,
        ),
    )


def _hedge(short: str, long: str) -> tuple[Column, ...]:
    """The columns of a hedge of two legs; ``short`` and ``long`` say what the two markets are."""
    return (
        Column("short_market", "string", "", f"{short}, as binance:BTC/USDT:USDT"),
        Column("long_market", "string", "", long),
        Column("seen_at", "instant", "UTC", "the instant the row is of; nothing in it was known later"),
        Column("underlying", "string", "", "the coin that both markets are of, by its newest name"),
        _maybe("price_spread_bps", "basis points", "short mid over long mid, by coin, minus 1; empty without prices"),
        _maybe("entry_spread_bps", "basis points", "(long ask - short bid) / mid: what crossing both books costs"),
        _maybe("exit_spread_bps", "basis points", "(short ask - long bid) / mid: the same to close"),
        _maybe("funding_per_hour", "fraction an hour", "short's minus long's over the trailing hours it is judged by"),
        _maybe("last_funding_per_hour", "fraction an hour", "the same of each leg's last settlement"),
        _maybe(
            "cumulative_difference",
            "fraction",
            "cumulative rate of the short less that of the long; its change between two rows was earned between them",
        ),
        Column("borrow_per_hour", "float64", "fraction an hour", "for a coin borrowed to be sold on spot; else 0"),
        _maybe("net_per_hour", "fraction an hour", "funding less borrowing"),
        Column("fees_bps", "float64", "basis points", "taker fees of four fills"),
        Column("slippage_bps", "float64", "basis points", "slippage assumed for four fills"),
        Column("transfer_bps", "float64", "basis points", "moving money between the venues"),
        _maybe("cost_bps", "basis points", "the whole round trip with both cross spreads; empty without prices"),
        _maybe("break_even_hours", "hours", "until funding has paid the cost: infinite if never, empty if unknown"),
        *(column for hours in HEDGE_HOLDS for column in _held(hours)),
        *_leg("short"),
        *_leg("long"),
        Column("flags", "string", "", "names of the risk flags that are up, with spaces between; empty for none"),
        Column("risk", "string", "", "HIGH where a flag blocks, MEDIUM where any is up, else LOW"),
    )


_HEDGE_KEY = ("short_market", "long_market", "seen_at")

VENUE_SPREADS = Table(
    "venue_spreads",
    "Short a perpetual at one venue, long the same coin's at another: a row whenever a settlement of either became "
    "known, in the direction that earned the funding.",
    _HEDGE_KEY,
    _hedge("the market that is sold", "the market that is bought"),
    scope="venue",
)

CASH_AND_CARRY = Table(
    "cash_and_carry",
    "A perpetual against spot of the same coin, quote and venue: a row whenever a settlement became known, in the direction "
    "that earned the funding. The reverse sells borrowed spot.",
    _HEDGE_KEY,
    _hedge("what is sold, the perpetual or in reverse the borrowed coin", "what is bought: spot, or the perpetual"),
    scope="venue",
)
