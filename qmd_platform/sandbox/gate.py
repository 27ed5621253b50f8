"""Gate v4 on the wire: spot and perpetuals (``/api/v4``); delivery, options and margin list nothing.

What lives here: parameters, limits, errors, rows and instrument lists as Gate writes them. What does not: which
candles there are (``exchange``). Source: gate.com/docs/developers/apiv4, read through ccxt 4.5.

Facts: times in seconds; ``from`` and ``to`` both inclusive by open time; 100 rows unless asked, at most 1000
points (spot) or 2000 (perpetuals), more is an error; ``limit`` together with ``from`` is an error. Spot rows are
lists of text ``[time, quote volume, close, high, low, open, base volume, closed]``; perpetual rows are objects
with a whole number of contracts ``v``. Oldest first.
"""

from collections.abc import Callable

import numpy as np

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.exchange import (
    FOREVER,
    Answer,
    Ask,
    Exchange,
    Query,
    Refusal,
    Rows,
    answered,
    as_json,
)
from qmd_platform.sandbox.funding import current_hours
from qmd_platform.sandbox.parameters import whole
from qmd_platform.sandbox.text import Cells, Figures, plain, rows_of
from qmd_platform.sandbox.universe import Listing

NAME = "gate"
PREFIXES = ("/api/v4/",)
"""Where the paths of this venue begin."""
_DEFAULT_LIMIT = 100
_MOST_SPOT = 1000
_MOST_PERPETUAL = 2000
_OF_CURRENCIES = ("delisted", "withdraw_disabled", "withdraw_delayed", "deposit_disabled", "trade_disabled")
_INTERVALS = {t: Timeframe(t) for t in ("1m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "1d")}


def answer(exchange: Exchange, path: str, query: Query, now: Instant) -> Answer | None:
    """What Gate answers; None where ``path`` is not one of its paths."""
    rest = path.removeprefix("/api/v4")
    if handler := _HANDLERS.get(rest):
        return handler(exchange, query, now)
    _, group, *names = rest.split("/")
    if group == "futures" and len(names) == 2:  # noqa: PLR2004 - /futures/<settle>/<what>
        settle, what = names
        if what == "contracts":
            return _contracts(exchange, settle, now)
        if what == "candlesticks":
            return _perpetual_candles(exchange, settle, query, now)
    if group == "delivery" and names[1:] == ["contracts"]:
        return Answer(b"[]")
    return None


def error(label: str, message: str, status: int = 400) -> Answer:
    """Gate's error shape."""
    return Answer(as_json({"label": label, "message": message}), status)


def throttled() -> bytes:
    """The body of a 429."""
    return error("TOO_MANY_REQUESTS", "Request Rate limit Exceeded").body


def broken() -> bytes:
    """The body of a 5xx."""
    return error("SERVER_ERROR", "Internal server error").body


def _nothing(exchange: Exchange, query: Query, now: Instant) -> Answer:
    return Answer(b"[]")


def _time(exchange: Exchange, query: Query, now: Instant) -> Answer:
    return Answer(as_json({"server_time": now}))


def _currencies(exchange: Exchange, query: Query, now: Instant) -> Answer:
    spot = exchange.listings(NAME, now, spot=True)
    names = sorted({name for listing in spot for name in (listing.base, listing.quote)})
    facts = {**dict.fromkeys(_OF_CURRENCIES, False), "chains": []}
    return Answer(as_json([{"currency": name, "name": name, "chain": name, **facts} for name in names]))


def _pairs(exchange: Exchange, query: Query, now: Instant) -> Answer:
    return Answer(as_json([_pair(listing, now) for listing in exchange.listings(NAME, now, spot=True)]))


def _pair(listing: Listing, now: Instant) -> dict[str, object]:
    return {
        "id": listing.wire,
        "base": listing.base,
        "base_name": listing.base,
        "quote": listing.quote,
        "quote_name": listing.quote,
        "fee": "0.2",
        "min_base_amount": listing.lot,
        "min_quote_amount": "1",
        "amount_precision": listing.lot_digits,
        "precision": listing.tick_digits,
        "trade_status": "untradable" if listing.events.is_delisted(now) else "tradable",
        "delisting_time": (listing.events.delisted_at or 0) // 1000,
        "sell_start": 0,
        "buy_start": listing.listed_at // 1000,
        "type": "normal",
    }


def _contracts(exchange: Exchange, settle: str, now: Instant) -> Answer:
    listed = exchange.listings(NAME, now, spot=False)
    mine = [(one, exchange.recorded_funding.get(one.market)) for one in listed if one.settle.lower() == settle]
    return Answer(as_json([_contract(one, now, current_hours(one.market, now, recorded)) for one, recorded in mine]))


def _contract(listing: Listing, now: Instant, hours: int) -> dict[str, object]:
    listed = listing.listed_at // 1000
    is_delisted = listing.events.is_delisted(now)
    return {
        "name": listing.wire,
        "type": "direct",
        "quanto_multiplier": plain(listing.contract_size),
        "mark_type": "index",
        "last_price": "1",
        "mark_price": "1",
        "index_price": "1",
        "order_price_round": listing.tick,
        "mark_price_round": listing.tick,
        "order_price_deviate": "0.5",
        "order_size_min": 1,
        "order_size_max": 1000000,
        "enable_decimal": False,
        "leverage_min": "1",
        "leverage_max": "100",
        "maintenance_rate": "0.005",
        "maker_fee_rate": "-0.0001",
        "taker_fee_rate": "0.00075",
        "funding_interval": hours * 3600,
        "funding_rate": "0.0001",
        "in_delisting": is_delisted,
        "delisted_time": (listing.events.delisted_at or 0) // 1000,
        "status": "delisted" if is_delisted else "trading",
        "create_time": listed,
        "launch_time": listed,
        "contract_type": "",
    }


def _spot_candles(exchange: Exchange, query: Query, now: Instant) -> Answer:
    wire = query.get("currency_pair", "")
    listing = exchange.listing(NAME, wire, "")
    if listing is None:
        raise Refusal(error("INVALID_CURRENCY_PAIR", f"Invalid currency pair {wire}"))
    ask = _asked(exchange, listing, query, now)
    rows = exchange.candles(ask, now)
    closed = np.where(rows.open_at + ask.timeframe.step <= now, b"true", b"false").astype("S5")
    cells = [rows.quote, rows.close, rows.high, rows.low, rows.open, rows.volume]
    parts: list[bytes | Cells] = [b'["', Figures(rows.open_at // 1000).cells()]
    for column in cells:
        parts += [b'","', column.cells()]
    parts += [b'","', closed.view(np.uint8).reshape(len(rows), 5), b'"],']
    return answered(ask, rows, b"[" + rows_of(parts, len(rows))[:-1] + b"]", now)


def _perpetual_candles(exchange: Exchange, settle: str, query: Query, now: Instant) -> Answer:
    wire = query.get("contract", "")
    listing = exchange.listing(NAME, wire, settle)
    if listing is None:
        raise Refusal(error("CONTRACT_NOT_FOUND", f"contract {wire} not found"))
    ask = _asked(exchange, listing, query, now)
    rows = exchange.candles(ask, now)
    parts: list[bytes | Cells] = [b'{"t":', Figures(rows.open_at // 1000).cells(), b',"v":', rows.volume.cells()]
    for name, column in zip(b"chlo", (rows.close, rows.high, rows.low, rows.open), strict=True):
        parts += [b',"%c":"' % name, column.cells(), b'"']
    parts += [b',"sum":"', _in_quote(rows, listing), b'"},']
    return answered(ask, rows, b"[" + rows_of(parts, len(rows))[:-1] + b"]", now)


def _in_quote(rows: Rows, listing: Listing) -> Cells:
    """Quote volume: price times contracts times coins in a contract."""
    if not isinstance(rows.quote, Figures):
        return rows.quote.cells()
    size = listing.contract_size
    exponent = int(size.as_tuple().exponent)
    scaled = Figures(rows.quote.values * int(size.scaleb(-exponent)), rows.quote.digits - exponent)
    return scaled.cells()


def _asked(exchange: Exchange, listing: Listing, query: Query, now: Instant) -> Ask:
    most = _MOST_SPOT if listing.is_spot else _MOST_PERPETUAL
    interval = query.get("interval", "30m")
    timeframe = exchange.timeframe(listing, interval, _INTERVALS)
    if timeframe is None:
        raise Refusal(error("INVALID_PARAM_VALUE", f"Invalid interval {interval}"))
    start, last, limit = (_whole(query, name) for name in ("from", "to", "limit"))
    if start is not None and limit is not None:
        raise Refusal(error("INVALID_PARAM_VALUE", "limit conflicts with from and to"))
    if limit is not None and not 0 < limit <= most:
        raise Refusal(error("INVALID_PARAM_VALUE", f"limit must be between 1 and {most}"))
    end = None if last is None else last * 1000 + 1
    ask = Ask(
        listing,
        timeframe,
        0 if start is None else start * 1000,
        FOREVER if end is None else end,
        most if start is not None else limit or _DEFAULT_LIMIT,
        newest=start is None,
        given=(None if start is None else start * 1000, end),
    )
    if start is not None:
        _check_points(ask, now, exchange.gate_history_points)
    return ask


def _check_points(ask: Ask, now: Instant, history: int | None) -> None:
    """Refuse a window of more points than one answer may have, or older than the ``history`` Gate serves."""
    step = ask.timeframe.step
    if (min(ask.end - 1, now) - ask.start) // step + 1 > ask.limit:
        message = f"Too many data points requested. Maximum {ask.limit} points are allowed"
        raise Refusal(error("INVALID_PARAM_VALUE", message))
    if history is not None and ask.start < now - history * step:
        message = f"Candlestick too long ago. Maximum {history} points ago are allowed"
        raise Refusal(error("INVALID_PARAM_VALUE", message))


def _whole(query: Query, name: str) -> int | None:
    return whole(query, name, error("INVALID_PARAM_VALUE", f"invalid argument: {name}"))


_HANDLERS: dict[str, Callable[[Exchange, Query, Instant], Answer]] = {
    "/spot/time": _time,
    "/spot/currencies": _currencies,
    "/spot/currency_pairs": _pairs,
    "/spot/candlesticks": _spot_candles,
    "/margin/currency_pairs": _nothing,
    "/options/underlyings": _nothing,
    "/options/contracts": _nothing,
}
