"""Binance, as data. What the fields mean: ``shapes``."""

from qmd_platform.venues.facts.shapes import Budget, FundingFacts, KindFacts, VenueFacts

_BINANCE_DOCS = "https://developers.binance.com/docs/binance-spot-api-docs"
_USDM_DOCS = "https://developers.binance.com/docs/derivatives/usds-margined-futures"
_BINANCE_SPOT = KindFacts(
    page_limit=1000,
    weights=((1000, 2),),
    budget=Budget("spot", 6000, 60),
    omits_empty=False,
    volume_unit="base",
    newest_only=None,
    sources={
        "page_limit": f"{_BINANCE_DOCS}, GET /api/v3/klines: default 500, max 1000",
        "weights": f"{_BINANCE_DOCS}, GET /api/v3/klines: weight 2",
        "budget": f"{_BINANCE_DOCS}, rateLimits of /api/v3/exchangeInfo: REQUEST_WEIGHT 6000 a minute and address",
        "omits_empty": "recorded files: minutes without trades are printed flat with volume 0",
        "volume_unit": f"{_BINANCE_DOCS}, GET /api/v3/klines: element 5, base asset volume",
        "newest_only": f"{_BINANCE_DOCS}: the window decides; startTime=0 gives the first candle",
    },
)
_BINANCE_USDM = KindFacts(
    page_limit=499,
    weights=((99, 1), (499, 2), (1000, 5), (1500, 10)),
    budget=Budget("usdm", 2400, 60),
    omits_empty=False,
    volume_unit="base",
    newest_only=None,
    sources={
        "page_limit": "499 candles for weight 2 are the most a weight (250; 1000 for weight 5 are 200)",
        "weights": f"{_USDM_DOCS}, GET /fapi/v1/klines: weight by limit; the same in ccxt 4.5.90",
        "budget": f"{_USDM_DOCS}, rateLimits of /fapi/v1/exchangeInfo: REQUEST_WEIGHT 2400 a minute and address",
        "omits_empty": "recorded files: minutes without trades are printed flat with volume 0",
        "volume_unit": f"{_USDM_DOCS}, GET /fapi/v1/klines: element 5; contracts are of one base coin (ccxt 4.5.90)",
        "newest_only": f"{_USDM_DOCS}: the window decides; startTime=0 gives the first candle",
    },
)
_FUNDING_RATE = f"{_USDM_DOCS}, GET /fapi/v1/fundingRate"
_FUNDING = FundingFacts(
    page_limit=1000,
    rows="settlements",
    keeps="oldest",
    budget=Budget("funding", 500, 300, is_apart=True),
    has_mark=True,
    reach_days=None,
    usual_hours=8,
    sources={
        "page_limit": f"{_FUNDING_RATE}: limit at most 1000, 100 when not given",
        "rows": f"{_FUNDING_RATE}: one row a settlement; recorded ones are up to 30 ms late",
        "keeps": f"{_FUNDING_RATE}: where there are more than limit, those from startTime on",
        "budget": f"{_FUNDING_RATE}: 500 requests in 5 minutes and address, shared with /fapi/v1/fundingInfo",
        "has_mark": f"{_FUNDING_RATE}: markPrice, empty in the oldest rows",
        "reach_days": f"{_FUNDING_RATE}: startTime decides",
        "usual_hours": (
            f"{_USDM_DOCS}, GET /fapi/v1/fundingInfo: only contracts that were adjusted, with fundingIntervalHours; all "
            "others settle every 8 hours"
        ),
        "row_minutes": f"{_FUNDING_RATE}: every 8 hours unless adjusted",
    },
)

FACTS = VenueFacts(
    title="Binance",
    docs=_BINANCE_DOCS,
    clock_url="https://api.binance.com/api/v3/time",
    clock="serverTime",
    throttle_seconds=5,
    ban_seconds=120,
    kinds={"spot": _BINANCE_SPOT, "perpetual": _BINANCE_USDM, "future": _BINANCE_USDM},
    funding=_FUNDING,
)
