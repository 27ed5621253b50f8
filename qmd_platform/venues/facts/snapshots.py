"""What venues say of their perpetuals now, and of open interest over time, as data.

What lives here: limits and budgets, each with its source. What does not: how venues are asked (``snapshot_dialects``). Read
on 2026-11-21, in the venues' pages and through ccxt 4.5.90.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qmd_platform.venues.facts.shapes import Budget


@dataclass(frozen=True, slots=True)
class HistoryFacts:
    """Open interest over time at one venue.

    ``period`` is the grid that is asked for, in the venue's spelling, ``step`` the same in ms; ``page_limit`` is the most
    rows a request brings; ``reach_days`` is how many days back the venue serves for sure, None for all it has.
    ``sources`` says of every field where it is from.
    """

    period: str
    step: int
    page_limit: int
    budget: Budget
    reach_days: int | None
    sources: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """Contracts as they are now at one venue.

    ``budget`` is what such requests cost of. ``has_open_interest`` says whether the answers have open interest;
    ``is_accrued`` whether they say what has accrued of the next rate instead of that rate. ``history`` is open interest
    over time; None where none is asked for, and then it begins at the first capture. ``sources`` says of every field where
    it is from.
    """

    budget: Budget
    has_open_interest: bool
    is_accrued: bool
    history: HistoryFacts | None
    sources: Mapping[str, str] = field(repr=False)


_HOUR, _QUARTER = 3_600_000, 900_000

_BINANCE = "https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api"
_OF_BINANCE = SnapshotFacts(
    budget=Budget("usdm", 2400, 60),
    has_open_interest=False,
    is_accrued=False,
    history=HistoryFacts(
        period="15m",
        step=_QUARTER,
        page_limit=500,
        budget=Budget("data", 1000, 300, is_apart=True),
        reach_days=29,
        sources={
            "period": f"{_BINANCE}/Open-Interest-Statistics: 5m to 1d; 15m is how often contracts are looked at",
            "step": "a quarter of an hour, the period",
            "page_limit": f"{_BINANCE}/Open-Interest-Statistics: limit at most 500, 30 when not given",
            "budget": f"{_BINANCE}/Open-Interest-Statistics: weight 0, 1000 requests in 5 minutes and address",
            "reach_days": f"{_BINANCE}/Open-Interest-Statistics: only of the latest month; 29 days are within any",
        },
    ),
    sources={
        "budget": f"{_BINANCE}/Mark-Price: GET /fapi/v1/premiumIndex, weight 1 with a symbol, 10 without",
        "has_open_interest": f"{_BINANCE}/Mark-Price: prices, rate and times; openInterest is for one symbol a request",
        "is_accrued": f"{_BINANCE}/Mark-Price: lastFundingRate, which drifts until nextFundingTime (ccxt 4.5.90)",
        "history": f"{_BINANCE}/Open-Interest-Statistics: GET /futures/data/openInterestHist",
    },
)

_BYBIT = "https://bybit-exchange.github.io/docs/v5"
_ADDRESS = Budget("address", 600, 5)
_OF_BYBIT = SnapshotFacts(
    budget=_ADDRESS,
    has_open_interest=True,
    is_accrued=False,
    history=HistoryFacts(
        period="1h",
        step=_HOUR,
        page_limit=200,
        budget=_ADDRESS,
        reach_days=None,
        sources={
            "period": f"{_BYBIT}/market/open-interest: intervalTime 5min to 1d; an hour keeps years to 44 requests each",
            "step": "an hour, the period",
            "page_limit": f"{_BYBIT}/market/open-interest: limit at most 200, 50 when not given",
            "budget": f"{_BYBIT}/rate-limit: 600 requests in 5 s for each address, over all hosts",
            "reach_days": f"{_BYBIT}/market/open-interest: startTime and endTime decide",
        },
    ),
    sources={
        "budget": f"{_BYBIT}/rate-limit: 600 requests in 5 s for each address, over all hosts",
        "has_open_interest": f"{_BYBIT}/market/tickers: openInterest in base coins of linear contracts, and its value",
        "is_accrued": f"{_BYBIT}/market/tickers: fundingRate, of nextFundingTime",
        "history": f"{_BYBIT}/market/open-interest: GET /v5/market/open-interest",
    },
)

_GATE = "https://www.gate.com/docs/developers/apiv4/en"
_FUTURES = Budget("futures", 200, 10)
_OF_GATE = SnapshotFacts(
    budget=_FUTURES,
    has_open_interest=True,
    is_accrued=False,
    history=HistoryFacts(
        period="1h",
        step=_HOUR,
        page_limit=100,
        budget=_FUTURES,
        reach_days=None,
        sources={
            "period": f"{_GATE}, GET /futures/(settle)/contract_stats: interval 5m to 1d; as Bybit's",
            "step": "an hour, the period",
            "page_limit": f"{_GATE}, GET /futures/(settle)/contract_stats: 30 when not given; ccxt 4.5.90 pages by 100",
            "budget": f"{_GATE}, rate limits: 200 requests in 10 s, for each endpoint and address",
            "reach_days": f"{_GATE}, GET /futures/(settle)/contract_stats: from decides; no end is stated",
        },
    ),
    sources={
        "budget": f"{_GATE}, rate limits: 200 requests in 10 s, for each endpoint and address",
        "has_open_interest": f"{_GATE}, GET /futures/(settle)/contracts: position_size, contracts held (recorded sample)",
        "is_accrued": f"{_GATE}, GET /futures/(settle)/contracts: funding_rate, of funding_next_apply",
        "history": f"{_GATE}, GET /futures/(settle)/contract_stats: open_interest in contracts, open_interest_usd in quote",
    },
)

_OKX = "https://www.okx.com/docs-v5/en"
_OF_OKX = SnapshotFacts(
    budget=Budget("public", 10, 2),
    has_open_interest=True,
    is_accrued=False,
    history=None,
    sources={
        "budget": f"{_OKX}, get-funding-rate and get-mark-price: 10 requests in 2 s; get-open-interest: 20",
        "has_open_interest": f"{_OKX}, get-open-interest: oi in contracts, oiCcy in coins, of all swaps in one answer",
        "is_accrued": f"{_OKX}, get-funding-rate: fundingRate, of fundingTime; instId ANY for all",
        "history": (
            f"{_OKX}, trading statistics: the newest 1440 points only, with a budget of their own; what is seen every quarter "
            "of an hour is kept instead"
        ),
    },
)

_STATUS = "https://docs.bitfinex.com/reference/rest-public-derivatives-status"
_OF_BITFINEX = SnapshotFacts(
    budget=Budget("status", 90, 60),
    has_open_interest=True,
    is_accrued=True,
    history=None,
    sources={
        "budget": f"{_STATUS}: 90 requests a minute",
        "has_open_interest": f"{_STATUS}: [18] OPEN_INTEREST, contracts, behind the key",
        "is_accrued": (
            f"{_STATUS}: [9] NEXT_FUNDING_ACCRUED; samples 259, 694 and 1785 s into the 8 hours have 0.00000527, 0.00001449 and "
            "0.00003959, by the share of time gone 0.000586, 0.000601 and 0.000639"
        ),
        "history": f"{_STATUS}-history: a row a minute; not asked for here, what is seen every quarter of an hour is kept",
    },
)

SNAPSHOTS: Mapping[str, SnapshotFacts] = {
    "binance": _OF_BINANCE,
    "bitfinex": _OF_BITFINEX,
    "bybit": _OF_BYBIT,
    "gate": _OF_GATE,
    "okx": _OF_OKX,
}
"""The venues that are asked for contracts as they are now; each has funding (``facts.funding_of``)."""
