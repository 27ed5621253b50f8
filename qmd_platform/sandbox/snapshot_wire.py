"""What contracts are like now, on the wire: Binance, Bybit, Gate and OKX.

What lives here: parameters, errors and rows as these venues write them. What does not: what is predicted and outstanding
(``snapshots``), open interest over time (``open_interest_wire``), Bitfinex (``derivatives``). Sources: the venues'
documentation, read through ccxt 4.5 and on 2026-11-21.

| venue | asked for | with |
|---|---|---|
| Binance | ``premiumIndex``: all, or one ``symbol`` | rate, next settlement, mark, index |
| Bybit | ``tickers``: all, or one ``symbol`` | the same, the interval, open interest |
| Gate | ``contracts``, the list of contracts | the same, open interest as ``position_size`` |
| OKX | ``funding-rate`` (``ANY`` or one), ``mark-price``, ``open-interest`` | each what its name says |
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import numpy as np

from qmd_platform.model.window import Instant
from qmd_platform.sandbox import binance, bybit, funding, gate, okx, reference, snapshots
from qmd_platform.sandbox.exchange import Answer, Exchange, Query, Refusal, as_json
from qmd_platform.sandbox.funding import DIGITS, HOUR, LONGEST
from qmd_platform.sandbox.snapshots import Predicted
from qmd_platform.sandbox.universe import Listing

_GATE = "/api/v4/futures/"
_OKX_UNKNOWN, _OKX_BAD, _BYBIT_BAD, _BINANCE_UNKNOWN = 51001, 51000, 10001, -1121


def answer(exchange: Exchange, path: str, query: Query, now: Instant) -> Answer | None:
    """The answer about contracts; None where ``path`` is not one of these."""
    if handler := _HANDLERS.get(path):
        return handler(exchange, query, now)
    what = path.removeprefix(_GATE).partition("/")[2] if path.startswith(_GATE) else ""
    return _gate_contracts(exchange, path, query, now) if what == "contracts" else None


@dataclass(frozen=True, slots=True)
class _Now:
    """One contract now; ``hours`` are of the interval in progress. Prices in ticks and open interest in lots are None where it is replayed."""

    listing: Listing
    expected: Predicted
    hours: int
    mark: int | None
    index: int | None
    lots: int | None

    def price(self, ticks: int | None) -> str:
        """A price as text."""
        return "" if ticks is None else f"{ticks / 10**self.listing.tick_digits:.8f}"

    @property
    def rate(self) -> str:
        """The predicted rate as text."""
        return f"{int(self.expected.rate[0]) / 10**DIGITS:.8f}"

    @property
    def next_at(self) -> int:
        """When it settles next."""
        return int(self.expected.next_at[0])

    @property
    def contracts(self) -> Decimal:
        """Open interest in the venue's unit."""
        return Decimal(self.lots or 0).scaleb(-self.listing.lot_digits)

    @property
    def worth(self) -> Decimal:
        """Open interest in quote."""
        return self.contracts * self.listing.contract_size * Decimal(self.mark or 0).scaleb(-self.listing.tick_digits)


def _contracts(exchange: Exchange, venue: str, now: Instant, wire: str | None = None) -> Iterator[_Now]:
    """What ``venue`` lists now and trades, or the one spelled ``wire``."""
    at = np.array([now], np.int64)
    for one in exchange.listings(venue, now, spot=False):
        if one.events.is_delisted(now) or wire not in {None, one.wire}:
            continue
        recorded = exchange.recorded_funding.get(one.market)
        if recorded is not None:
            expected = snapshots.of_recording(recorded, now)
            if expected is not None:
                yield _Now(one, expected, funding.current_hours(one.market, now, recorded), None, None, None)
        elif one.character is not None:
            yield _Now(
                one,
                snapshots.predicted(one, at),
                funding.current_hours(one.market, now),
                int(snapshots.marks(one, at)[0]),
                int(snapshots.marks(reference.indexed(one), at)[0]),
                int(snapshots.outstanding(one, at)[0]),
            )


def _premium_index(exchange: Exchange, query: Query, now: Instant) -> Answer:
    wire = query.get("symbol")
    printed = [
        {
            "symbol": one.listing.wire,
            "markPrice": one.price(one.mark),
            "indexPrice": one.price(one.index),
            "estimatedSettlePrice": one.price(one.index),
            "lastFundingRate": one.rate,
            "interestRate": "0.00010000",
            "nextFundingTime": one.next_at,
            "time": now,
        }
        for one in _contracts(exchange, "binance", now, wire)
    ]
    if wire is not None and not printed:
        raise Refusal(binance.error(_BINANCE_UNKNOWN, "Invalid symbol."))
    return Answer(as_json(printed if wire is None else printed[0]))


def _tickers(exchange: Exchange, query: Query, now: Instant) -> Answer:
    if query.get("category") != "linear":
        raise Refusal(bybit.error(_BYBIT_BAD, "params error: Category is invalid", now))
    printed = [
        {
            "symbol": one.listing.wire,
            "lastPrice": one.price(one.mark),
            "indexPrice": one.price(one.index),
            "markPrice": one.price(one.mark),
            "openInterest": f"{one.contracts:f}",
            "openInterestValue": f"{one.worth:f}",
            "fundingRate": one.rate,
            "fundingIntervalHour": str(one.hours),
            "nextFundingTime": str(one.next_at),
            "deliveryTime": "0",
        }
        for one in _contracts(exchange, "bybit", now, query.get("symbol"))
    ]
    return _of_bybit({"category": "linear", "list": printed}, now)


def _of_bybit(result: object, now: Instant) -> Answer:
    return Answer(as_json({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now}))


def _gate_contracts(exchange: Exchange, path: str, query: Query, now: Instant) -> Answer | None:
    """Gate's list of contracts, with what each is like now."""
    listed = gate.answer(exchange, path, query, now)
    if listed is None:
        return None
    rows = msgspec.json.decode(listed.body)
    live = {one.listing.wire: one for one in _contracts(exchange, "gate", now)}
    for row in rows:
        if (one := live.get(row["name"])) is not None:
            row |= {
                "mark_price": one.price(one.mark) or "0",
                "index_price": one.price(one.index) or "0",
                "funding_rate": one.rate,
                "funding_rate_indicative": one.rate,
                "funding_next_apply": one.next_at // 1000,
                "position_size": int(one.contracts),
            }
    return Answer(as_json(rows))


def _okx_rates(exchange: Exchange, query: Query, now: Instant) -> Answer:
    """The next settlement of one contract, or of all (``ANY``), and the one after it."""
    wire = query.get("instId", "")
    found = list(_contracts(exchange, "okx", now, None if wire == "ANY" else wire))
    if not found:
        raise Refusal(okx.error(_OKX_UNKNOWN, "Instrument ID, Instrument ID code, or Spread ID doesn't exist."))
    printed = [
        {
            "instType": "SWAP",
            "instId": one.listing.wire,
            "method": "current_period",
            "fundingRate": one.rate,
            "fundingTime": str(one.next_at),
            "nextFundingRate": "",
            "nextFundingTime": str(after),
            "ts": str(now),
        }
        for one in found
        if (after := _after(exchange, one)) is not None
    ]
    return Answer(as_json({"code": "0", "data": printed, "msg": ""}))


def _after(exchange: Exchange, one: _Now) -> int | None:
    """When the settlement after the next one is."""
    recorded = exchange.recorded_funding.get(one.listing.market)
    first, end = one.next_at + 1, one.next_at + 2 * LONGEST * HOUR
    rows = funding.scheduled(one.listing, first, end).at if recorded is None else recorded.at
    later = rows[(rows >= first) & (rows < end)]
    return int(later[0]) if len(later) else None


def _okx_marks(exchange: Exchange, query: Query, now: Instant) -> Answer:
    return _swaps(exchange, query, now, lambda one: {"markPx": one.price(one.mark)})


def _okx_open_interest(exchange: Exchange, query: Query, now: Instant) -> Answer:
    def told(one: _Now) -> dict[str, str]:
        base = one.contracts * one.listing.contract_size
        return {"oi": f"{one.contracts:f}", "oiCcy": f"{base:f}", "oiUsd": f"{one.worth:f}"}

    return _swaps(exchange, query, now, told)


def _swaps(exchange: Exchange, query: Query, now: Instant, told: Callable[[_Now], dict[str, str]]) -> Answer:
    if query.get("instType") != "SWAP":
        raise Refusal(okx.error(_OKX_BAD, "Parameter instType error", 400))
    live = (one for one in _contracts(exchange, "okx", now, query.get("instId")) if one.mark is not None)
    data = [{"instType": "SWAP", "instId": one.listing.wire, **told(one), "ts": str(now)} for one in live]
    return Answer(as_json({"code": "0", "data": data, "msg": ""}))


_HANDLERS: dict[str, Callable[[Exchange, Query, Instant], Answer]] = {
    "/fapi/v1/premiumIndex": _premium_index,
    "/v5/market/tickers": _tickers,
    "/api/v5/public/funding-rate": _okx_rates,
    "/api/v5/public/mark-price": _okx_marks,
    "/api/v5/public/open-interest": _okx_open_interest,
}
