"""Binance on the wire: spot (``/api/v3``), USD-M (``/fapi/v1``), and a COIN-M that lists nothing (``/dapi/v1``).

What lives here: parameters, limits, errors, rows and instrument lists as Binance writes them. What does not: which
candles there are (``exchange``). Source: developers.binance.com, spot and USD-M REST, read through ccxt 4.5.

Facts: 12 elements a row, numbers as text, oldest first; ``startTime`` and ``endTime`` both inclusive by open time;
500 rows unless asked, at most 1000 (spot) or 1500 (USD-M).
"""

from collections.abc import Callable
from dataclasses import dataclass

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.exchange import (
    FOREVER,
    Answer,
    Ask,
    Exchange,
    Query,
    Refusal,
    answered,
    as_json,
)
from qmd_platform.sandbox.parameters import whole
from qmd_platform.sandbox.text import Cells, Figures, rows_of
from qmd_platform.sandbox.universe import Listing

NAME = "binance"
_DEFAULT_LIMIT = 500


@dataclass(frozen=True, slots=True)
class _Api:
    """One of Binance's APIs. ``settles``: what its markets settle in, "" for spot, nothing where none are listed."""

    prefix: str
    settles: tuple[str, ...]
    most: int


_SPOT = _Api("/api/v3", ("",), 1000)
_USDM = _Api("/fapi/v1", ("USDT", "USDC"), 1500)
_COINM = _Api("/dapi/v1", (), 1500)
PREFIXES = (*(f"{api.prefix}/" for api in (_SPOT, _USDM, _COINM)), "/futures/data/")
"""Where the paths of this venue begin."""

_INTERVALS = {timeframe.value: timeframe for timeframe in Timeframe}


def answer(exchange: Exchange, path: str, query: Query, now: Instant) -> Answer | None:
    """What Binance answers; None where ``path`` is not one of its paths."""
    for api in (_SPOT, _USDM, _COINM):
        if path.startswith(api.prefix + "/"):
            handler = _HANDLERS.get(path.removeprefix(api.prefix))
            return handler(exchange, api, query, now) if handler else None
    return None


def weight(path: str, query: Query) -> int:
    """Request weight as Binance counts it."""
    if path.endswith("/exchangeInfo"):
        return 20 if path.startswith(_SPOT.prefix) else 1
    if path.endswith("/premiumIndex"):
        return 1 if "symbol" in query else 10
    if not path.lower().endswith("klines"):
        return 1
    if path.startswith(_SPOT.prefix):
        return 2
    limit = query.get("limit", "")
    rows = int(limit) if limit.isdecimal() else _DEFAULT_LIMIT
    return next(cost for most, cost in ((99, 1), (499, 2), (1000, 5), (FOREVER, 10)) if rows <= most)


def error(code: int, message: str, status: int = 400) -> Answer:
    """Binance's error shape."""
    return Answer(as_json({"code": code, "msg": message}), status)


def throttled() -> bytes:
    """The body of a 429."""
    return error(-1003, "Too many requests; current limit of IP is 6000 requests per minute.").body


def banned() -> bytes:
    """The body of a 418."""
    return error(-1003, "Way too much request weight used; IP banned. Please use the websocket for live updates.").body


def broken() -> bytes:
    """The body of a 5xx."""
    return error(-1001, "Internal error; unable to process your request. Please try again.").body


def _empty(exchange: Exchange, api: _Api, query: Query, now: Instant) -> Answer:
    return Answer(b"{}")


def _time(exchange: Exchange, api: _Api, query: Query, now: Instant) -> Answer:
    return Answer(as_json({"serverTime": now}))


def _exchange_info(exchange: Exchange, api: _Api, query: Query, now: Instant) -> Answer:
    listed = [one for one in exchange.listings(NAME, now, spot=api is _SPOT) if one.settle in api.settles]
    written = _spot_symbol if api is _SPOT else _contract
    limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}]
    return Answer(
        as_json(
            {
                "timezone": "UTC",
                "serverTime": now,
                "rateLimits": limits,
                "exchangeFilters": [],
                "symbols": [written(listing, now) for listing in _named(listed, query)],
            }
        )
    )


def _named(listed: list[Listing], query: Query) -> list[Listing]:
    """The listings ``symbol`` or ``symbols`` (a JSON list) ask for; all without them."""
    wanted = query.get("symbols") or query.get("symbol")
    if not wanted:
        return listed
    names = {name.strip('"[] ') for name in wanted.split(",")}
    if names - {listing.wire for listing in listed}:
        raise Refusal(error(-1121, "Invalid symbol."))
    return [listing for listing in listed if listing.wire in names]


def _filters(listing: Listing) -> list[dict[str, str]]:
    most = "1000000000"
    return [
        {"filterType": "PRICE_FILTER", "minPrice": listing.tick, "maxPrice": most, "tickSize": listing.tick},
        {"filterType": "LOT_SIZE", "minQty": listing.lot, "maxQty": most, "stepSize": listing.lot},
    ]


def _spot_symbol(listing: Listing, now: Instant) -> dict[str, object]:
    return {
        "symbol": listing.wire,
        "status": "BREAK" if listing.events.is_delisted(now) else "TRADING",
        "baseAsset": listing.base,
        "baseAssetPrecision": 8,
        "quoteAsset": listing.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "icebergAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(listing),
        "permissions": [],
        "permissionSets": [["SPOT"]],
    }


def _contract(listing: Listing, now: Instant) -> dict[str, object]:
    return {
        "symbol": listing.wire,
        "pair": listing.wire,
        "contractType": "PERPETUAL",
        "deliveryDate": listing.events.delisted_at or 4133404800000,
        "onboardDate": listing.listed_at,
        "status": "SETTLING" if listing.events.is_delisted(now) else "TRADING",
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        "marginAsset": listing.settle,
        "pricePrecision": listing.tick_digits,
        "quantityPrecision": listing.lot_digits,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "filters": _filters(listing),
        "orderTypes": ["LIMIT", "MARKET"],
    }


def _candles(exchange: Exchange, api: _Api, query: Query, now: Instant) -> Answer:
    ask = _asked(exchange, api, query)
    rows = exchange.candles(ask, now)
    step = ask.timeframe.step
    parts: list[bytes | Cells] = [b"[", Figures(rows.open_at).cells()]
    for column in (rows.open, rows.high, rows.low, rows.close, rows.volume):
        parts += [b',"', column.cells(), b'"']
    parts += [b",", Figures(rows.open_at + step - 1).cells(), b',"', rows.quote.cells(), b'",', rows.trades.cells()]
    for column in (rows.taker, rows.taker_quote):
        parts += [b',"', column.cells(), b'"']
    printed = rows_of([*parts, b',"0"],'], len(rows))[:-1]
    return answered(ask, rows, b"[" + printed + b"]", now)


def _asked(exchange: Exchange, api: _Api, query: Query) -> Ask:
    listing = _listing(exchange, api, query)
    timeframe = _INTERVALS.get(query.get("interval", ""))
    if timeframe is None:
        raise Refusal(error(-1120, "Invalid interval."))
    start, last = _whole(query, "startTime"), _whole(query, "endTime")
    limit = _whole(query, "limit")
    limit = _DEFAULT_LIMIT if limit is None else limit
    if limit < 1 or (limit > api.most and api is not _SPOT):
        raise Refusal(error(-1130, "Data sent for parameter 'limit' is not valid."))
    end = None if last is None else last + 1
    return Ask(
        listing,
        timeframe,
        start or 0,
        FOREVER if end is None else end,
        min(limit, api.most),
        newest=start is None,
        given=(start, end),
    )


def _listing(exchange: Exchange, api: _Api, query: Query) -> Listing:
    wire = query.get("symbol", "")
    if not wire:
        raise Refusal(error(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."))
    listing = exchange.listing(NAME, wire, *api.settles)
    if listing is None:
        raise Refusal(error(-1121, "Invalid symbol."))
    return listing


def _whole(query: Query, name: str) -> int | None:
    pattern = "'^[0-9]{1,20}$'"
    return whole(
        query, name, error(-1100, f"Illegal characters found in parameter '{name}'; legal range is {pattern}.")
    )


_HANDLERS: dict[str, Callable[[Exchange, _Api, Query, Instant], Answer]] = {
    "/ping": _empty,
    "/time": _time,
    "/exchangeInfo": _exchange_info,
    "/klines": _candles,
}
