"""How each venue is asked what its perpetuals are like now, and for open interest over time: requests as data.

What lives here: methods and names of parameters. What does not: limits (``facts.snapshots``), sending
(``snapshot_asking``), decoding (``snapshot_parsing``, ``open_interest_parsing``).

One request tells all contracts, wherever a venue can: Binance needs another for the intervals, OKX one each for rates, mark
prices and open interest.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from qmd_platform.model.window import Window
from qmd_platform.venues import facts, open_interest_parsing, snapshot_parsing
from qmd_platform.venues.dialects import Request
from qmd_platform.venues.listing import CcxtMarket
from qmd_platform.venues.spellings import Params

_PREMIUM_WEIGHT = 10
"""What Binance's answer about all contracts costs; about one it is 1."""


@dataclass(frozen=True, slots=True)
class StateRequest:
    """One of the requests that together tell what contracts are like now; ``bucket`` is the budget it costs of."""

    request: Request
    bucket: str
    decode: snapshot_parsing.Decoder


def state_requests(venue: str, records: Iterable[CcxtMarket]) -> list[StateRequest]:
    """The requests about all contracts of ``venue``, those of ``records`` among them; the first tells the rates."""
    bucket = facts.snapshots_of(venue).budget.bucket
    asked = _STATES.get(venue, [])
    if venue == "gate":
        settles = sorted({str(one["settleId"]) for one in records})
        asked = [
            (Request("publicFuturesGetSettleContracts", {"settle": one}, 1), snapshot_parsing.gate) for one in settles
        ]
    told = [StateRequest(request, bucket, decode) for request, decode in asked]
    if venue == "binance":
        of_funding = facts.funding_of(venue, "perpetual").budget.bucket
        told.append(
            StateRequest(Request("fapiPublicGetFundingInfo", {}, 1), of_funding, snapshot_parsing.binance_hours)
        )
    return told


_STATES: Mapping[str, list[tuple[Request, snapshot_parsing.Decoder]]] = {
    "binance": [(Request("fapiPublicGetPremiumIndex", {}, _PREMIUM_WEIGHT), snapshot_parsing.binance)],
    "bitfinex": [(Request("publicGetStatusDeriv", {"keys": "ALL"}, 1), snapshot_parsing.bitfinex)],
    "bybit": [(Request("publicGetV5MarketTickers", {"category": "linear"}, 1), snapshot_parsing.bybit)],
    "okx": [
        (Request("publicGetPublicFundingRate", {"instId": "ANY"}, 1), snapshot_parsing.okx_rates),
        (Request("publicGetPublicMarkPrice", {"instType": "SWAP"}, 1), snapshot_parsing.okx_marks),
        (Request("publicGetPublicOpenInterest", {"instType": "SWAP"}, 1), snapshot_parsing.okx_interest),
    ],
}


@dataclass(frozen=True, slots=True)
class HistoryDialect:
    """Open interest over time at one venue.

    ``method`` is the name of ccxt's implicit method. ``has_end`` says whether a request names the end of the window too: where
    it does not, rows after the window may be an honest answer about a hole.
    """

    method: str
    params: Callable[[CcxtMarket, Window, str, int], Params]
    decode: open_interest_parsing.Decoder
    has_end: bool = True


def _binance(market: CcxtMarket, window: Window, period: str, limit: int) -> Params:
    times = {"startTime": window.start, "endTime": window.end - 1}
    return {"symbol": str(market["id"]), "period": period, **times, "limit": limit}


def _bybit(market: CcxtMarket, window: Window, period: str, limit: int) -> Params:
    times = {"startTime": window.start, "endTime": window.end - 1}
    return {"category": "linear", "symbol": str(market["id"]), "intervalTime": period, **times, "limit": limit}


def _gate(market: CcxtMarket, window: Window, period: str, limit: int) -> Params:
    named = {"contract": str(market["id"]), "settle": str(market["settleId"])}
    return {**named, "interval": period, "from": -(-window.start // 1000), "limit": limit}


HISTORY: Mapping[str, HistoryDialect] = {
    "binance": HistoryDialect("fapiDataGetOpenInterestHist", _binance, open_interest_parsing.binance),
    "bybit": HistoryDialect("publicGetV5MarketOpenInterest", _bybit, open_interest_parsing.bybit),
    "gate": HistoryDialect("publicFuturesGetSettleContractStats", _gate, open_interest_parsing.gate, has_end=False),
}
"""The venues that are asked for open interest over time (``facts.snapshots``)."""
