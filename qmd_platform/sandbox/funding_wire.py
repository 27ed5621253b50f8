"""Funding histories on the wire: Binance, Bybit, Gate and OKX; each settlement is a row.

What lives here: parameters, limits, errors and rows as these venues write them. What does not: which settlements there
are (``funding``), Bitfinex, which has no rows of settlements (``derivatives``). Sources: the venues' documentation, read
through ccxt 4.5 and on 2026-11-21.

| venue | rows | window | limit |
|---|---|---|---|
| Binance | oldest first, times some ms late, with the mark price | the oldest from ``startTime`` on, else the newest | 100, at most 1000 |
| Bybit | newest first | ``startTime`` only with ``endTime``; the newest of the window | 200, at most 200 |
| Gate | newest first, times in s | ``from``, ``to``; the newest of the window | 100, at most 1000 |
| OKX | newest first, three months back | newer than ``before``, older than ``after``; the newest | 100, at most 100 |
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox import binance, bybit, funding, gate, okx
from qmd_platform.sandbox.exchange import FOREVER, Answer, Exchange, Query, Refusal, as_json
from qmd_platform.sandbox.funding import DIGITS, HOUR, LONGEST, Settled
from qmd_platform.sandbox.noise import scrambled, seed_of
from qmd_platform.sandbox.parameters import at_most, whole
from qmd_platform.sandbox.universe import Listing

LATEST_MS = 30
"""Binance stamps a settlement at most so many milliseconds late."""
OKX_REACH = 92 * Timeframe.D1.step
"""How far back OKX serves settlements: three months."""

_BINANCE, _BYBIT, _GATE, _OKX = 1000, 200, 1000, 100
_DEFAULT, _OF_BYBIT = 100, 200
_OKX_BAD, _OKX_UNKNOWN, _BYBIT_BAD = 51000, 51001, 10001
_BINANCE_BAD, _BINANCE_TEXT, _BINANCE_UNKNOWN = -1130, -1100, -1121


def answer(exchange: Exchange, path: str, query: Query, now: Instant) -> Answer | None:
    """The answer about funding; None where ``path`` is not one of these venues' paths for it."""
    handler = _HANDLERS.get(path)
    if handler is not None:
        return handler(exchange, query, now)
    settle = path.removeprefix("/api/v4/futures/").removesuffix("/funding_rate")
    return _gate(exchange, settle, query, now) if path == f"/api/v4/futures/{settle}/funding_rate" else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """Settlements of ``listing`` with ``first <= at < end``: the newest ``limit`` of them, or the oldest."""

    exchange: Exchange
    listing: Listing
    first: Instant
    end: Instant
    limit: int
    newest: bool

    def found(self, now: Instant) -> Settled:
        """The settlements at ``now``, oldest first. Reads no more hours than the limit can need."""
        end = min(self.end, now + 1)
        cut = slice(-self.limit, None) if self.newest else slice(self.limit)
        if self.listing.market in self.exchange.replayed:
            return _settled(self.exchange, self.listing, self.first, end).take(cut)
        # Some settlements are never listed, so a few more hours than the limit times the longest interval.
        reach = (self.limit + self.limit // 20 + 2) * LONGEST * HOUR
        first = max(self.first, end - reach) if self.newest else max(self.first, self.listing.listed_at)
        return funding.settled(self.listing, first, end if self.newest else min(end, first + reach)).take(cut)


def _settled(exchange: Exchange, listing: Listing, first: Instant, end: Instant) -> Settled:
    """The settlements with ``first <= at < end``, recorded ones where the market is replayed."""
    recorded = exchange.recorded_funding.get(listing.market)
    if recorded is None:
        return funding.settled(listing, first, end)
    return recorded.take((recorded.at >= first) & (recorded.at < end))


def stamps(listing: Listing, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """The times Binance prints for settlements ``at``: every other one some milliseconds late. Recorded ones are so."""
    if listing.character is None:
        return at
    noise = scrambled(seed_of(f"stamps of {listing.market}"), at // HOUR).astype(np.int64) & 0xFFFF
    return np.asarray(at + np.where(noise & 1, np.minimum(noise >> 1 & 31, LATEST_MS), 0))


def _rates(rows: Settled, digits: int = DIGITS) -> list[str]:
    digits = DIGITS if (rows.rate % 10 ** (DIGITS - digits)).any() else digits
    return [f"{rate / 10**DIGITS:.{digits}f}" for rate in rows.rate.tolist()]


def _marks(listing: Listing, at: NDArray[np.int64]) -> list[str]:
    """The mark price at each settlement; nothing where it was not recorded."""
    if listing.character is None:
        return [""] * len(at)
    return [f"{ticks / 10**listing.tick_digits:.8f}" for ticks in funding.marks(listing, at).tolist()]


def _binance(exchange: Exchange, query: Query, now: Instant) -> Answer:
    listing = exchange.listing("binance", query.get("symbol", ""), "USDT", "USDC")
    if listing is None:
        raise Refusal(binance.error(_BINANCE_UNKNOWN, "Invalid symbol."))
    bad = binance.error(_BINANCE_TEXT, "Illegal characters found in a parameter.")
    start, last, limit = (whole(query, name, bad) for name in ("startTime", "endTime", "limit"))
    bad = binance.error(_BINANCE_BAD, "Data sent for parameter 'limit' is not valid.")
    limit = at_most(limit, _DEFAULT, _BINANCE, bad)
    # A settlement some milliseconds late may be inside the window though its hour is before it, or the other way round.
    start, end = start or 0, FOREVER if last is None else last + 1
    asked = _Asked(exchange, listing, start - LATEST_MS, end, limit + 1, newest="startTime" not in query)
    rows = asked.found(now)
    at = stamps(listing, rows.at)
    inside = (at >= start) & (at < end) & (at <= now)
    cut = slice(-limit, None) if asked.newest else slice(limit)
    rows, at = rows.take(inside).take(cut), at[inside][cut]
    printed = [
        {"symbol": listing.wire, "fundingTime": stamp, "fundingRate": rate, "markPrice": mark}
        for stamp, rate, mark in zip(at.tolist(), _rates(rows), _marks(listing, rows.at), strict=True)
    ]
    return Answer(as_json(printed), rows=len(printed))


def _binance_info(exchange: Exchange, query: Query, now: Instant) -> Answer:
    """Of contracts that were adjusted only: those with another interval or cap than the usual ones."""
    recorded = exchange.recorded_funding
    contracts = exchange.listings("binance", now, spot=False)
    listed = [(one, funding.current_hours(one.market, now, recorded.get(one.market))) for one in contracts]
    usual = funding.cap(listed[0][0].market) if listed else 0
    printed = [
        {
            "symbol": one.wire,
            "adjustedFundingRateCap": f"{funding.cap(one.market) / 10**DIGITS:.8f}",
            "adjustedFundingRateFloor": f"{-funding.cap(one.market) / 10**DIGITS:.8f}",
            "fundingIntervalHours": hours,
            "disclaimer": False,
        }
        for one, hours in listed
        if hours != LONGEST or funding.cap(one.market) != usual
    ]
    return Answer(as_json(printed))


def _bybit(exchange: Exchange, query: Query, now: Instant) -> Answer:
    if query.get("category") != "linear":
        raise Refusal(bybit.error(_BYBIT_BAD, "params error: Category is invalid", now))
    listing = exchange.listing("bybit", query.get("symbol", ""), "USDT")
    if listing is None:
        raise Refusal(bybit.error(_BYBIT_BAD, "params error: Symbol Invalid", now))
    bad = bybit.error(_BYBIT_BAD, "params error: time or limit invalid", now)
    start, last, limit = (whole(query, name, bad) for name in ("startTime", "endTime", "limit"))
    if start is not None and last is None:
        raise Refusal(bybit.error(_BYBIT_BAD, "params error: startTime without endTime", now))
    end = FOREVER if last is None else last + 1
    rows = _Asked(exchange, listing, start or 0, end, at_most(limit, _OF_BYBIT, _BYBIT, bad), newest=True).found(now)
    printed = [
        {"symbol": listing.wire, "fundingRate": rate, "fundingRateTimestamp": str(at)}
        for at, rate in zip(rows.at.tolist(), _rates(rows), strict=True)
    ]
    result = {"category": "linear", "list": printed[::-1]}
    body = {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now}
    return Answer(as_json(body), rows=len(printed))


def _gate(exchange: Exchange, settle: str, query: Query, now: Instant) -> Answer:
    wire = query.get("contract", "")
    listing = exchange.listing("gate", wire, settle)
    if listing is None:
        raise Refusal(gate.error("CONTRACT_NOT_FOUND", f"contract {wire} not found"))
    bad = gate.error("INVALID_PARAM_VALUE", "invalid argument: from, to or limit")
    start, last, limit = (whole(query, name, bad) for name in ("from", "to", "limit"))
    end = FOREVER if last is None else last * 1000 + 1
    rows = _Asked(exchange, listing, (start or 0) * 1000, end, at_most(limit, _DEFAULT, _GATE, bad), newest=True).found(
        now
    )
    printed = [{"t": at // 1000, "r": rate} for at, rate in zip(rows.at.tolist(), _rates(rows, 6), strict=True)]
    return Answer(as_json(printed[::-1]), rows=len(printed))


def _okx(exchange: Exchange, query: Query, now: Instant) -> Answer:
    listing = exchange.listing("okx", query.get("instId", ""), "USDT")
    if listing is None:
        raise Refusal(okx.error(_OKX_UNKNOWN, "Instrument ID, Instrument ID code, or Spread ID doesn't exist."))
    bad = okx.error(_OKX_BAD, "Parameter before, after or limit error", 400)
    before, after, limit = (whole(query, name, bad) for name in ("before", "after", "limit"))
    first = max(0 if before is None else before + 1, now - OKX_REACH)
    end = FOREVER if after is None else after
    rows = _Asked(exchange, listing, first, end, at_most(limit, _DEFAULT, _OKX, bad), newest=True).found(now)
    printed = [
        {
            "instType": "SWAP",
            "instId": listing.wire,
            "formulaType": "noRate",
            "method": "current_period",
            # What was predicted last; what was paid is realizedRate.
            "fundingRate": f"{(rate + 7) / 10**DIGITS:.8f}",
            "realizedRate": f"{rate / 10**DIGITS:.8f}",
            "fundingTime": str(at),
        }
        for at, rate in zip(rows.at.tolist(), rows.rate.tolist(), strict=True)
    ]
    return Answer(as_json({"code": "0", "data": printed[::-1], "msg": ""}), rows=len(printed))


_HANDLERS: dict[str, Callable[[Exchange, Query, Instant], Answer]] = {
    "/fapi/v1/fundingRate": _binance,
    "/fapi/v1/fundingInfo": _binance_info,
    "/v5/market/funding/history": _bybit,
    "/api/v5/public/funding-rate-history": _okx,
}
