"""Histories of open interest on the wire: Binance, Bybit and Gate, each on a grid of time.

What lives here: parameters, limits, errors and rows as these venues write them. What does not: how much is outstanding
(``snapshots``). Sources: the venues' documentation, read through ccxt 4.5 and on 2026-11-21.

| venue | rows | window | limit |
|---|---|---|---|
| Binance | oldest first, base and worth | the oldest from ``startTime`` on, else the newest; the last 30 days | 30, at most 500 |
| Bybit | newest first, base | ``startTime``, ``endTime``; the newest of the window | 50, at most 200 |
| Gate | oldest first, contracts, worth and mark, times in s | from ``from`` on, else the newest | 30, at most 100 |
"""

from decimal import Decimal

import numpy as np

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox import binance, bybit, gate, snapshots
from qmd_platform.sandbox.exchange import FOREVER, Answer, Exchange, Query, Refusal, as_json
from qmd_platform.sandbox.parameters import at_most, whole
from qmd_platform.sandbox.snapshots import Instants
from qmd_platform.sandbox.universe import Listing

BINANCE_REACH = 30 * Timeframe.D1.step
"""How far back Binance serves open interest."""

_GATE = "/api/v4/futures/"
_BYBIT_BAD, _BINANCE_BAD, _BINANCE_UNKNOWN = 10001, -1130, -1121
_PERIODS = {name: Timeframe(name).step for name in ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")}
_OF_BYBIT = {"5min": "5m", "15min": "15m", "30min": "30m", "1h": "1h", "4h": "4h", "1d": "1d"}


def answer(exchange: Exchange, path: str, query: Query, now: Instant) -> Answer | None:
    """The answer about open interest over time; None where ``path`` does not ask for it."""
    if path == "/futures/data/openInterestHist":
        return _binance(exchange, query, now)
    if path == "/v5/market/open-interest":
        return _bybit(exchange, query, now)
    settle = path.removeprefix(_GATE).removesuffix("/contract_stats")
    return _gate(exchange, settle, query, now) if path == f"{_GATE}{settle}/contract_stats" else None


def _binance(exchange: Exchange, query: Query, now: Instant) -> Answer:
    listing = exchange.listing("binance", query.get("symbol", ""), "USDT", "USDC")
    if listing is None:
        raise Refusal(binance.error(_BINANCE_UNKNOWN, "Invalid symbol."))
    bad = binance.error(_BINANCE_BAD, "parameter 'startTime' is invalid.")
    start, last = whole(query, "startTime", bad), whole(query, "endTime", bad)
    limit = at_most(whole(query, "limit", bad), 30, 500, bad)
    step = _PERIODS.get(query.get("period", ""))
    if step is None or (start is not None and start < now - BINANCE_REACH):
        raise Refusal(bad)
    at = _grid(listing, step, start or now - BINANCE_REACH, FOREVER if last is None else last + 1, now)
    at = at[-limit:] if start is None else at[:limit]
    base, worth = _worth(listing, at)
    rows = zip(at.tolist(), base, worth, strict=True)
    names = ("symbol", "sumOpenInterest", "sumOpenInterestValue", "timestamp")
    printed = [
        dict(zip(names, (listing.wire, f"{one:f}", f"{value:f}", when), strict=True)) for when, one, value in rows
    ]
    return Answer(as_json(printed), rows=len(printed))


def _bybit(exchange: Exchange, query: Query, now: Instant) -> Answer:
    listing = exchange.listing("bybit", query.get("symbol", ""), "USDT")
    step = _PERIODS.get(_OF_BYBIT.get(query.get("intervalTime", ""), ""))
    bad = bybit.error(_BYBIT_BAD, "params error: symbol, intervalTime, time or limit invalid", now)
    if listing is None or step is None or query.get("category") != "linear":
        raise Refusal(bad)
    start, last = whole(query, "startTime", bad), whole(query, "endTime", bad)
    limit = at_most(whole(query, "limit", bad), 50, 200, bad)
    at = _grid(listing, step, start or 0, FOREVER if last is None else last + 1, now)[-limit:]
    rows = zip(at.tolist(), _worth(listing, at)[0], strict=True)
    printed = [{"openInterest": f"{base:f}", "timestamp": str(when)} for when, base in rows]
    result = {"symbol": listing.wire, "category": "linear", "list": printed[::-1], "nextPageCursor": ""}
    body = {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now}
    return Answer(as_json(body), rows=len(printed))


def _gate(exchange: Exchange, settle: str, query: Query, now: Instant) -> Answer:
    wire = query.get("contract", "")
    listing = exchange.listing("gate", wire, settle)
    if listing is None:
        raise Refusal(gate.error("CONTRACT_NOT_FOUND", f"contract {wire} not found"))
    bad = gate.error("INVALID_PARAM_VALUE", "invalid argument: from, interval or limit")
    step, start = _PERIODS.get(query.get("interval", "5m")), whole(query, "from", bad)
    limit = at_most(whole(query, "limit", bad), 30, 100, bad)
    if step is None:
        raise Refusal(bad)
    first = now - limit * step if start is None else start * 1000
    at = _grid(listing, step, first, min(first + limit * step, now + 1), now)
    ticks = snapshots.marks(listing, at).tolist() if len(at) else []
    rows = zip(at.tolist(), snapshots.outstanding(listing, at).tolist(), _worth(listing, at)[1], ticks, strict=True)
    printed = [
        {
            "time": when // 1000,
            "open_interest": lots,
            "open_interest_usd": float(worth),
            "mark_price": price / 10**listing.tick_digits,
        }
        for when, lots, worth, price in rows
    ]
    return Answer(as_json(printed), rows=len(printed))


def _grid(listing: Listing, step: int, first: Instant, end: Instant, now: Instant) -> Instants:
    """The instants of the grid with ``first <= at < end`` at which the contract was there."""
    gone = FOREVER if listing.events.delisted_at is None else listing.events.delisted_at
    first, end = max(first, listing.listed_at + 1), min(end, now + 1, gone)
    return np.arange(-(-first // step), max(-(-end // step), -(-first // step)), dtype=np.int64) * step


def _worth(listing: Listing, at: Instants) -> tuple[list[Decimal], list[Decimal]]:
    """Open interest in base and in quote."""
    lots = snapshots.outstanding(listing, at).tolist()
    ticks = snapshots.marks(listing, at).tolist() if len(at) and listing.character is not None else [0] * len(at)
    base = [Decimal(one).scaleb(-listing.lot_digits) * listing.contract_size for one in lots]
    return base, [one * Decimal(price).scaleb(-listing.tick_digits) for one, price in zip(base, ticks, strict=True)]
