"""OKX's WebSocket v5: ``ws/v5/business`` has candles, ``ws/v5/public`` the rest.

What lives here: its requests, answers and pushes. Sources: okx.com/docs-v5 (WebSocket, candlesticks channel), read through
ccxt 4.5.64 on 2026-11-21, and okx.com/help, "Changes to V5 API WebSocket subscription parameter and URL" (candles only at
``business``).

Facts: every push is ``{"arg", "data"}``; rows of candles are nine texts as of REST, the last being ``confirm``: "1" where it is
closed. ``funding-rate`` comes every 30 seconds. The first push comes with the subscription. The text ``ping`` is
answered by the text ``pong``; 30 seconds without a message in either direction end the connection. 480 requests an hour;
more end the connection here.
"""

from decimal import Decimal

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.streams.candles import Candle
from qmd_platform.sandbox.streams.contracts import Contract
from qmd_platform.sandbox.streams.dialect import Dialect, Kind, Limits, Said, Topic, What, answer
from qmd_platform.sandbox.streams.wire import Json, printed, request, times, trimmed
from qmd_platform.sandbox.universe import Listing

_INTERVALS = {
    **{t: Timeframe(t) for t in ("1m", "3m", "5m", "15m", "30m")},
    **{t.upper(): Timeframe(t) for t in ("1h", "2h", "4h")},
    **{f"{t.upper()}utc": Timeframe(t) for t in ("6h", "12h", "1d")},
}
_CANDLE = "candle"
_OPERATIONS = ("subscribe", "unsubscribe")
_INDEX = "index-tickers"
_OF_CONTRACTS = {"mark-price": 0, _INDEX: 0, "open-interest": 0, "funding-rate": 30_000}
"""Channels about contracts, with the milliseconds between their pushes; 0 for the sandbox's pace."""
_ILLEGAL, _UNKNOWN = "60012", "60018"
_CONNECTION = "a4d3ae55"


class Okx(Dialect):
    """Names of topics are ``channel:instId``."""

    VENUE = "okx"
    limits = Limits(requests=480, seconds=3600, idle=30)

    def hear(self, text: str, now: Instant) -> list[Said]:
        """``ping``, or a request with ``op`` and ``args``."""
        if text == "ping":
            return [answer("pong")]
        asked = request(text)
        args = asked.get("args") if asked else None
        if asked is None or asked.get("op") not in _OPERATIONS or not isinstance(args, list) or not args:
            return [_refusal(_ILLEGAL, f"Illegal request: {text}")]
        told: list[Said] = []
        for arg in args:
            wanted = arg if isinstance(arg, dict) else {}
            told += self._subscribe(wanted, now) if asked["op"] == "subscribe" else [self._unsubscribe(wanted)]
        return told

    def candle(self, topic: Topic, candle: Candle, now: Instant, *, is_closed: bool) -> list[Said]:
        """A push of one row."""
        data = f"[{_row(candle, is_closed=is_closed)}]"
        return [self._push(topic, data, Kind.CLOSED if is_closed else Kind.FORMING)]

    def contract(self, topic: Topic, contract: Contract, now: Instant) -> list[Said]:
        """A push of ``mark-price``, ``index-tickers``, ``funding-rate`` or ``open-interest``."""
        channel, _, wire = topic.name.partition(":")
        if channel == _INDEX:
            row: Json = {"instId": wire, "idxPx": contract.price(contract.index)}
        elif channel == "mark-price":
            row = {"markPx": contract.price(contract.mark)}
        elif channel == "open-interest":
            row = {"oi": f"{contract.size:f}", "oiCcy": f"{contract.base:f}", "oiUsd": f"{contract.worth:f}"}
        else:
            row = {
                "method": "current_period",
                "fundingRate": contract.rate_text,
                "fundingTime": str(contract.next_at),
                "nextFundingRate": "",
                "nextFundingTime": str(self.booth.contracts.after(contract)),
            }
        head = {} if channel == _INDEX else {"instType": "SWAP", "instId": wire}
        return [self._push(topic, printed([{**head, **row, "ts": str(now)}]), Kind.MARK)]

    def farewell(self, now: Instant) -> list[Said]:
        """The notice 64008."""
        message = "The connection will soon be closed for a service upgrade. Please reconnect."
        return [answer(printed({"event": "notice", "code": "64008", "msg": message, "connId": _CONNECTION}))]

    def _subscribe(self, arg: Json, now: Instant) -> list[Said]:
        topic = self._topic(arg, now)
        if topic is None:
            channel = ",".join(f"{key}:{value}" for key, value in arg.items())
            return [
                _refusal(
                    _UNKNOWN,
                    f"Wrong URL or {channel} doesn't exist. Please use the correct URL, channel and parameters referring to "
                    "API document.",
                )
            ]
        self.topics[topic.name] = topic
        return [answer(printed({"event": "subscribe", "arg": arg, "connId": _CONNECTION})), *self._first(topic, now)]

    def _first(self, topic: Topic, now: Instant) -> list[Said]:
        if topic.timeframe is None:
            return self.contract(topic, self.booth.contracts.at(topic.listing, now), now)
        candle = self.booth.candles.at(topic.listing, topic.timeframe, now)
        return [] if candle is None else self.candle(topic, candle, now, is_closed=False)

    def _unsubscribe(self, arg: Json) -> Said:
        self.topics.pop(f"{arg.get('channel')}:{arg.get('instId')}", None)
        return answer(printed({"event": "unsubscribe", "arg": arg, "connId": _CONNECTION}))

    def _topic(self, arg: Json, now: Instant) -> Topic | None:
        channel, wire = str(arg.get("channel", "")), str(arg.get("instId", ""))
        name, is_business = f"{channel}:{wire}", self.path.endswith("/business")
        if channel in _OF_CONTRACTS and not is_business:
            # an index is spelled as the pair that it is of
            listing = self.booth.listed(self.VENUE, f"{wire}-SWAP" if channel == _INDEX else wire, "USDT", now=now)
            return None if listing is None else Topic(name, What.CONTRACT, listing, every=_OF_CONTRACTS[channel])
        timeframe = _INTERVALS.get(channel.removeprefix(_CANDLE)) if channel.startswith(_CANDLE) else None
        listing = self.booth.listed(self.VENUE, wire, "", "USDT", now=now)
        if listing is None or not is_business or timeframe is None:
            return None
        return Topic(name, What.CANDLES, listing, timeframe)

    def _push(self, topic: Topic, data: str, kind: Kind) -> Said:
        channel, _, wire = topic.name.partition(":")
        return Said(f'{{"arg":{{"channel":"{channel}","instId":"{wire}"}},"data":{data}}}', kind, topic)


def _row(candle: Candle, *, is_closed: bool) -> str:
    prices = (
        trimmed(price, candle.listing.tick_digits) for price in (candle.open, candle.high, candle.low, candle.close)
    )
    columns = [str(candle.open_at), *prices, *_volumes(candle, candle.listing), str(int(is_closed))]
    return '["' + '","'.join(columns) + '"]'


def _volumes(candle: Candle, listing: Listing) -> list[str]:
    """Spot counts base coins, then quote coins twice; a perpetual contracts, base coins and quote coins."""
    lots, size = listing.lot_digits, Decimal(1) if listing.is_spot else listing.contract_size
    volume, quote = trimmed(candle.volume, lots), trimmed(*times(candle.quote, listing.tick_digits + lots, size))
    return [volume, quote, quote] if listing.is_spot else [volume, trimmed(*times(candle.volume, lots, size)), quote]


def _refusal(code: str, message: str) -> Said:
    return answer(printed({"event": "error", "code": code, "msg": message, "connId": _CONNECTION}))
