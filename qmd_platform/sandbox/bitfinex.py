"""Bitfinex v2 on the wire: platform status, configuration, candles.

What lives here: parameters, limits, errors, rows and lists as Bitfinex writes them. What does not: which candles
there are (``exchange``). Source: docs.bitfinex.com/reference, read through ccxt 4.5.

Facts: rows are ``[time, open, close, high, low, volume]`` (close before high), numbers, newest first unless
``sort=1``; ``start`` and ``end`` in ms, both inclusive by open time; 100 rows unless asked, at most 10,000, counted
after leaving out candles without trades; errors are ``["error", code, text]`` with status 500. There is no time
endpoint: the clock is the ``Date`` header.
"""

from collections.abc import Callable, Sequence
from urllib.parse import unquote

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

NAME = "bitfinex"
PREFIXES = ("/v2/",)
"""Where the paths of this venue begin."""
_DEFAULT_LIMIT = 100
_MOST = 10_000
_BAD_PARAMETER = 10020
_INTERVALS = {
    **{t: Timeframe(t) for t in ("1m", "5m", "15m", "30m", "1h", "4h", "6h", "12h")},
    "1D": Timeframe.D1,
}


def answer(exchange: Exchange, path: str, query: Query, now: Instant) -> Answer | None:
    """What Bitfinex answers; None where ``path`` is not one of its paths."""
    if path == "/v2/platform/status":
        return Answer(b"[1]")
    if path.startswith("/v2/conf/"):
        return _conf(exchange, unquote(path.removeprefix("/v2/conf/")), now)
    if path.startswith("/v2/candles/trade:"):
        return _candles(exchange, unquote(path.removeprefix("/v2/candles/trade:")), query, now)
    return None


def error(code: int, message: str, status: int = 500) -> Answer:
    """Bitfinex's error shape."""
    return Answer(as_json(["error", code, message]), status)


def throttled() -> bytes:
    """The body of a 429."""
    return error(11010, "ratelimit: error").body


def broken() -> bytes:
    """The body of a 5xx."""
    return error(20060, "maintenance").body


def _conf(exchange: Exchange, config: str, now: Instant) -> Answer:
    """One list for each name in ``config``; empty for lists the sandbox does not keep, as ccxt tolerates."""
    return Answer(as_json([_LISTS[name](exchange, now) if name in _LISTS else [] for name in config.split(",")]))


def _pairs(exchange: Exchange, now: Instant) -> Sequence[object]:
    return [_pair(listing) for listing in exchange.listings(NAME, now, spot=True)]


def _futures(exchange: Exchange, now: Instant) -> Sequence[object]:
    return [_pair(listing) for listing in exchange.listings(NAME, now, spot=False)]


def _pair(listing: Listing) -> object:
    facts: list[object] = [None, None, None, listing.lot, "2000.0", None, None, None, None, None, None, None]
    return [listing.wire[1:], facts]


def _currencies(exchange: Exchange, now: Instant) -> Sequence[object]:
    pairs = [listing.wire[1:] for listing in exchange.listings(NAME, now, spot=True)]
    halves = [pair.split(":") if ":" in pair else [pair[:3], pair[3:]] for pair in pairs]
    return sorted({half for both in halves for half in both})


def _renamed(exchange: Exchange, now: Instant) -> Sequence[object]:
    return [["UST", "USDt"], ["USTF0", "USDt0"]]


def _candles(exchange: Exchange, rest: str, query: Query, now: Instant) -> Answer | None:
    key, _, section = rest.partition("/")
    interval, _, wire = key.partition(":")
    if section not in {"hist", "last"}:
        return None
    listing = exchange.listing(NAME, wire, "", "USDT")
    if listing is None:
        raise Refusal(error(_BAD_PARAMETER, "symbol: invalid"))
    timeframe = exchange.timeframe(listing, interval, _INTERVALS)
    if timeframe is None:
        raise Refusal(error(_BAD_PARAMETER, "time_frame: invalid"))
    ask = _asked(listing, timeframe, query if section == "hist" else {"limit": "1"})
    rows = exchange.candles(ask, now)
    parts: list[bytes | Cells] = [b"[", Figures(rows.open_at).cells()]
    for column in (rows.open, rows.close, rows.high, rows.low, rows.volume):
        parts += [b",", column.cells(trim=True)]
    parts.append(b"],")
    printed = rows_of(parts, len(rows))[:-1]
    return answered(ask, rows, printed if section == "last" else b"[" + printed + b"]", now)


def _asked(listing: Listing, timeframe: Timeframe, query: Query) -> Ask:
    start, last = _whole(query, "start"), _whole(query, "end")
    limit = _whole(query, "limit")
    limit = _DEFAULT_LIMIT if limit is None else limit
    if not 0 < limit <= _MOST:
        raise Refusal(error(_BAD_PARAMETER, "limit: invalid"))
    oldest_first = query.get("sort", "-1") == "1"
    end = None if last is None else last + 1
    return Ask(
        listing,
        timeframe,
        start or 0,
        FOREVER if end is None else end,
        limit,
        newest=not oldest_first,
        descending=not oldest_first,
        given=(start, end),
    )


def _whole(query: Query, name: str) -> int | None:
    return whole(query, name, error(_BAD_PARAMETER, f"{name}: invalid"))


_LISTS: dict[str, Callable[[Exchange, Instant], Sequence[object]]] = {
    "pub:info:pair": _pairs,
    "pub:info:pair:futures": _futures,
    "pub:list:currency": _currencies,
    "pub:map:currency:sym": _renamed,
}
