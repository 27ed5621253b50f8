"""Bitfinex, as data. What the fields mean: ``shapes``."""

from qmd_platform.venues.facts.shapes import Budget, FundingFacts, KindFacts, VenueFacts

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
_STATUS = "https://docs.bitfinex.com/reference/rest-public-derivatives-status-history"
_FUNDING = FundingFacts(
    page_limit=5000,
    rows="snapshots",
    keeps="oldest",
    budget=Budget("status", 90, 60),
    has_mark=True,
    reach_days=None,
    usual_hours=8,
    sources={
        "page_limit": "5000 are asked for by ccxt 4.5.90 and by public collectors; the documentation names no number",
        "rows": f"{_STATUS}: [0] time, [7] time of the next funding event, [11] funding applied in the current period",
        "keeps": f"{_STATUS}: sort=1, oldest first",
        "budget": f"{_STATUS}: 90 requests a minute",
        "has_mark": f"{_STATUS}: [14] MARK_PRICE",
        "reach_days": f"{_STATUS}: start and end decide",
        "usual_hours": f"{_STATUS}: every period is of 8 hours",
        "row_minutes": "public collectors plan one row a minute; recorded rows are 7 minutes apart (ccxt 4.5.90)",
    },
    row_minutes=1,
)

FACTS = VenueFacts(
    title="Bitfinex",
    docs="https://docs.bitfinex.com/reference",
    clock_url="https://api-pub.bitfinex.com/v2/platform/status",
    clock="Date",
    throttle_seconds=60,
    ban_seconds=60,
    kinds={"spot": _BITFINEX, "perpetual": _BITFINEX},
    funding=_FUNDING,
)
