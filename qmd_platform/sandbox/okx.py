"""OKX v5 on the wire: spot and perpetuals settled in USDT; futures and options list nothing.

What lives here: parameters, limits, errors, rows and instrument lists as OKX writes them. What does not: which candles
there are (``exchange``). Source: okx.com/docs-v5, read through ccxt 4.5.

Facts: every answer is ``{"code", "msg", "data"}``, code "0" when all is well; rows are nine texts, newest first;
``before`` asks for newer and ``after`` for older ones, neither of them equal; 100 rows unless asked, at most 300;
``candles`` reaches back 1440 candles, ``history-candles`` to the listing. Candles of 6 hours and more open by Hong Kong's
clock unless their name ends in ``utc``, and those are not played here.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

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
from qmd_platform.sandbox.long import long_rows, months
from qmd_platform.sandbox.parameters import whole
from qmd_platform.sandbox.text import Cells, Figures, plain, rows_of, scaled
from qmd_platform.sandbox.universe import Listing

NAME = "okx"
PREFIXES = ("/api/v5/",)
"""Where the paths of this venue begin."""
_DEFAULT_LIMIT = 100
_MOST = 300
_RECENT = 1440
_MONTH = "1Mutc"
_INTERVALS = {
    **{t: Timeframe(t) for t in ("1m", "3m", "5m", "15m", "30m")},
    **{t.upper(): Timeframe(t) for t in ("1h", "2h", "4h")},
    **{f"{t.upper()}utc": Timeframe(t) for t in ("6h", "12h", "1d")},
}
_BAD_PARAMETER, _NO_INSTRUMENT = 51000, 51001


def answer(exchange: Exchange, path: str, query: Query, now: Instant) -> Answer | None:
    """What OKX answers; None where ``path`` is not one of its paths."""
    handler = _HANDLERS.get(path.removeprefix("/api/v5"))
    return handler(exchange, query, now) if handler else None


def error(code: int, message: str, status: int = 200) -> Answer:
    """OKX's error shape."""
    return Answer(as_json({"code": str(code), "msg": message, "data": []}), status)


def throttled() -> bytes:
    """The body of a 429."""
    return error(50011, "Too Many Requests").body


def broken() -> bytes:
    """The body of a 5xx."""
    return error(50001, "Service temporarily unavailable. Please try again later").body


def _well(data: object) -> Answer:
    return Answer(as_json({"code": "0", "data": data, "msg": ""}))


def _time(exchange: Exchange, query: Query, now: Instant) -> Answer:
    return _well([{"ts": str(now)}])


def _instruments(exchange: Exchange, query: Query, now: Instant) -> Answer:
    kind = query.get("instType", "")
    if kind not in {"SPOT", "SWAP", "FUTURES", "OPTION"}:
        raise Refusal(error(_BAD_PARAMETER, "Parameter instType error", 400))
    is_spot = kind == "SPOT"
    listed = exchange.listings(NAME, now, spot=is_spot) if kind in {"SPOT", "SWAP"} else []
    wanted = query.get("instId")
    return _well([_instrument(listing) for listing in listed if wanted in {None, listing.wire}])


def _instrument(listing: Listing) -> dict[str, str]:
    spot = listing.is_spot
    return {
        "instType": "SPOT" if spot else "SWAP",
        "instId": listing.wire,
        "instFamily": "" if spot else f"{listing.base}-{listing.quote}",
        "uly": "" if spot else f"{listing.base}-{listing.quote}",
        "baseCcy": listing.base if spot else "",
        "quoteCcy": listing.quote if spot else "",
        "settleCcy": listing.settle,
        "ctVal": "" if spot else plain(listing.contract_size),
        "ctMult": "" if spot else "1",
        "ctValCcy": "" if spot else listing.base,
        "ctType": "" if spot else "linear",
        "listTime": str(listing.listed_at),
        "expTime": "",
        "lever": "10",
        "tickSz": listing.tick,
        "lotSz": listing.lot,
        "minSz": listing.lot,
        "state": "live",
    }


def _history(exchange: Exchange, query: Query, now: Instant) -> Answer:
    return _candles(exchange, query, now, 0)


def _recent(exchange: Exchange, query: Query, now: Instant) -> Answer:
    return _candles(exchange, query, now, _RECENT)


def _candles(exchange: Exchange, query: Query, now: Instant, reach: int) -> Answer:
    """The candles asked for, of the newest ``reach`` ones; of all where that is 0."""
    wire = query.get("instId", "")
    listing = exchange.listing(NAME, wire, "", "USDT")
    if listing is None:
        raise Refusal(error(_NO_INSTRUMENT, "Instrument ID, Instrument ID code, or Spread ID doesn't exist."))
    limit = _limit(query)
    if query.get("bar") == _MONTH:
        rows = long_rows(exchange, listing, months, limit, now).take(slice(None, None, -1))
        return Answer(_printed(listing, rows, np.ones(len(rows), np.int64)))
    timeframe = exchange.timeframe(listing, query.get("bar", "1m"), _INTERVALS)
    if timeframe is None:
        raise Refusal(error(_BAD_PARAMETER, "Parameter bar error", 400))
    ask = _asked(listing, timeframe, query, limit)
    if reach:
        oldest = (now // timeframe.step - reach + 1) * timeframe.step
        ask = replace(ask, start=max(ask.start, oldest))
    rows = exchange.candles(ask, now)
    closed = (rows.open_at + timeframe.step <= now).astype(np.int64)
    return answered(ask, rows, _printed(listing, rows, closed), now)


def _asked(listing: Listing, timeframe: Timeframe, query: Query, limit: int) -> Ask:
    before, after = _whole(query, "before"), _whole(query, "after")
    start = None if before is None else before + 1
    return Ask(
        listing,
        timeframe,
        start or 0,
        FOREVER if after is None else after,
        limit,
        newest=True,
        descending=True,
        given=(start, after),
    )


def _printed(listing: Listing, rows: Rows, closed: NDArray[np.int64]) -> bytes:
    size = Decimal(1) if listing.is_spot else listing.contract_size
    quote = scaled(rows.quote, size)
    # Spot counts base coins, then quote coins twice; a perpetual contracts, base coins and quote coins.
    volumes = [rows.volume, quote, quote] if listing.is_spot else [rows.volume, scaled(rows.volume, size), quote]
    parts: list[bytes | Cells] = [b'["', Figures(rows.open_at).cells()]
    for column in (rows.open, rows.high, rows.low, rows.close, *volumes):
        parts += [b'","', column.cells(trim=True)]
    parts += [b'","', Figures(closed).cells(), b'"],']
    return b'{"code":"0","msg":"","data":[' + rows_of(parts, len(rows))[:-1] + b"]}"


def _limit(query: Query) -> int:
    limit = _whole(query, "limit")
    limit = _DEFAULT_LIMIT if limit is None else limit
    if not 0 < limit <= _MOST:
        raise Refusal(error(_BAD_PARAMETER, "Parameter limit error", 400))
    return limit


def _whole(query: Query, name: str) -> int | None:
    return whole(query, name, error(_BAD_PARAMETER, f"Parameter {name} error", 400))


_HANDLERS: dict[str, Callable[[Exchange, Query, Instant], Answer]] = {
    "/public/time": _time,
    "/public/instruments": _instruments,
    "/market/candles": _recent,
    "/market/history-candles": _history,
}
