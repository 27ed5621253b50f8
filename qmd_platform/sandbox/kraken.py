"""Kraken spot on the wire (``/0/public``). Its futures are another API and are not played.

What lives here: parameters, limits, errors, rows and instrument lists as Kraken writes them. What does not: which candles
there are (``exchange``). Source: docs.kraken.com/api-reference, read through ccxt 4.5.

Facts: every answer is ``{"error": [...], "result": {...}}`` with status 200; rows are eight elements, times in seconds,
oldest first; however early ``since`` is, only the newest 720 candles come, and the one that is forming is always the last
of them. ``since`` itself is not among them. A pair is asked for by any of its three names and answered by the first.
"""

from collections.abc import Callable

import numpy as np

from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox import coins
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
    whole_number,
)
from qmd_platform.sandbox.long import long_rows, weeks
from qmd_platform.sandbox.text import Cells, Figures, rows_of
from qmd_platform.sandbox.universe import Listing

NAME = "kraken"
PREFIXES = ("/0/public/",)
"""Where the paths of this venue begin."""
NEWEST = 720
"""How many candles Kraken serves."""
_WEEK = "10080"
_SPOKEN = ("1m", "5m", "15m", "30m", "1h", "4h", "1d")
_INTERVALS = {str(Timeframe(t).step // MINUTE): Timeframe(t) for t in _SPOKEN}
_BAD_PARAMETER = "EGeneral:Invalid arguments"


def answer(exchange: Exchange, path: str, query: Query, now: Instant) -> Answer | None:
    """What Kraken answers; None where ``path`` is not one of its paths."""
    handler = _HANDLERS.get(path.removeprefix("/0/public"))
    return handler(exchange, query, now) if handler else None


def error(message: str) -> Answer:
    """Kraken's error shape."""
    return Answer(as_json({"error": [message]}))


def throttled() -> bytes:
    """The body of a refusal for speed."""
    return error("EGeneral:Too many requests").body


def broken() -> bytes:
    """The body of a 5xx."""
    return error("EService:Unavailable").body


def _well(result: object) -> Answer:
    return Answer(as_json({"error": [], "result": result}))


def _time(exchange: Exchange, query: Query, now: Instant) -> Answer:
    return _well({"unixtime": now // 1000})


def _pairs(exchange: Exchange, query: Query, now: Instant) -> Answer:
    listed = exchange.listings(NAME, now, spot=True)
    wanted = query.get("pair")
    return _well({one.wire: _pair(one) for one in listed if wanted is None or wanted in _names(one)})


def _assets(exchange: Exchange, query: Query, now: Instant) -> Answer:
    pairs = [_pair(one) for one in exchange.listings(NAME, now, spot=True)]
    names = sorted({str(pair[half]) for pair in pairs for half in ("base", "quote")})
    facts = {"aclass": "currency", "decimals": 10, "display_decimals": 5, "status": "enabled"}
    return _well({name: {"altname": name.removeprefix("X").removeprefix("Z"), **facts} for name in names})


def _names(listing: Listing) -> tuple[str, str, str]:
    """All three names of a pair: XXBTZUSD, XBTUSD, XBT/USD."""
    base = coins.KRAKEN_NAMES.get(listing.base, listing.base)
    return listing.wire, base + listing.quote, f"{base}/{listing.quote}"


def _pair(listing: Listing) -> dict[str, object]:
    _, altname, wsname = _names(listing)
    base = coins.KRAKEN_NAMES.get(listing.base, listing.base)
    return {
        "altname": altname,
        "wsname": wsname,
        "aclass_base": "currency",
        "base": f"X{base}" if base in {*coins.KRAKEN_OLD, "XDG"} else base,
        "aclass_quote": "currency",
        "quote": {"USD": "ZUSD"}.get(listing.quote, listing.quote),
        "lot": "unit",
        "pair_decimals": listing.tick_digits,
        "lot_decimals": listing.lot_digits,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, 0.4]],
        "fees_maker": [[0, 0.25]],
        "ordermin": listing.lot,
        "tick_size": listing.tick,
        "status": "online",
    }


def _candles(exchange: Exchange, query: Query, now: Instant) -> Answer:
    wanted = query.get("pair", "")
    shown = exchange.listings(NAME, now, spot=True)
    found = next((one for one in shown if wanted in _names(one)), None)
    listing = exchange.of_market(found.market) if found else None  # prices have the decimals of always
    if listing is None:
        raise Refusal(error("EQuery:Unknown asset pair"))
    since = whole_number(query.get("since", "0"))
    if since is None:
        raise Refusal(error(_BAD_PARAMETER))
    if query.get("interval") == _WEEK:
        return Answer(_printed(listing, long_rows(exchange, listing, weeks, NEWEST, now)))
    timeframe = exchange.timeframe(listing, query.get("interval", "1"), _INTERVALS)
    if timeframe is None:
        raise Refusal(error(_BAD_PARAMETER))
    forming = now // timeframe.step * timeframe.step
    first = min(since * 1000 + 1, FOREVER)
    start = max(min(first, forming), forming - (NEWEST - 1) * timeframe.step)
    ask = Ask(listing, timeframe, start, FOREVER, NEWEST, newest=True, given=(first, None))
    rows = exchange.candles(ask, now)
    return answered(ask, rows, _printed(listing, rows), now)


def _printed(listing: Listing, rows: Rows) -> bytes:
    parts: list[bytes | Cells] = [b"[", Figures(rows.open_at // 1000).cells()]
    for column in (rows.open, rows.high, rows.low, rows.close, _average(listing, rows)):
        parts += [b',"', column.cells(), b'"']
    parts += [b',"', rows.volume.cells(), b'",', rows.trades.cells(), b"],"]
    printed = rows_of(parts, len(rows))[:-1]
    last = int(rows.open_at[-2]) // 1000 if len(rows) > 1 else 0
    return b'{"error":[],"result":{"%s":[%s],"last":%d}}' % (listing.wire.encode(), printed, last)


def _average(listing: Listing, rows: Rows) -> Figures:
    """The price a coin went for on average, cut to the tick; 0 where none did, as Kraken prints it."""
    if not isinstance(rows.quote, Figures) or not isinstance(rows.volume, Figures):
        return Figures(np.zeros(len(rows), np.int64))
    return Figures(rows.quote.values // np.maximum(rows.volume.values, 1), listing.tick_digits)


_HANDLERS: dict[str, Callable[[Exchange, Query, Instant], Answer]] = {
    "/Time": _time,
    "/Assets": _assets,
    "/AssetPairs": _pairs,
    "/OHLC": _candles,
}
