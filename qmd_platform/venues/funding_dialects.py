"""How each venue is asked for funding: requests as pure functions of a market record and a window.

What lives here: methods, names of parameters, windows, and where a venue states its intervals. What does not: limits
(``facts``), what to ask for next (``funding_paging``), sending (``ccxt_client``), decoding (``funding_parsing``).

Windows are half-open and in ms here, of the venue's own stamps. Binance, Bitfinex, Bybit and Gate take the end
inclusive; OKX leaves out both ends.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from qmd_platform.errors import BadPage
from qmd_platform.model.window import Window
from qmd_platform.venues import facts, funding_parsing
from qmd_platform.venues.dialects import Request
from qmd_platform.venues.funding_parsing import Decoder
from qmd_platform.venues.listing import CcxtMarket
from qmd_platform.venues.spellings import Params


@dataclass(frozen=True, slots=True)
class FundingDialect:
    """Funding of the perpetuals at one venue. ``method`` is the name of ccxt's implicit method."""

    method: str
    params: Callable[[CcxtMarket, Window, int], Params]
    decode: Decoder


def funding_request(venue: str, market: CcxtMarket, window: Window) -> Request:
    """The request for rows of funding stamped inside ``window``: a page of them, the rest is left out silently."""
    limit = facts.funding_of(venue, "perpetual").page_limit
    dialect = TABLE[venue]
    return Request(dialect.method, dialect.params(market, window, limit), 1)


def _binance(market: CcxtMarket, window: Window, limit: int) -> Params:
    return {"symbol": str(market["id"]), "startTime": window.start, "endTime": window.end - 1, "limit": limit}


def _bitfinex(market: CcxtMarket, window: Window, limit: int) -> Params:
    return {"symbol": str(market["id"]), "start": window.start, "end": window.end - 1, "limit": limit, "sort": 1}


def _bybit(market: CcxtMarket, window: Window, limit: int) -> Params:
    times = {"startTime": window.start, "endTime": window.end - 1}
    return {"category": "linear", "symbol": str(market["id"]), **times, "limit": limit}


def _gate(market: CcxtMarket, window: Window, limit: int) -> Params:
    seconds = {"from": -(-window.start // 1000), "to": (window.end - 1) // 1000}
    return {"contract": str(market["id"]), "settle": str(market["settleId"]), **seconds, "limit": limit}


def _okx(market: CcxtMarket, window: Window, limit: int) -> Params:
    # `before` means newer than, `after` means older than, neither of them equal.
    return {"instId": str(market["id"]), "before": max(window.start - 1, 0), "after": window.end, "limit": limit}


TABLE: Mapping[str, FundingDialect] = {
    "binance": FundingDialect("fapiPublicGetFundingRate", _binance, funding_parsing.binance),
    "bitfinex": FundingDialect("publicGetStatusDerivSymbolHist", _bitfinex, funding_parsing.bitfinex),
    "bybit": FundingDialect("publicGetV5MarketFundingHistory", _bybit, funding_parsing.bybit),
    "gate": FundingDialect("publicFuturesGetSettleFundingRate", _gate, funding_parsing.gate),
    "okx": FundingDialect("publicGetPublicFundingRateHistory", _okx, funding_parsing.okx),
}
"""The dialect of every venue that is asked for funding."""

INTERVALS: Mapping[str, Request] = {
    "binance": Request("fapiPublicGetFundingInfo", {}, 1),
    "okx": Request("publicGetPublicFundingRate", {"instId": "ANY"}, 1),
}
"""Where the venue states its contracts' current intervals, if not in its list of contracts."""


class _Adjusted(msgspec.Struct, gc=False):
    symbol: str
    fundingIntervalHours: float  # noqa: N815 - the venue's own key


class _Next(msgspec.Struct, gc=False):
    instId: str  # noqa: N815 - the venue's own key
    fundingTime: int  # noqa: N815 - the venue's own key
    nextFundingTime: int  # noqa: N815 - the venue's own key


class _Nexts(msgspec.Struct, gc=False):
    data: list[_Next]


def stated_intervals(venue: str, body: bytes) -> dict[str, float]:
    """Hours by the venue's own name of the contract, from the answer to ``INTERVALS``; ``BadPage`` otherwise."""
    try:
        if venue == "binance":
            adjusted = msgspec.json.decode(body, type=list[_Adjusted], strict=False)
            return {one.symbol: one.fundingIntervalHours for one in adjusted}
        nexts = msgspec.json.decode(body, type=_Nexts, strict=False).data
    except msgspec.MsgspecError as error:
        raise BadPage(venue, f"the answer does not state intervals: {error}", sample=body) from None
    return {one.instId: (one.nextFundingTime - one.fundingTime) / _HOUR for one in nexts}


_HOUR = 3_600_000
