"""Bybit, as data: spot and perpetuals settled in USDT. What the fields mean: ``shapes``."""

from qmd_platform.venues.facts.shapes import Budget, FundingFacts, KindFacts, VenueFacts

_DOCS = "https://bybit-exchange.github.io/docs/v5"
_KLINE = f"{_DOCS}/market/kline"


def _kind(volume: str) -> KindFacts:
    return KindFacts(
        page_limit=1000,
        weights=((1000, 1),),
        budget=Budget("address", 600, 5),
        omits_empty=False,
        volume_unit="base",
        newest_only=None,
        sources={
            "page_limit": f"{_KLINE}: limit 1 to 1000, default 200",
            "weights": f"{_DOCS}/rate-limit: the limit counts requests",
            "budget": (
                f"{_DOCS}/rate-limit: 600 requests in 5 s for each address, over all hosts; above it 403 until 10 minutes "
                "have passed"
            ),
            "omits_empty": "recorded files: every 5m candle of 100 days is there (BTC/USDT:USDT, 2024-05 to 2024-08)",
            "volume_unit": f"{_KLINE}: {volume}",
            "newest_only": f"{_KLINE}: start and end decide",
        },
    )


_HISTORY = f"{_DOCS}/market/history-fund-rate"
_FUNDING = FundingFacts(
    page_limit=200,
    rows="settlements",
    keeps="newest",
    budget=Budget("address", 600, 5),
    has_mark=False,
    reach_days=None,
    usual_hours=None,
    sources={
        "page_limit": f"{_HISTORY}: limit 1 to 200, default 200",
        "rows": f"{_HISTORY}: one row a settlement, newest first",
        "keeps": f"{_HISTORY}: newest first; startTime alone is an error, endTime alone brings the 200 before it",
        "budget": f"{_DOCS}/rate-limit: as for candles",
        "has_mark": f"{_HISTORY}: symbol, fundingRate, fundingRateTimestamp and nothing else",
        "reach_days": f"{_HISTORY}: startTime and endTime decide",
        "usual_hours": f"{_DOCS}/market/instrument: fundingInterval, minutes, of every contract",
        "row_minutes": f"{_DOCS}/market/instrument: most contracts settle every 480 minutes",
    },
)

FACTS = VenueFacts(
    title="Bybit",
    docs=_DOCS,
    clock_url="https://api.bybit.com/v5/market/time",
    clock="time",
    throttle_seconds=5,
    ban_seconds=600,
    kinds={
        "spot": _kind("volume (element 5), of spot the quantity of coins"),
        "perpetual": _kind(
            "volume (element 5), pieces of contract; a linear contract is of one base coin (ccxt 4.5.90)"
        ),
    },
    settles=frozenset({"USDT"}),
    funding=_FUNDING,
)
