"""Kraken, as data: spot. Its futures are another exchange with another API and are not asked here.

What the fields mean: ``shapes``.
"""

from qmd_platform.venues.facts.shapes import Budget, KindFacts, VenueFacts

_DOCS = "https://docs.kraken.com/api-reference"
_OHLC = f"{_DOCS}/market-data/get-ohlc-data"
_LIMITS = "https://support.kraken.com/articles/206548367-what-are-the-api-rate-limits"
_SPOT = KindFacts(
    page_limit=720,
    weights=((720, 1),),
    budget=Budget("public", 1, 1),
    omits_empty=False,
    volume_unit="base",
    newest_only=720,
    sources={
        "page_limit": f"{_OHLC}: up to 720 of the most recent entries",
        "weights": f"{_LIMITS}: the limit counts requests",
        "budget": f"{_LIMITS}: public endpoints once a second or less; ccxt 4.5.90 asks for candles every 1.2 s",
        "omits_empty": "recorded answer of 2017: 17 of 720 minutes without trades, all printed flat with volume 0",
        "volume_unit": f"{_OHLC}: volume (element 6), in the base asset",
        "newest_only": (
            f"{_OHLC}: up to 720 of the most recent entries, the last of them still forming, whatever `since`; 721 were "
            "served in 2026-10"
        ),
    },
)

FACTS = VenueFacts(
    title="Kraken",
    docs=_DOCS,
    clock_url="https://api.kraken.com/0/public/Time",
    clock="result.unixtime",
    clock_unit_ms=1000,
    throttle_seconds=5,
    ban_seconds=900,
    kinds={"spot": _SPOT},
)
