"""A tardis-machine over the sandbox's Tardis: normalised messages, trade bars, disconnects.

What lives here: replays as lines of JSON, and the WebSocket that says them. What does not: rows (``tardis_rows``). Sources,
read on 2026-11-21: docs.tardis.dev/tardis-machine/data-types; tardis-node, src/computable/tradebar.ts: trades are taken as
they come in, a bar is sent when the first trade of a later minute is there, and the one in the making is dropped when the
connection breaks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import WSCloseCode, web

from qmd_platform.errors import ConfigError
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant, Window, instant, iso
from qmd_platform.sandbox import tardis_rows
from qmd_platform.sandbox.exchange import as_json
from qmd_platform.sandbox.universe import Listing

WS_PATH = "/ws-replay-normalized"
_TYPES = ("trade", "trade_bar_1m", "derivative_ticker")
_US = tardis_rows.US
Line = tuple[int, int, dict[str, Any]]
"""When it came in (us), which of equal ones is first, and the message."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What is replayed of one symbol."""

    exchange: str
    symbol: str
    listing: Listing
    away: list[Window]


Find = Callable[[str, str, Window], Feed]


def replayed(options: str, find: Find, now: Instant) -> list[str]:
    """The messages of a replay in order, each as JSON; ConfigError where ``options`` are not as documented."""
    lines: list[Line] = []
    for one in _asked(options):
        window = Window(instant(one["from"], "from"), min(instant(one["to"], "to"), now))
        types = one["dataTypes"]
        if unknown := [name for name in types if name not in _TYPES]:
            raise ConfigError(f"invalid data type: {unknown[0]}")
        for symbol in one["symbols"]:
            feed = find(one["exchange"], symbol, window)
            lines += _of(feed, window, types, now)
            if one.get("withDisconnectMessages"):
                lines += _disconnects(feed, window)
    return [as_json(message).decode() for _, _, message in sorted(lines, key=lambda line: line[:2])]


async def serve(request: web.BaseRequest, replay: Callable[[str], list[str]]) -> web.WebSocketResponse:
    """Answer a WebSocket at ``WS_PATH``: all messages, then the end."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    try:
        for line in replay(request.query.get("options", "")):
            await socket.send_str(line)
    except ConfigError as error:
        await socket.close(code=WSCloseCode.INTERNAL_ERROR, message=str(error)[:100].encode())
    else:
        await socket.close(code=WSCloseCode.OK, message=b"WS replay-normalized finished")
    return socket


def _asked(options: str) -> list[dict[str, Any]]:
    try:
        found = msgspec.json.decode(options)
    except msgspec.DecodeError as error:
        raise ConfigError(f"options are no JSON: {error}") from None
    asked = found if isinstance(found, list) else [found]
    if not asked or not all(
        isinstance(one, dict) and {"exchange", "symbols", "from", "to", "dataTypes"} <= one.keys() for one in asked
    ):
        raise ConfigError("options need exchange, symbols, from, to and dataTypes")
    return asked


def _of(feed: Feed, window: Window, types: list[str], now: Instant) -> Iterator[Line]:
    if "trade" in types or "trade_bar_1m" in types:
        came = list(_trades(feed, window, now))
        if "trade" in types:
            yield from came
        if "trade_bar_1m" in types:
            yield from _bars(feed, came)
    if "derivative_ticker" in types:
        for one in tardis_rows.states(feed.exchange, feed.listing, window, feed.away):
            yield one.local_us, 0, _ticker(feed, one)


def _trades(feed: Feed, window: Window, now: Instant) -> Iterator[Line]:
    rows = tardis_rows.trades(feed.listing, window, now, feed.away)
    price, amount = rows.price.floats().tolist(), rows.amount.floats().tolist()
    for row in range(len(rows)):
        at, local = int(rows.at[row]), int(rows.local[row])
        message = {
            **_head(feed, "trade"),
            "id": str(int(rows.id[row])),
            "price": price[row],
            "amount": amount[row],
            "side": "buy" if rows.is_buy[row] else "sell",
            "timestamp": _text(at),
            "localTimestamp": _text(local),
        }
        yield local, 0, message


def _bars(feed: Feed, trades: list[Line]) -> Iterator[Line]:
    """Bars as the machine makes them: trades taken as they come in, broken off where the connection broke."""
    breaks = sorted(one.start * _US for one in feed.away)
    bar: dict[str, Any] | None = None
    bucket = last = 0
    for local, _, trade in trades:
        if bar is not None and any(last < one <= local for one in breaks):
            bar = None
        mine = instant(trade["timestamp"]) // MINUTE
        if bar is not None and mine > bucket:
            yield local, 1, {**bar, "timestamp": iso((bucket + 1) * MINUTE), "localTimestamp": trade["localTimestamp"]}
            bar = None
        if bar is None:
            bar, bucket = _begun(feed, trade), mine
        _grown(bar, trade)
        last = local


def _begun(feed: Feed, trade: dict[str, Any]) -> dict[str, Any]:
    price = trade["price"]
    head = {**_head(feed, "trade_bar"), "name": "trade_bar_1m", "interval": MINUTE, "kind": "time"}
    prices = {"open": price, "high": price, "low": price, "close": price}
    sums = {"volume": 0.0, "buyVolume": 0.0, "sellVolume": 0.0, "trades": 0, "vwap": 0.0}
    return {**head, **prices, **sums, "openTimestamp": trade["timestamp"]}


def _grown(bar: dict[str, Any], trade: dict[str, Any]) -> None:
    price, amount = trade["price"], trade["amount"]
    bar["high"], bar["low"] = max(bar["high"], price), min(bar["low"], price)
    bar["close"], bar["closeTimestamp"] = price, trade["timestamp"]
    bar[f"{trade['side']}Volume"] += amount
    bar["trades"] += 1
    bar["vwap"] = (bar["vwap"] * bar["volume"] + price * amount) / (bar["volume"] + amount)
    bar["volume"] += amount


def _ticker(feed: Feed, one: tardis_rows.State) -> dict[str, Any]:
    values = {
        "lastPrice": one.last,
        "openInterest": one.open_interest,
        "fundingRate": one.rate,
        "fundingTimestamp": None if one.funding_at is None else iso(one.funding_at),
        "predictedFundingRate": one.predicted,
        "indexPrice": one.index,
        "markPrice": one.mark,
    }
    told = {name: value for name, value in values.items() if value is not None}
    times = {"timestamp": _text(one.at * _US), "localTimestamp": _text(one.local_us)}
    return {**_head(feed, "derivative_ticker"), **told, **times}


def _disconnects(feed: Feed, window: Window) -> Iterator[Line]:
    for one in feed.away:
        if window.contains(one.start):
            at = one.start * _US
            yield at, -1, {"type": "disconnect", "exchange": feed.exchange, "localTimestamp": _text(at)}


def _head(feed: Feed, kind: str) -> dict[str, Any]:
    return {"type": kind, "symbol": feed.symbol, "exchange": feed.exchange}


def _text(us: int) -> str:
    """A time as the machine writes it: with milliseconds, what is below them cut."""
    ms = us // _US
    return iso(ms) if ms % 1000 else iso(ms).replace("Z", ".000Z")
