"""Candles of mark, index and premium on the wire: Binance, Bybit, Gate and OKX.

What lives here: parameters, limits, errors and rows as these venues write them. What does not: which candles there are
(``reference``), Bitfinex, which has snapshots only (``derivatives``). Sources: the venues' documentation and client libraries,
read through ccxt 4.5 and on 2026-11-21.

| venue | path | rows | window | limit |
|---|---|---|---|---|
| Binance | ``/fapi/v1/markPriceKlines``, ``indexPriceKlines`` (``pair``), ``premiumIndexKlines`` | 12 elements as of candles, most of them "0", oldest first | as of candles | 500, at most 1500 |
| Bybit | ``/v5/market/mark-price-kline``, ``index-price-kline``, ``premium-index-price-kline`` | five texts, newest first | as of candles | 200, at most 1000 |
| Gate | ``/futures/(settle)/candlesticks`` with ``mark_`` or ``index_`` before the contract, ``premium_index`` | objects without volume, oldest first | ``from`` and ``to`` in s | 100, at most 2000 points, of the premium 1000 |
| OKX | ``/market/history-mark-price-candles``, ``history-index-candles`` (named after the coins) | six texts, newest first | newer than ``before``, older than ``after`` | 100, at most 100 |

Only candles of an hour are played.
"""

from collections.abc import Callable
from dataclasses import dataclass

from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.model.window import Instant
from qmd_platform.sandbox import binance, bybit, gate, okx
from qmd_platform.sandbox.exchange import FOREVER, Answer, Exchange, Query, Refusal, as_json
from qmd_platform.sandbox.parameters import at_most, whole
from qmd_platform.sandbox.reference import Figured, figured
from qmd_platform.sandbox.universe import Listing

_GATE_MOST = {Reference.MARK: 2000, Reference.INDEX: 2000, Reference.PREMIUM: 1000}
_BINANCE_DEFAULT, _BINANCE_MOST = 500, 1500
_BYBIT_DEFAULT, _BYBIT_MOST = 200, 1000
_OKX_MOST, _GATE_DEFAULT = 100, 100
_BINANCE_SYMBOL, _BINANCE_TEXT, _BINANCE_INTERVAL, _BINANCE_BAD = -1121, -1100, -1120, -1130
_BYBIT_BAD, _OKX_BAD, _OKX_UNKNOWN = 10001, 51000, 51001


@dataclass(frozen=True, slots=True)
class _Asked:
    """Hours of ``listing`` with ``first <= open_at < end``: the newest ``limit`` of them, or the oldest."""

    listing: Listing
    wanted: Reference
    first: Instant
    end: Instant
    limit: int
    newest: bool

    def found(self, exchange: Exchange, now: Instant) -> Figured:
        """The candles that are shown at ``now``, oldest first; none where the contract is replayed."""
        step, since = STEP.step, self.listing.listed_at // STEP.step * STEP.step
        first, end = max(-(-self.first // step) * step, since), min(self.end, now // step * step + step)
        if self.newest:
            first = max(first, end - (self.limit + 1) * step)
        else:
            end = min(end, first + self.limit * step)
        if self.listing.market in exchange.replayed:
            end = first
        rows = figured(self.listing, self.wanted, first, max(first, end), now)
        return rows.take(slice(-self.limit, None) if self.newest else slice(self.limit))


def answer(exchange: Exchange, path: str, query: Query, now: Instant) -> Answer | None:
    """The answer about mark, index or premium; None where it is not about them."""
    if path in _HANDLERS:
        handler, wanted = _HANDLERS[path]
        return handler(exchange, wanted, query, now)
    asked = _of_gate(path, query)
    return None if asked is None else _gate(exchange, asked, query, now)


def has_rows(path: str) -> bool:
    """Whether ``path`` is for such candles only."""
    return path in _HANDLERS or path.endswith("/premium_index")


def _of_gate(path: str, query: Query) -> tuple[str, str, Reference] | None:
    """Settlement coin, contract and what is asked of it, where that is not traded candles."""
    settle, _, what = path.removeprefix("/api/v4/futures/").partition("/")
    contract = query.get("contract", "")
    if path != f"/api/v4/futures/{settle}/{what}":
        return None
    if what == "premium_index":
        return settle, contract, Reference.PREMIUM
    if what == "candlesticks":
        for wanted in (Reference.MARK, Reference.INDEX):
            if contract.startswith(f"{wanted.value}_"):
                return settle, contract.removeprefix(f"{wanted.value}_"), wanted
    return None


def _texts(rows: Figured) -> list[tuple[int, str, str, str, str]]:
    """Each candle's open time, open, high, low and close as printed."""
    columns = (
        [f"{value / 10**rows.digits:.{rows.digits}f}" for value in column.tolist()]
        for column in (rows.open, rows.high, rows.low, rows.close)
    )
    return list(zip(rows.open_at.tolist(), *columns, strict=True))


def _binance(exchange: Exchange, wanted: Reference, query: Query, now: Instant) -> Answer:
    name = query.get("pair" if wanted is Reference.INDEX else "symbol", "")
    listing = exchange.listing("binance", name, "USDT", "USDC")
    if listing is None:
        raise Refusal(binance.error(_BINANCE_SYMBOL, "Invalid symbol."))
    if query.get("interval") != STEP.value:
        raise Refusal(binance.error(_BINANCE_INTERVAL, "Invalid interval."))
    bad = binance.error(_BINANCE_TEXT, "Illegal characters found in a parameter.")
    start, last, limit = (whole(query, each, bad) for each in ("startTime", "endTime", "limit"))
    bad = binance.error(_BINANCE_BAD, "Data sent for parameter 'limit' is not valid.")
    limit = at_most(limit, _BINANCE_DEFAULT, _BINANCE_MOST, bad)
    end = FOREVER if last is None else last + 1
    rows = _Asked(listing, wanted, start or 0, end, limit, newest=start is None).found(exchange, now)
    printed = [[at, *prices, "0", at + STEP.step - 1, "0", 3600, "0", "0", "0"] for at, *prices in _texts(rows)]
    return Answer(as_json(printed), rows=len(printed))


def _bybit(exchange: Exchange, wanted: Reference, query: Query, now: Instant) -> Answer:
    if query.get("category", "linear") != "linear":
        raise Refusal(bybit.error(_BYBIT_BAD, "params error: Category is invalid", now))
    listing = exchange.listing("bybit", query.get("symbol", ""), "USDT")
    if listing is None:
        raise Refusal(bybit.error(_BYBIT_BAD, "params error: Symbol Invalid", now))
    if query.get("interval") != "60":
        raise Refusal(bybit.error(_BYBIT_BAD, "Invalid period!", now))
    bad = bybit.error(_BYBIT_BAD, "params error: time or limit invalid", now)
    start, last, limit = (whole(query, each, bad) for each in ("start", "end", "limit"))
    limit = at_most(limit, _BYBIT_DEFAULT, _BYBIT_MOST, bad)
    first = (start or 0) // STEP.step * STEP.step
    end = FOREVER if last is None else last + 1
    newest = start is None or last is not None
    rows = _Asked(listing, wanted, first, end, limit, newest=newest).found(exchange, now)
    printed = [[str(at), *prices] for at, *prices in _texts(rows)]
    result = {"symbol": listing.wire, "category": "linear", "list": printed[::-1]}
    body = {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now}
    return Answer(as_json(body), rows=len(printed))


def _okx(exchange: Exchange, wanted: Reference, query: Query, now: Instant) -> Answer:
    name = query.get("instId", "")
    listing = exchange.listing("okx", f"{name}-SWAP" if wanted is Reference.INDEX else name, "USDT")
    if listing is None:
        raise Refusal(okx.error(_OKX_UNKNOWN, "Instrument ID, Instrument ID code, or Spread ID doesn't exist."))
    if query.get("bar") != "1H":
        raise Refusal(okx.error(_OKX_BAD, "Parameter bar error", 400))
    bad = okx.error(_OKX_BAD, "Parameter before, after or limit error", 400)
    before, after, limit = (whole(query, each, bad) for each in ("before", "after", "limit"))
    limit = at_most(limit, _OKX_MOST, _OKX_MOST, bad)
    end = FOREVER if after is None else after
    rows = _Asked(listing, wanted, 0 if before is None else before + 1, end, limit, newest=True).found(exchange, now)
    printed = [[str(at), *prices, str(int(at + STEP.step <= now))] for at, *prices in _texts(rows)]
    return Answer(as_json({"code": "0", "msg": "", "data": printed[::-1]}), rows=len(printed))


def _gate(exchange: Exchange, asked: tuple[str, str, Reference], query: Query, now: Instant) -> Answer:
    settle, contract, wanted = asked
    listing = exchange.listing("gate", contract, settle)
    if listing is None:
        raise Refusal(gate.error("CONTRACT_NOT_FOUND", f"contract {contract} not found"))
    if query.get("interval", "5m") != STEP.value:
        raise Refusal(gate.error("INVALID_PARAM_VALUE", f"Invalid interval {query.get('interval')}"))
    bad = gate.error("INVALID_PARAM_VALUE", "invalid argument: from, to or limit")
    start, last, limit = (whole(query, each, bad) for each in ("from", "to", "limit"))
    if start is not None and limit is not None:
        raise Refusal(gate.error("INVALID_PARAM_VALUE", "limit conflicts with from and to"))
    most = _GATE_MOST[wanted]
    limit = most if start is not None else at_most(limit, _GATE_DEFAULT, most, bad)
    end = FOREVER if last is None else last * 1000 + 1
    first = (start or 0) * 1000
    if start is not None:
        _check_points(exchange, first, end, most, now)
    rows = _Asked(listing, wanted, first, end, limit, newest=start is None).found(exchange, now)
    printed = [{"t": at // 1000, "c": c, "h": h, "l": low, "o": o} for at, o, h, low, c in _texts(rows)]
    return Answer(as_json(printed), rows=len(printed))


def _check_points(exchange: Exchange, first: Instant, end: Instant, most: int, now: Instant) -> None:
    step, history = STEP.step, exchange.gate_history_points
    if (min(end - 1, now) - first) // step + 1 > most:
        message = f"Too many data points requested. Maximum {most} points are allowed"
        raise Refusal(gate.error("INVALID_PARAM_VALUE", message))
    if history is not None and first < now - history * step:
        message = f"Candlestick too long ago. Maximum {history} points ago are allowed"
        raise Refusal(gate.error("INVALID_PARAM_VALUE", message))


_Handler = Callable[[Exchange, Reference, Query, Instant], Answer]
_HANDLERS: dict[str, tuple[_Handler, Reference]] = {
    "/fapi/v1/markPriceKlines": (_binance, Reference.MARK),
    "/fapi/v1/indexPriceKlines": (_binance, Reference.INDEX),
    "/fapi/v1/premiumIndexKlines": (_binance, Reference.PREMIUM),
    "/v5/market/mark-price-kline": (_bybit, Reference.MARK),
    "/v5/market/index-price-kline": (_bybit, Reference.INDEX),
    "/v5/market/premium-index-price-kline": (_bybit, Reference.PREMIUM),
    "/api/v5/market/history-mark-price-candles": (_okx, Reference.MARK),
    "/api/v5/market/history-index-candles": (_okx, Reference.INDEX),
}
