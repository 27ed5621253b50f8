"""Bitfinex's WebSocket v2: ``ws/2``.

What lives here: its events, channels and heartbeats. Sources: docs.bitfinex.com/docs/ws-general and ws-public (25 channels a
connection), read on 2026-11-21; recorded events and heartbeats of 2021-04-17 (cryptofeed's ``BITFINEX.ws.11.0``).

Facts: messages of a channel are ``[chanId, ...]``: first a snapshot of the newest candles, newest first, then one candle a
message whenever there was a trade, then ``"hb"`` after 15 seconds of nothing else. Nothing is said when a candle is over
(bitfinex-api-py#52): the next one comes with its first trade, and the one before is sent once more after it, as it was
(bitfinex-api-node#324; both read on 2026-11-21). Candles without trades never come. ``conf`` with 65536 appends a sequence number to each
message of a channel, with 32768 the time. ``status`` of a contract is the row of 23 of ``derivatives``, first at once.
"""

from collections.abc import Mapping
from itertools import count

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.streams.candles import Candle
from qmd_platform.sandbox.streams.contracts import Contract
from qmd_platform.sandbox.streams.dialect import (
    LAST_TRADE,
    Booth,
    Dialect,
    Kind,
    Limits,
    Said,
    Topic,
    Traded,
    What,
    answer,
)
from qmd_platform.sandbox.streams.wire import Json, echoed, printed, request, trimmed

_CHANNELS = ("candles", "status")
_INTERVALS = {
    **{t: Timeframe(t) for t in ("1m", "5m", "15m", "30m", "1h", "4h", "6h", "12h")},
    "1D": Timeframe.D1,
}
_SNAPSHOT = 240
_FIRST_CHANNEL = 17_082
_QUIET = 15.0
_FAILED, _TWICE, _UNKNOWN, _FULL, _NOT_FOUND = 10300, 10301, 10302, 10305, 10400
_NOT_AN_EVENT, _RESTARTS = 10000, 20051
_SEQUENCE, _TIMESTAMP = 65536, 32768


class Bitfinex(Dialect):
    """Names of topics are numbers of channels."""

    VENUE = "bitfinex"
    limits = Limits(topics=25)

    def __init__(self, booth: Booth, path: str, query: Mapping[str, str]) -> None:
        super().__init__(booth, path, query)
        self._numbers = count(_FIRST_CHANNEL, 37)
        self._flags = 0
        self._sequence = count(1)
        self._traded = Traded()
        self._over: dict[str, Candle] = {}

    def greeting(self, now: Instant) -> list[Said]:
        """The ``info`` event."""
        return [answer(printed({"event": "info", "version": 2, "serverId": "sandbox", "platform": {"status": 1}}))]

    def hear(self, text: str, now: Instant) -> list[Said]:
        """Objects with an ``event``."""
        asked = request(text) or {}
        event = asked.get("event")
        if event == "ping":
            return [answer(printed({"event": "pong", "ts": now, "cid": asked.get("cid")}))]
        if event == "conf":
            flags = asked.get("flags")
            self._flags = flags if isinstance(flags, int) else 0
            return [answer(printed({"event": "conf", "status": "OK", "flags": self._flags}))]
        if event == "subscribe":
            return self._subscribe(asked, now)
        if event == "unsubscribe":
            return [self._unsubscribe(str(asked.get("chanId")))]
        return [answer(printed({"event": "error", "msg": "event: invalid", "code": _NOT_AN_EVENT}))]

    def candle(self, topic: Topic, candle: Candle, now: Instant, *, is_closed: bool) -> list[Said]:
        """``[chanId, candle]``; with the first of a new candle, the one before once more."""
        is_news = self._traded.is_news(topic, candle)
        at = now - LAST_TRADE if is_closed else now
        told = [self._update(topic, _row(candle), Kind.CLOSED if is_closed else Kind.FORMING, at)] if is_news else []
        if is_closed:
            self._over[topic.name] = candle
        elif is_news and (before := self._over.pop(topic.name, None)) is not None:
            told.append(self._update(topic, _row(before), Kind.CLOSED, now))
        return told

    def contract(self, topic: Topic, contract: Contract, now: Instant) -> list[Said]:
        """``[chanId, status]``."""
        row = [now, *self.booth.contracts.status(contract.listing, contract.at)[1:]]
        return [self._update(topic, printed(row), Kind.MARK, now)]

    def farewell(self, now: Instant) -> list[Said]:
        """The ``info`` event with code 20051."""
        message = "Stop/Restart Websocket Server (please reconnect)"
        return [answer(printed({"event": "info", "code": _RESTARTS, "msg": message}))]

    def novelty(self, now: Instant) -> str:
        """A message of a channel that nobody has subscribed to."""
        return f'[1,"novelty",[{now},3]]'

    def beat(self, topic: Topic | None, quiet: float) -> Said | None:
        """``[chanId, "hb"]``."""
        if topic is None or quiet < _QUIET:
            return None
        return self._update(topic, '"hb"', Kind.HEARTBEAT, 0)

    def _subscribe(self, asked: Json, now: Instant) -> list[Said]:
        channel, key = str(asked.get("channel")), str(asked.get("key", ""))
        if channel not in _CHANNELS:
            return [_refusal(asked, _UNKNOWN, "channel: unknown")]
        if any(key == topic.key for topic in self.topics.values()):
            return [_refusal(asked, _TWICE, "subscribe: dup")]
        if self.is_full():
            return [_refusal(asked, _FULL, "subscribe: limit")]
        topic = self._series(key, now) if channel == "candles" else self._status(key, now)
        if isinstance(topic, str):
            return [_refusal(asked, _FAILED, topic)]
        self.topics[topic.name] = topic
        told: Json = {"event": "subscribed", "channel": channel, "chanId": int(topic.name), "key": key}
        return [answer(printed(told)), *self._snapshot(topic, now)]

    def _snapshot(self, topic: Topic, now: Instant) -> list[Said]:
        if topic.timeframe is None:
            return self.contract(topic, self.booth.contracts.at(topic.listing, now), now)
        newest = self.booth.candles.newest(topic.listing, topic.timeframe, _SNAPSHOT, now)
        if newest:
            self._traded.is_news(topic, newest[-1])
        rows = ",".join(_row(candle) for candle in reversed(newest))
        return [self._update(topic, f"[{rows}]", Kind.SNAPSHOT, now)]

    def _unsubscribe(self, number: str) -> Said:
        if self.topics.pop(number, None) is None:
            told: Json = {"event": "error", "msg": "unsubscribe: invalid", "code": _NOT_FOUND}
            return answer(printed(told))
        self._over.pop(number, None)
        return answer(printed({"event": "unsubscribed", "status": "OK", "chanId": int(number)}))

    def _series(self, key: str, now: Instant) -> Topic | str:
        """The topic of ``trade:1m:tBTCUSD``; what is wrong with it otherwise."""
        table, _, rest = key.partition(":")
        interval, _, wire = rest.partition(":")
        if table != "trade" or interval not in _INTERVALS:
            return "key: invalid"
        listing = self.booth.listed(self.VENUE, wire, "", "USDT", now=now)
        if listing is None:
            return "symbol: invalid"
        return Topic(str(next(self._numbers)), What.CANDLES, listing, _INTERVALS[interval], key=key)

    def _status(self, key: str, now: Instant) -> Topic | str:
        """The topic of ``deriv:tBTCF0:USTF0``; what is wrong with it otherwise."""
        table, _, wire = key.partition(":")
        listing = self.booth.listed(self.VENUE, wire, "USDT", now=now) if table == "deriv" else None
        if listing is None:
            return "key: invalid"
        return Topic(str(next(self._numbers)), What.CONTRACT, listing, key=key)

    def _update(self, topic: Topic, body: str, kind: Kind, now: Instant) -> Said:
        more = f",{next(self._sequence)}" if self._flags & _SEQUENCE else ""
        more += f",{now}" if self._flags & _TIMESTAMP and now else ""
        return Said(f"[{topic.name},{body}{more}]", kind, topic)


def _row(candle: Candle) -> str:
    ticks = candle.listing.tick_digits
    prices = (trimmed(price, ticks) for price in (candle.open, candle.close, candle.high, candle.low))
    return f"[{candle.open_at},{','.join(prices)},{trimmed(candle.volume, candle.listing.lot_digits)}]"


def _refusal(asked: Json, code: int, message: str) -> Said:
    return answer(
        printed({**echoed(asked, "channel", "key", "symbol"), "event": "error", "msg": message, "code": code})
    )
