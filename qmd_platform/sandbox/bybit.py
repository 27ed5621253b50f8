"""Bybit v5 on the wire: spot and perpetuals settled in USDT; inverse contracts and options list nothing.

What lives here: parameters, limits, errors, rows and instrument lists as Bybit writes them. What does not: which candles
there are (``exchange``). Source: bybit-exchange.github.io/docs/v5, read through ccxt 4.5.

Facts: every answer is ``{"retCode", "retMsg", "result", "retExtInfo", "time"}`` with status 200, retCode 0 when all is
well; rows are seven texts, newest first; ``start`` and ``end`` both inclusive by open time, and a ``start`` inside a candle
means that candle; 200 rows unless asked, at most 1000; instruments of contracts come in pages with a cursor.
"""

from collections.abc import Callable

import msgspec

from qmd_platform.model.timeframe import MINUTE, Timeframe
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
from qmd_platform.sandbox.long import long_rows, months
from qmd_platform.sandbox.parameters import whole
from qmd_platform.sandbox.text import Cells, Figures, rows_of
from qmd_platform.sandbox.universe import Listing

NAME = "bybit"
PREFIXES = ("/v5/",)
"""Where the paths of this venue begin."""
_DEFAULT_LIMIT = 200
_MOST = 1000
_DEFAULT_LISTED = 500
_MONTH = "M"
_SETTLES = {"spot": ("",), "linear": ("USDT",), "inverse": (), "option": ()}
_MINUTES = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h")
_INTERVALS = {**{str(Timeframe(t).step // MINUTE): Timeframe(t) for t in _MINUTES}, "D": Timeframe.D1}
_BAD_PARAMETER = 10001


def answer(exchange: Exchange, path: str, query: Query, now: Instant) -> Answer | None:
    """What Bybit answers; None where ``path`` is not one of its paths."""
    handler = _HANDLERS.get(path.removeprefix("/v5/market"))
    return handler(exchange, query, now) if handler else None


def error(code: int, message: str, now: Instant = 0) -> Answer:
    """Bybit's error shape."""
    return Answer(as_json({"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": now}))


def throttled() -> bytes:
    """The body of a refusal for speed."""
    return error(10006, "Too many visits!").body


def broken() -> bytes:
    """The body of a 5xx."""
    return error(10016, "System error. Please try again later.").body


def _well(result: object, now: Instant) -> Answer:
    return Answer(as_json({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now}))


def _time(exchange: Exchange, query: Query, now: Instant) -> Answer:
    return _well({"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)}, now)


def _instruments(exchange: Exchange, query: Query, now: Instant) -> Answer:
    category = _category(query, now)
    is_spot = category == "spot"
    listed = exchange.listings(NAME, now, spot=is_spot) if _SETTLES[category] else []
    if query.get("status", "Trading") != "Trading":
        listed = []
    listed = [one for one in listed if query.get("symbol") in {None, one.wire}]
    if is_spot:  # in one page, whatever is asked
        return _well({"category": category, "list": [_pair(one) for one in listed]}, now)
    limit, first = _whole(query, "limit", now), _whole(query, "cursor", now) or 0
    limit = _DEFAULT_LISTED if limit is None else limit
    if not 0 < limit <= _MOST:
        raise Refusal(error(_BAD_PARAMETER, "params error: limit invalid", now))
    last = first + limit
    recorded = exchange.recorded_funding
    page = [_contract(one, current_hours(one.market, now, recorded.get(one.market))) for one in listed[first:last]]
    return _well({"category": category, "list": page, "nextPageCursor": str(last) if last < len(listed) else ""}, now)


def _pair(listing: Listing) -> dict[str, object]:
    return {
        "symbol": listing.wire,
        "baseCoin": listing.base,
        "quoteCoin": listing.quote,
        "innovation": "0",
        "status": "Trading",
        "marginTrading": "none",
        "lotSizeFilter": {"basePrecision": listing.lot, "quotePrecision": "0.00000001", "minOrderQty": listing.lot},
        "priceFilter": {"tickSize": listing.tick},
    }


def _contract(listing: Listing, hours: int) -> dict[str, object]:
    return {
        "symbol": listing.wire,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": listing.base,
        "quoteCoin": listing.quote,
        "settleCoin": listing.settle,
        "launchTime": str(listing.listed_at),
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(listing.tick_digits),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": listing.tick, "maxPrice": "1999999.80", "tickSize": listing.tick},
        "lotSizeFilter": {"maxOrderQty": "1000000", "minOrderQty": listing.lot, "qtyStep": listing.lot},
        "unifiedMarginTrade": True,
        "fundingInterval": hours * 60,
    }


def _candles(exchange: Exchange, query: Query, now: Instant) -> Answer:
    category = _category(query, now)
    listing = exchange.listing(NAME, query.get("symbol", ""), *_SETTLES[category])
    if listing is None:
        raise Refusal(error(_BAD_PARAMETER, "params error: Symbol Invalid", now))
    limit = _whole(query, "limit", now)
    limit = _DEFAULT_LIMIT if limit is None else limit
    if not 0 < limit <= _MOST:
        raise Refusal(error(_BAD_PARAMETER, "params error: limit invalid", now))
    if query.get("interval") == _MONTH:
        rows = long_rows(exchange, listing, months, limit, now).take(slice(None, None, -1))
        return Answer(_printed(category, listing, rows, now))
    timeframe = exchange.timeframe(listing, query.get("interval", ""), _INTERVALS)
    if timeframe is None:
        raise Refusal(error(_BAD_PARAMETER, "Invalid period!", now))
    start, end = _whole(query, "start", now), _whole(query, "end", now)
    if start is not None:
        start = start // timeframe.step * timeframe.step
    end = None if end is None else end + 1
    ask = Ask(
        listing,
        timeframe,
        start or 0,
        FOREVER if end is None else end,
        limit,
        newest=start is None or end is not None,
        descending=True,
        given=(start, end),
    )
    rows = exchange.candles(ask, now)
    return answered(ask, rows, _printed(category, listing, rows, now), now)


def _printed(category: str, listing: Listing, rows: Rows, now: Instant) -> bytes:
    parts: list[bytes | Cells] = [b'["', Figures(rows.open_at).cells()]
    for column in (rows.open, rows.high, rows.low, rows.close, rows.volume, rows.quote):
        parts += [b'","', column.cells(trim=True)]
    printed = b"[" + rows_of([*parts, b'"],'], len(rows))[:-1] + b"]"
    return _well({"category": category, "symbol": listing.wire, "list": msgspec.Raw(printed)}, now).body


def _category(query: Query, now: Instant) -> str:
    category = query.get("category", "linear")
    if category not in _SETTLES:
        raise Refusal(error(_BAD_PARAMETER, "params error: Category is invalid", now))
    return category


def _whole(query: Query, name: str, now: Instant) -> int | None:
    return whole(query, name, error(_BAD_PARAMETER, f"params error: {name} invalid", now))


_HANDLERS: dict[str, Callable[[Exchange, Query, Instant], Answer]] = {
    "/time": _time,
    "/instruments-info": _instruments,
    "/kline": _candles,
}
