"""What is known about each venue, as data: limits, budgets, units, habits, each with its source and date.

What lives here: facts that do not depend on a request. What does not: how a request is spelled (``dialects``), what
a venue lists today (the instruments table), code that acts on a fact.

Where two sources disagree, the more careful number is kept, and the source says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from qmd_platform.errors import ConfigError, choices

Unit = Literal["base", "contracts"]

READ_ON = "2026-11-21"
"""When the sources below were last read."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a venue allows an address: ``weight`` in any ``seconds``. Requests of one ``bucket`` share it."""

    bucket: str
    weight: float
    seconds: float


@dataclass(frozen=True, slots=True)
class KindFacts:
    """Candles of one kind of market at one venue.

    ``page_limit`` is the number of candles that costs the least weight each, not always the most a request may
    bring. ``weights`` are (up to this many candles, weight of the request), ascending. ``settle_ms`` is how long
    after its end a candle may still change. ``history_points`` is how many candles back the venue serves, None for
    all. ``sources`` says of every field where it is from.
    """

    page_limit: int
    weights: tuple[tuple[int, float], ...]
    budget: Budget
    omits_empty: bool
    volume_unit: Unit
    settle_ms: int
    history_points: int | None
    sources: Mapping[str, str] = field(repr=False)

    def weight(self, candles: int) -> float:
        """Weight of a request for at most ``candles``."""
        return next((weight for most, weight in self.weights if candles <= most), self.weights[-1][1])


@dataclass(frozen=True, slots=True)
class VenueFacts:
    """One venue. ``clock_url`` answers with the venue's time and needs no key; ``clock`` says where in the answer.

    ``clock`` is a key of the JSON object that holds epoch ms, or ``Date`` for the HTTP header (whole seconds).
    ``throttle_seconds`` is the wait after a refusal for speed that names none.
    """

    title: str
    docs: str
    clock_url: str
    clock: str
    throttle_seconds: float
    ban_seconds: float
    kinds: Mapping[str, KindFacts]


_SETTLE = "our measure: venues print late trades, and the servers behind one address differ by up to a second"

_BINANCE_DOCS = "https://developers.binance.com/docs/binance-spot-api-docs"
_USDM_DOCS = "https://developers.binance.com/docs/derivatives/usds-margined-futures"
_BINANCE_SPOT = KindFacts(
    page_limit=1000,
    weights=((1000, 2),),
    budget=Budget("spot", 6000, 60),
    omits_empty=False,
    volume_unit="base",
    settle_ms=2000,
    history_points=None,
    sources={
        "page_limit": f"{_BINANCE_DOCS}, GET /api/v3/klines: default 500, max 1000",
        "weights": f"{_BINANCE_DOCS}, GET /api/v3/klines: weight 2",
        "budget": f"{_BINANCE_DOCS}, rateLimits of /api/v3/exchangeInfo: REQUEST_WEIGHT 6000 a minute and address",
        "omits_empty": "recorded files: minutes without trades are printed flat with volume 0",
        "volume_unit": f"{_BINANCE_DOCS}, GET /api/v3/klines: element 5, base asset volume",
        "settle_ms": _SETTLE,
        "history_points": f"{_BINANCE_DOCS}: startTime=0 gives the first candle",
    },
)
_BINANCE_USDM = KindFacts(
    page_limit=499,
    weights=((99, 1), (499, 2), (1000, 5), (1500, 10)),
    budget=Budget("usdm", 2400, 60),
    omits_empty=False,
    volume_unit="base",
    settle_ms=2000,
    history_points=None,
    sources={
        "page_limit": "499 candles for weight 2 are the most a weight (250; 1000 for weight 5 are 200)",
        "weights": f"{_USDM_DOCS}, GET /fapi/v1/klines: weight by limit; the same in ccxt 4.5.90",
        "budget": f"{_USDM_DOCS}, rateLimits of /fapi/v1/exchangeInfo: REQUEST_WEIGHT 2400 a minute and address",
        "omits_empty": "recorded files: minutes without trades are printed flat with volume 0",
        "volume_unit": f"{_USDM_DOCS}, GET /fapi/v1/klines: element 5; contracts are of one base coin (ccxt 4.5.90)",
        "settle_ms": _SETTLE,
        "history_points": f"{_USDM_DOCS}: startTime=0 gives the first candle",
    },
)

_GATE_DOCS = "https://www.gate.com/docs/developers/apiv4/en"
_GATE_HISTORY = (
    "the venue's own refusal, HTTP 400: Candlestick too long ago. Maximum 10000 points ago are allowed "
    "(seen in https://github.com/enarjord/passivbot/issues/563)"
)
_GATE_BUDGET = f"{_GATE_DOCS}, rate limits: public endpoints 200 requests in 10 s, for each endpoint and address"
_GATE_SPOT = KindFacts(
    page_limit=1000,
    weights=((1000, 1),),
    budget=Budget("spot", 200, 10),
    omits_empty=False,
    volume_unit="base",
    settle_ms=2000,
    history_points=10_000,
    sources={
        "page_limit": f"{_GATE_DOCS}, GET /spot/candlesticks: at most 1000 points a query; more is an error",
        "weights": _GATE_BUDGET,
        "budget": _GATE_BUDGET,
        "omits_empty": "recorded files: candles without trades are printed flat with volume 0",
        "volume_unit": f"{_GATE_DOCS}, GET /spot/candlesticks: element 6, volume in base currency",
        "settle_ms": _SETTLE,
        "history_points": _GATE_HISTORY,
    },
)
_GATE_FUTURES = KindFacts(
    page_limit=1999,
    weights=((2000, 1),),
    budget=Budget("futures", 200, 10),
    omits_empty=False,
    volume_unit="contracts",
    settle_ms=2000,
    history_points=10_000,
    sources={
        "page_limit": f"{_GATE_DOCS}, GET /futures/(settle)/candlesticks: 2000 points; ccxt 4.5.90 asks for 1999",
        "weights": _GATE_BUDGET,
        "budget": _GATE_BUDGET,
        "omits_empty": "recorded files: candles without trades are printed flat with volume 0",
        "volume_unit": f"{_GATE_DOCS}, GET /futures/(settle)/candlesticks: v, size in contracts",
        "settle_ms": _SETTLE,
        "history_points": _GATE_HISTORY,
    },
)

_BITFINEX_DOCS = "https://docs.bitfinex.com/reference/rest-public-candles"
_BITFINEX = KindFacts(
    page_limit=10_000,
    weights=((10_000, 1),),
    budget=Budget("candles", 30, 60),
    omits_empty=True,
    volume_unit="base",
    settle_ms=2000,
    history_points=None,
    sources={
        "page_limit": f"{_BITFINEX_DOCS}: limit at most 10000, 100 when not given",
        "weights": f"{_BITFINEX_DOCS}: the budget counts requests",
        "budget": f"{_BITFINEX_DOCS}: 30 requests a minute in one version of the page, 90 in another",
        "omits_empty": "recorded answers: minutes without trades have no row",
        "volume_unit": f"{_BITFINEX_DOCS}: VOLUME, quantity of symbol traded",
        "settle_ms": _SETTLE,
        "history_points": f"{_BITFINEX_DOCS}: start=0 with sort=1 gives the first candle",
    },
)

VENUES: Mapping[str, VenueFacts] = {
    "binance": VenueFacts(
        title="Binance",
        docs=_BINANCE_DOCS,
        clock_url="https://api.binance.com/api/v3/time",
        clock="serverTime",
        throttle_seconds=5,
        ban_seconds=120,
        kinds={"spot": _BINANCE_SPOT, "perpetual": _BINANCE_USDM, "future": _BINANCE_USDM},
    ),
    "bitfinex": VenueFacts(
        title="Bitfinex",
        docs="https://docs.bitfinex.com/reference",
        clock_url="https://api-pub.bitfinex.com/v2/platform/status",
        clock="Date",
        throttle_seconds=60,
        ban_seconds=60,
        kinds={"spot": _BITFINEX, "perpetual": _BITFINEX},
    ),
    "gate": VenueFacts(
        title="Gate",
        docs=_GATE_DOCS,
        clock_url="https://api.gateio.ws/api/v4/spot/time",
        clock="server_time",
        throttle_seconds=10,
        ban_seconds=120,
        kinds={"spot": _GATE_SPOT, "perpetual": _GATE_FUTURES},
    ),
}
"""The venues the platform can ask.

``throttle_seconds`` without a Retry-After: Bitfinex blocks an address for 60 s
(https://docs.bitfinex.com/docs/requirements-and-limitations), Gate counts in 10 s; Binance names the time, 5 s is
ours. ``ban_seconds``: Binance bans from 2 minutes to 3 days and names the time in Retry-After.
"""


def known_venue(name: str) -> str:
    """``name`` itself; ConfigError with the valid choices when it is not a venue we know."""
    if name not in VENUES:
        raise ConfigError(f"unknown venue {name!r}", hint=choices(name, VENUES))
    return name


def of(venue: str, kind: str) -> KindFacts:
    """The facts for ``kind`` of market at ``venue``; ConfigError when either is not known."""
    kinds = VENUES[known_venue(venue)].kinds
    if kind not in kinds:
        raise ConfigError(f"{venue} has no candles of {kind} markets here", hint=f"choose from {', '.join(kinds)}")
    return kinds[kind]
