"""Each venue's spelling of a request for candles, as data and small pure functions.

What lives here: methods, names of parameters, timeframes, windows. What does not: requests made of them (``dialects``),
limits and budgets (``facts``), decoding (``parsing``).

Windows are half-open here. Binance, Bybit, Gate and Bitfinex take the end inclusive, so the last instant asked for is
one before ours; OKX leaves out both ends, so it is asked from one before our start to our end; Kraken takes no end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.venues import parsing
from qmd_platform.venues.listing import CcxtMarket

Params = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Longest:
    """The longest candles of a venue: how their newest page is asked for, and the most milliseconds one lasts."""

    params: Params
    length: int


@dataclass(frozen=True, slots=True)
class Dialect:
    """Candles of one kind of market at one venue.

    ``method`` is the name of ccxt's implicit method; ``timeframes`` the venue's spelling of the ones it has;
    ``window_params`` asks for a window, ``oldest_params`` for the first candle there is (None: cannot be asked), and
    ``longest`` for the newest page of the longest candles, which reach back to any market's first day (None: not
    needed); ``params`` names the market.
    """

    method: str
    timeframes: Mapping[Timeframe, str]
    timeframe_param: str
    params: Callable[[CcxtMarket], Params]
    window_params: Callable[[Window, int], Params]
    oldest_params: Params | None
    decode: parsing.Decoder
    longest: Longest | None = None


def _same(*names: str) -> Mapping[Timeframe, str]:
    return {Timeframe(name): name for name in names}


def _symbol(market: CcxtMarket) -> Params:
    return {"symbol": str(market["id"])}


def _gate_pair(market: CcxtMarket) -> Params:
    return {"currency_pair": str(market["id"])}


def _gate_contract(market: CcxtMarket) -> Params:
    return {"contract": str(market["id"]), "settle": str(market["settleId"])}


def _binance_window(window: Window, step: int) -> Params:
    return {"startTime": window.start, "endTime": window.end - 1, "limit": max(window.steps(step), 1)}


def _gate_window(window: Window, step: int) -> Params:
    # Gate counts points between `from` and `to` and refuses too many, so `to` is the last open time, not end - 1.
    # `limit` together with `from` is an error.
    return {"from": -(-window.start // 1000), "to": (window.end - 1) // step * step // 1000}


def _bitfinex_window(window: Window, step: int) -> Params:
    # Without `sort` the newest come first; without `limit` there are 100.
    return {"start": window.start, "end": window.end - 1, "limit": max(window.steps(step), 1), "sort": 1}


def _okx_window(window: Window, step: int) -> Params:
    # `before` means newer than, `after` means older than, neither of them equal.
    return {"before": max(window.start - 1, 0), "after": window.end, "limit": max(window.steps(step), 1)}


def _bybit_window(window: Window, step: int) -> Params:
    return {"start": window.start, "end": window.end - 1, "limit": max(window.steps(step), 1)}


def _kraken_window(window: Window, step: int) -> Params:
    # One second early: whether `since` itself is meant is not documented. There is no end and no limit to name.
    return {"since": max(-(-window.start // 1000) - 1, 0)}


def _okx_instrument(market: CcxtMarket) -> Params:
    return {"instId": str(market["id"])}


def _bybit_spot(market: CcxtMarket) -> Params:
    return {"category": "spot", "symbol": str(market["id"])}


def _bybit_linear(market: CcxtMarket) -> Params:
    return {"category": "linear", "symbol": str(market["id"])}


def _kraken_pair(market: CcxtMarket) -> Params:
    return {"pair": str(market["id"])}


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

_DAY = Timeframe.D1.step
_MONTH = 31 * _DAY
_MINUTES = {t: str(t.step // Timeframe.M1.step) for t in Timeframe}


def _okx(decode: parsing.Decoder) -> Dialect:
    utc = {Timeframe.H6: "6Hutc", Timeframe.H12: "12Hutc", Timeframe.D1: "1Dutc"}
    hours = {Timeframe.H1: "1H", Timeframe.H2: "2H", Timeframe.H4: "4H"}
    return Dialect(
        method="publicGetMarketHistoryCandles",
        # Candles of 6 hours and more open by Hong Kong's clock unless "utc" is said.
        timeframes={**_same("1m", "3m", "5m", "15m", "30m"), **hours, **utc},
        timeframe_param="bar",
        params=_okx_instrument,
        window_params=_okx_window,
        oldest_params=None,
        decode=decode,
        longest=Longest({"bar": "1Mutc", "limit": 300}, _MONTH),
    )


def _bybit(params: Callable[[CcxtMarket], Params]) -> Dialect:
    spoken = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h")
    return Dialect(
        method="publicGetV5MarketKline",
        timeframes={**{t: _MINUTES[t] for t in _same(*spoken)}, Timeframe.D1: "D"},
        timeframe_param="interval",
        params=params,
        window_params=_bybit_window,
        oldest_params=None,
        decode=parsing.BYBIT,
        longest=Longest({"interval": "M", "limit": 1000}, _MONTH),
    )


_KRAKEN = Dialect(
    method="publicGetOHLC",
    timeframes={t: _MINUTES[t] for t in _same("1m", "5m", "15m", "30m", "1h", "4h", "1d")},
    timeframe_param="interval",
    params=_kraken_pair,
    window_params=_kraken_window,
    oldest_params=None,
    decode=parsing.KRAKEN,
    longest=Longest({"interval": "10080", "since": 0}, 7 * _DAY),
)

TABLE: Mapping[tuple[str, str], Dialect] = {
    ("binance", "spot"): _binance("publicGetKlines"),
    ("binance", "perpetual"): _BINANCE_USDM,
    ("binance", "future"): _BINANCE_USDM,
    ("gate", "spot"): _gate("publicSpotGetCandlesticks", _gate_pair, parsing.GATE_SPOT),
    ("gate", "perpetual"): _gate("publicFuturesGetSettleCandlesticks", _gate_contract, parsing.gate_contracts),
    ("bitfinex", "spot"): _BITFINEX,
    ("bitfinex", "perpetual"): _BITFINEX,
    ("okx", "spot"): _okx(parsing.OKX_SPOT),
    ("okx", "perpetual"): _okx(parsing.OKX_SWAP),
    ("bybit", "spot"): _bybit(_bybit_spot),
    ("bybit", "perpetual"): _bybit(_bybit_linear),
    ("kraken", "spot"): _KRAKEN,
}
"""The dialect of every kind of market of every venue."""
