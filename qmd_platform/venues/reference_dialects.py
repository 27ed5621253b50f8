"""How each venue is asked for candles of mark, index and premium: requests as pure functions of a market and a window.

What lives here: methods, and how the market is named there. What does not: windows and timeframes, which are spelled as for
candles of what traded (``spellings``), limits (``facts.reference``), sending (``reference_asking``), decoding
(``reference_parsing``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.model.window import Window
from qmd_platform.venues import facts, reference_parsing, spellings
from qmd_platform.venues.dialects import Request
from qmd_platform.venues.listing import CcxtMarket
from qmd_platform.venues.reference_parsing import Decoder
from qmd_platform.venues.spellings import Params


@dataclass(frozen=True, slots=True)
class ReferenceDialect:
    """One kind of reference candles at one venue. ``method`` is ccxt's implicit method, ``named`` names the market in it."""

    method: str
    named: Callable[[CcxtMarket], Params]
    decode: Decoder


def reference_request(venue: str, wanted: Reference, market: CcxtMarket, window: Window) -> Request:
    """The request for the candles that open in ``window``, which a page holds (``facts.reference``)."""
    dialect, spelled = TABLE[venue, wanted], spellings.TABLE[venue, "perpetual"]
    limit, weight = facts.reference_of(venue, "perpetual", wanted).room(window.steps(STEP.step))
    params = dialect.named(market) | {spelled.timeframe_param: spelled.timeframes[STEP]}
    params |= spelled.window_params(window, STEP.step)
    if "limit" in params:
        # Both ends are said, so a larger limit brings no candle more; a row sent twice then pushes none out of the answer.
        params["limit"] = limit
    return Request(dialect.method, params, weight)


def snapshots_request(market: CcxtMarket, window: Window, limit: int) -> Request:
    """The request for Bitfinex's snapshots taken in ``window``: the oldest ``limit`` of them."""
    params: Params = {"symbol": str(market["id"]), "start": window.start, "end": window.end - 1}
    return Request("publicGetStatusDerivSymbolHist", params | {"limit": limit, "sort": 1}, 1)


def _symbol(market: CcxtMarket) -> Params:
    return {"symbol": str(market["id"])}


def _pair(market: CcxtMarket) -> Params:
    # The pair of a perpetual is written as the perpetual itself.
    return {"pair": str(market["id"])}


def _linear(market: CcxtMarket) -> Params:
    return {"category": "linear", "symbol": str(market["id"])}


def _instrument(market: CcxtMarket) -> Params:
    return {"instId": str(market["id"])}


def _okx_index(market: CcxtMarket) -> Params:
    # An index is named after the coins, whatever contract it is for.
    return {"instId": str(market["id"]).removesuffix("-SWAP")}


def _gate(prefix: str) -> Callable[[CcxtMarket], Params]:
    def named(market: CcxtMarket) -> Params:
        return {"contract": f"{prefix}{market['id']}", "settle": str(market["settleId"])}

    return named


_GATE = "publicFuturesGetSettleCandlesticks"

TABLE: Mapping[tuple[str, Reference], ReferenceDialect] = {
    ("binance", Reference.MARK): ReferenceDialect("fapiPublicGetMarkPriceKlines", _symbol, reference_parsing.binance),
    ("binance", Reference.INDEX): ReferenceDialect("fapiPublicGetIndexPriceKlines", _pair, reference_parsing.binance),
    ("binance", Reference.PREMIUM): ReferenceDialect(
        "fapiPublicGetPremiumIndexKlines", _symbol, reference_parsing.binance
    ),
    ("bybit", Reference.MARK): ReferenceDialect("publicGetV5MarketMarkPriceKline", _linear, reference_parsing.bybit),
    ("bybit", Reference.INDEX): ReferenceDialect("publicGetV5MarketIndexPriceKline", _linear, reference_parsing.bybit),
    ("bybit", Reference.PREMIUM): ReferenceDialect(
        "publicGetV5MarketPremiumIndexPriceKline", _linear, reference_parsing.bybit
    ),
    ("gate", Reference.MARK): ReferenceDialect(_GATE, _gate("mark_"), reference_parsing.gate),
    ("gate", Reference.INDEX): ReferenceDialect(_GATE, _gate("index_"), reference_parsing.gate),
    ("gate", Reference.PREMIUM): ReferenceDialect(
        "publicFuturesGetSettlePremiumIndex", _gate(""), reference_parsing.gate
    ),
    ("okx", Reference.MARK): ReferenceDialect(
        "publicGetMarketHistoryMarkPriceCandles", _instrument, reference_parsing.okx
    ),
    ("okx", Reference.INDEX): ReferenceDialect("publicGetMarketHistoryIndexCandles", _okx_index, reference_parsing.okx),
}
"""The dialect of every venue that has candles of the kind."""
