"""Gate, as data. What the fields mean: ``shapes``."""

from qmd_platform.venues.facts.shapes import Budget, FundingFacts, KindFacts, VenueFacts

_GATE_DOCS = "https://www.gate.com/docs/developers/apiv4/en"
_GATE_BUDGET = f"{_GATE_DOCS}, rate limits: public endpoints 200 requests in 10 s, for each endpoint and address"
_GATE_SPOT = KindFacts(
    page_limit=1000,
    weights=((1000, 1),),
    budget=Budget("spot", 200, 10),
    omits_empty=False,
    volume_unit="base",
    newest_only=None,
    sources={
        "page_limit": f"{_GATE_DOCS}, GET /spot/candlesticks: at most 1000 points a query; more is an error",
        "weights": _GATE_BUDGET,
        "budget": _GATE_BUDGET,
        "omits_empty": "recorded files: candles without trades are printed flat with volume 0",
        "volume_unit": f"{_GATE_DOCS}, GET /spot/candlesticks: element 6, volume in base currency",
        "newest_only": f"{_GATE_DOCS}, candlesticks: from and to decide",
    },
)
_GATE_FUTURES = KindFacts(
    page_limit=1999,
    weights=((2000, 1),),
    budget=Budget("futures", 200, 10),
    omits_empty=False,
    volume_unit="contracts",
    newest_only=None,
    sources={
        "page_limit": f"{_GATE_DOCS}, GET /futures/(settle)/candlesticks: 2000 points; ccxt 4.5.90 asks for 1999",
        "weights": _GATE_BUDGET,
        "budget": _GATE_BUDGET,
        "omits_empty": "recorded files: candles without trades are printed flat with volume 0",
        "volume_unit": f"{_GATE_DOCS}, GET /futures/(settle)/candlesticks: v, size in contracts",
        "newest_only": f"{_GATE_DOCS}, candlesticks: from and to decide",
    },
)
_HISTORY = f"{_GATE_DOCS}, GET /futures/(settle)/funding_rate"
_FUNDING = FundingFacts(
    page_limit=1000,
    rows="settlements",
    keeps="newest",
    budget=Budget("futures", 200, 10),
    has_mark=False,
    reach_days=None,
    usual_hours=None,
    sources={
        "page_limit": f"{_HISTORY}: limit at most 1000, 100 when not given",
        "rows": f"{_HISTORY}: t and r, one a settlement",
        "keeps": f"{_HISTORY}: newest first (recorded answers, ccxt 4.5.90)",
        "budget": _GATE_BUDGET,
        "has_mark": f"{_HISTORY}: t and r and nothing else",
        "reach_days": f"{_HISTORY}: from and to decide; served back to 2020 (recorded)",
        "usual_hours": f"{_GATE_DOCS}, GET /futures/(settle)/contracts: funding_interval, seconds, of every contract",
        "row_minutes": f"{_GATE_DOCS}, GET /futures/(settle)/contracts: most contracts settle every 28800 seconds",
    },
)

FACTS = VenueFacts(
    title="Gate",
    docs=_GATE_DOCS,
    clock_url="https://api.gateio.ws/api/v4/spot/time",
    clock="server_time",
    throttle_seconds=10,
    ban_seconds=120,
    kinds={"spot": _GATE_SPOT, "perpetual": _GATE_FUTURES},
    funding=_FUNDING,
)
