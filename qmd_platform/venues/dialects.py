"""How each venue is asked for candles, and which decoder reads its answer.

What lives here: spelling, as pure functions from a market record and a window to parameters. What does not: limits
and budgets (``facts``), sending (``ccxt_client``), decoding (``parsing``).

Every request names both ends of its window, so pages are independent of each other and of the clock. Windows are
half-open here; all three venues take ``end`` inclusive, so the last instant asked for is one before ours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qmd_platform.errors import ConfigError, choices
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.venues import facts, parsing
from qmd_platform.venues.listing import CcxtMarket

Params = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Dialect:
    """Candles of one kind of market at one venue.

    ``method`` is the name of ccxt's implicit method; ``timeframes`` the venue's spelling of the ones it has;
    ``window_params`` asks for a window, ``oldest_params`` for the first candle there is (None: cannot be asked);
    ``params`` names the market.
    """

    method: str
    timeframes: Mapping[Timeframe, str]
    timeframe_param: str
    params: Callable[[CcxtMarket], Params]
    window_params: Callable[[Window, int], Params]
    oldest_params: Params | None
    decode: parsing.Decoder


@dataclass(frozen=True, slots=True)
class Request:
    """One request for candles: ``method`` called with ``params``; ``weight`` is what it costs."""

    method: str
    params: Params
    weight: float


def candle_request(venue: str, kind: str, market: CcxtMarket, timeframe: Timeframe, window: Window) -> Request:
    """The request for the candles that open in ``window``.

    Raises:
        ConfigError: the venue has no such timeframe, or no such kind of market.
        ValueError: the window holds more candles than a request brings; some would be left out silently.
    """
    known, dialect = facts.of(venue, kind), of(venue, kind)
    count = window.steps(timeframe.step)
    if count > known.page_limit:
        raise ValueError(f"{window} holds {count} candles of {timeframe}, a page of {venue} {kind} {known.page_limit}")
    head = _head(venue, kind, market, timeframe)
    return Request(dialect.method, head | dialect.window_params(window, timeframe.step), known.weight(count))


def oldest_request(venue: str, kind: str, market: CcxtMarket, timeframe: Timeframe) -> Request | None:
    """The request for the oldest candle the venue has; None when the venue cannot be asked that."""
    dialect = of(venue, kind)
    if dialect.oldest_params is None:
        return None
    head = _head(venue, kind, market, timeframe)
    return Request(dialect.method, head | dialect.oldest_params, facts.of(venue, kind).weight(1))


def of(venue: str, kind: str) -> Dialect:
    """The dialect for ``kind`` of market at ``venue``; ConfigError when either is not known."""
    facts.of(venue, kind)
    return _DIALECTS[venue, kind]


def spelling(venue: str, kind: str, timeframe: Timeframe) -> str:
    """The venue's spelling of ``timeframe``; ConfigError with those it has when it has no such candles."""
    timeframes = of(venue, kind).timeframes
    if timeframe not in timeframes:
        valid = [known.value for known in timeframes]
        raise ConfigError(f"{venue} has no {timeframe} candles", hint=choices(timeframe.value, valid))
    return timeframes[timeframe]


def _head(venue: str, kind: str, market: CcxtMarket, timeframe: Timeframe) -> Params:
    dialect = of(venue, kind)
    return dialect.params(market) | {dialect.timeframe_param: spelling(venue, kind, timeframe)}


def _same(*names: str) -> Mapping[Timeframe, str]:
    return {Timeframe(name): name for name in names}


def _symbol(market: CcxtMarket) -> Params:
    return {"symbol": str(market["id"])}


def _gate_pair(market: CcxtMarket) -> Params:
    return {"currency_pair": str(market["id"])}


def _gate_contract(market: CcxtMarket) -> Params:
    return {"contract": str(market["id"]), "settle": str(market["settleId"])}


def _binance_window(window: Window, step: int) -> Params:
    # A limit no larger than the window: at USD-M a smaller limit weighs less.
    return {"startTime": window.start, "endTime": window.end - 1, "limit": max(window.steps(step), 1)}


def _gate_window(window: Window, step: int) -> Params:
    # Gate counts points between `from` and `to` and refuses too many, so `to` is the last open time, not end - 1.
    # `limit` together with `from` is an error.
    return {"from": -(-window.start // 1000), "to": (window.end - 1) // step * step // 1000}


def _bitfinex_window(window: Window, step: int) -> Params:
    # Without `sort` the newest come first; without `limit` there are 100.
    return {"start": window.start, "end": window.end - 1, "limit": max(window.steps(step), 1), "sort": 1}


def _binance(method: str) -> Dialect:
    return Dialect(
        method=method,
        timeframes=_same("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"),
        timeframe_param="interval",
        params=_symbol,
        window_params=_binance_window,
        oldest_params={"startTime": 0, "limit": 1},
        decode=parsing.BINANCE,
    )


def _gate(method: str, params: Callable[[CcxtMarket], Params], decode: parsing.Decoder) -> Dialect:
    return Dialect(
        method=method,
        timeframes=_same("1m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "1d"),
        timeframe_param="interval",
        params=params,
        window_params=_gate_window,
        oldest_params=None,
        decode=decode,
    )


_BINANCE_USDM = _binance("fapiPublicGetKlines")
_BITFINEX = Dialect(
    method="publicGetCandlesTradeTimeframeSymbolHist",
    timeframes={**_same("1m", "5m", "15m", "30m", "1h", "4h", "6h", "12h"), Timeframe.D1: "1D"},
    timeframe_param="timeframe",
    params=_symbol,
    window_params=_bitfinex_window,
    oldest_params={"start": 0, "limit": 1, "sort": 1},
    decode=parsing.BITFINEX,
)

_DIALECTS: Mapping[tuple[str, str], Dialect] = {
    ("binance", "spot"): _binance("publicGetKlines"),
    ("binance", "perpetual"): _BINANCE_USDM,
    ("binance", "future"): _BINANCE_USDM,
    ("gate", "spot"): _gate("publicSpotGetCandlesticks", _gate_pair, parsing.GATE_SPOT),
    ("gate", "perpetual"): _gate("publicFuturesGetSettleCandlesticks", _gate_contract, parsing.gate_contracts),
    ("bitfinex", "spot"): _BITFINEX,
    ("bitfinex", "perpetual"): _BITFINEX,
}
