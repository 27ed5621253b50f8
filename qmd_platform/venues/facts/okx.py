"""OKX, as data: spot and perpetuals settled in USDT. What the fields mean: ``shapes``."""

from qmd_platform.venues.facts.shapes import Budget, FundingFacts, KindFacts, VenueFacts

_DOCS = "https://www.okx.com/docs-v5/en"
_CANDLES = f"{_DOCS}/#order-book-trading-market-data-get-candlesticks-history"


def _kind(volume: str) -> KindFacts:
    return KindFacts(
        page_limit=300,
        weights=((300, 1),),
        budget=Budget("candles", 20, 2),
        omits_empty=False,
        volume_unit="base",
        newest_only=None,
        sources={
            "page_limit": (
                f"{_CANDLES}: maximum 300, default 100 (100 at most in the page of 2024); the same in ccxt 4.5.90; served "
                "300 rows in 2026-05 (https://github.com/ArthurBernard/Download_Crypto_Currencies_Data/pull/57)"
            ),
            "weights": f"{_CANDLES}: the limit counts requests",
            "budget": f"{_CANDLES}: 20 requests in 2 s for each address; /market/candles allows 40, for the newest 1440",
            "omits_empty": (
                "no word in the documentation; careful: two answers must leave a candle out before it is believed empty"
            ),
            "volume_unit": f"{_CANDLES}: {volume}",
            "newest_only": f"{_CANDLES}: candles of recent years, after and before decide",
        },
    )


_HISTORY = f"{_DOCS}/#public-data-rest-api-get-funding-rate-history"
_CURRENT = f"{_DOCS}/#public-data-rest-api-get-funding-rate"
_FUNDING = FundingFacts(
    page_limit=100,
    rows="settlements",
    keeps="newest",
    budget=Budget("funding", 10, 2),
    has_mark=False,
    reach_days=89,
    usual_hours=None,
    sources={
        "page_limit": f"{_HISTORY}: maximum 100 in ccxt 4.5.90; 400 are reported since 2025, 100 is the careful number",
        "rows": f"{_HISTORY}: one row a settlement; realizedRate was paid, fundingRate was predicted",
        "keeps": f"{_HISTORY}: newest first; before and after, neither of them equal",
        "budget": f"{_HISTORY}: 10 requests in 2 s for each address and instrument",
        "has_mark": f"{_HISTORY}: rates and times only",
        "reach_days": f"{_HISTORY}: the last three months; 89 days are within any three",
        "usual_hours": f"{_CURRENT}: nextFundingTime less fundingTime, of every contract",
        "row_minutes": f"{_CURRENT}: most contracts settle every 8 hours",
    },
)

FACTS = VenueFacts(
    title="OKX",
    docs=_DOCS,
    clock_url="https://www.okx.com/api/v5/public/time",
    clock="data.0.ts",
    throttle_seconds=2,
    ban_seconds=60,
    kinds={
        "spot": _kind("vol (element 5), of spot in base currency"),
        "perpetual": _kind("volCcy (element 6), of derivatives in base currency; vol is in contracts of ctVal"),
    },
    settles=frozenset({"USDT"}),
    funding=_FUNDING,
)
