"""Bitfinex, as data. What the fields mean: ``shapes``."""

from qmd_platform.venues.facts.shapes import Budget, KindFacts, VenueFacts

_BITFINEX_DOCS = "https://docs.bitfinex.com/reference/rest-public-candles"
_BITFINEX = KindFacts(
    page_limit=10_000,
    weights=((10_000, 1),),
    budget=Budget("candles", 30, 60),
    omits_empty=True,
    volume_unit="base",
    newest_only=None,
    sources={
        "page_limit": f"{_BITFINEX_DOCS}: limit at most 10000, 100 when not given",
        "weights": f"{_BITFINEX_DOCS}: the budget counts requests",
        "budget": f"{_BITFINEX_DOCS}: 30 requests a minute in one version of the page, 90 in another",
        "omits_empty": "recorded answers: minutes without trades have no row",
        "volume_unit": f"{_BITFINEX_DOCS}: VOLUME, quantity of symbol traded",
        "newest_only": f"{_BITFINEX_DOCS}: the window decides; start=0 with sort=1 gives the first candle",
    },
)

FACTS = VenueFacts(
    title="Bitfinex",
    docs="https://docs.bitfinex.com/reference",
    clock_url="https://api-pub.bitfinex.com/v2/platform/status",
    clock="Date",
    throttle_seconds=60,
    ban_seconds=60,
    kinds={"spot": _BITFINEX, "perpetual": _BITFINEX},
)
