"""Tardis's data feeds in the sandbox: a minute of what a venue said, in the venue's own words.

What lives here: the lines of ``/v1/data-feeds/:exchange``: trades of Binance and Kraken (its first WebSocket API until the end of
June 2026, its second after it). What does not: which symbols there are, keys (``tardis``), rows (``tardis_rows``). Sources, read on
2026-11-21: docs.tardis.dev/api/http-api-reference; tardis-node, src/mappers/binance.ts and kraken.ts; replay.ts: a time has
seven decimals.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from qmd_platform.errors import ConfigError
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant, Window, instant, iso
from qmd_platform.sandbox import tardis_rows
from qmd_platform.sandbox.exchange import Answer, Query, as_json
from qmd_platform.sandbox.tardis_machine import Feed

PREFIX = "/v1/data-feeds/"
_CHANNEL = "trade"
_US = tardis_rows.US
_SECOND = 1_000_000

Find = Callable[[str, str, Window], Feed]


class _Filter(msgspec.Struct):
    channel: str
    symbols: list[str] = []


def window_of(query: Query) -> Window:
    """The minute that is asked for; ConfigError where it is none."""
    offset = query.get("offset", "0")
    if not offset.isdigit():
        raise ConfigError(f"'offset' param must be a number, not {offset!r}")
    start = instant(query.get("from", ""), "from") + int(offset) * MINUTE
    return Window(start, start + MINUTE)


def answer(exchange: str, query: Query, find: Find, now: Instant) -> Answer:
    """A minute's lines, sorted by when they came in; 400 where they are not asked for as documented."""
    try:
        said = _said(exchange, query, find, now)
    except (ConfigError, msgspec.MsgspecError) as error:
        return Answer(as_json({"code": 400, "message": str(error)}), 400)
    return Answer(
        "".join(f"{line}\n" for line in said).encode(), headers={"Content-Type": "text/plain"}, rows=len(said)
    )


def _said(exchange: str, query: Query, find: Find, now: Instant) -> list[str]:
    window = window_of(query)
    if window.end > now:
        raise ConfigError(f"there are no data of {iso(window.start)} yet")
    feeds = [find(exchange, one.upper(), window) for one in _symbols(query.get("filters", ""))]
    lines = [line for feed in feeds for line in _lines(feed, window, now)]
    away = {one.start * _US: "" for feed in feeds for one in feed.away if window.contains(one.start)}
    return [text for _, text in sorted([*lines, *away.items()])]


def _symbols(filters: str) -> list[str]:
    asked = msgspec.json.decode(filters, type=list[_Filter]) if filters else []
    if not asked or any(one.channel != _CHANNEL or not one.symbols for one in asked):
        raise ConfigError(f"the sandbox's feeds have the channel {_CHANNEL!r} of symbols that are named")
    return sorted({symbol for one in asked for symbol in one.symbols})


def _lines(feed: Feed, window: Window, now: Instant) -> list[tuple[int, str]]:
    say = _form(feed)
    rows = tardis_rows.trades(feed.listing, window, now, feed.away)
    price, amount = rows.price.floats().tolist(), rows.amount.floats().tolist()
    found = []
    for row in range(len(rows)):
        local, side = int(rows.local[row]), "buy" if rows.is_buy[row] else "sell"
        one = _Trade(feed.symbol, int(rows.at[row]), int(rows.id[row]), side, price[row], amount[row])
        found.append((local, f"{_text(local)} {as_json(say(one)).decode()}"))
    return found


@dataclass(frozen=True, slots=True)
class _Trade:
    """One trade; ``at`` in us."""

    symbol: str
    at: int
    id: int
    side: str
    price: float
    amount: float


def _form(feed: Feed) -> Callable[[_Trade], object]:
    """How the venue says a trade."""
    if feed.listing.market.venue == "binance":
        return _binance
    if feed.listing.market.venue == "kraken":
        return _kraken if feed.symbol == f"{feed.listing.base}/{feed.listing.quote}" else _kraken_v1
    raise ConfigError(f"the sandbox has no feed of {feed.exchange}")


def _binance(one: _Trade) -> object:
    ms = one.at // _US
    head = {"e": "trade", "E": ms, "s": one.symbol, "t": one.id, "p": f"{one.price:.8f}", "q": f"{one.amount:.8f}"}
    return {"stream": f"{one.symbol.lower()}@trade", "data": {**head, "T": ms, "m": one.side == "sell", "M": True}}


def _kraken(one: _Trade) -> object:
    head = {"symbol": one.symbol, "side": one.side, "price": one.price, "qty": one.amount, "ord_type": "market"}
    return {"channel": "trade", "type": "update", "data": [{**head, "trade_id": one.id, "timestamp": _text(one.at, 6)}]}


def _kraken_v1(one: _Trade) -> object:
    time = f"{one.at // _SECOND}.{one.at % _SECOND:06d}"
    return [337, [[f"{one.price:.5f}", f"{one.amount:.8f}", time, one.side[0], "m", ""]], "trade", one.symbol]


def _text(us: int, digits: int = 7) -> str:
    """A time with so many decimals."""
    return f"{iso(us // _SECOND * 1000)[:-1]}.{f'{us % _SECOND:06d}'.ljust(digits, '0')}Z"
