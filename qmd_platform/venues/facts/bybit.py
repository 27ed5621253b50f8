"""Bybit, as data: spot and perpetuals settled in USDT. What the fields mean: ``shapes``."""

from qmd_platform.venues.facts.shapes import Budget, KindFacts, VenueFacts

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
)
