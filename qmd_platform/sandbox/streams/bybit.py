"""Bybit's WebSocket v5: ``v5/public/spot`` and ``v5/public/linear``.

What lives here: its requests, answers and topics. Sources: bybit-exchange.github.io/docs/v5/ws/connect and .../websocket/
public/kline and ticker, read on 2026-11-21 and through ccxt 4.5.64.

Facts: topics are ``kline.<interval>.<symbol>``; every kline is of type ``snapshot``, and ``confirm`` says that it is closed. Spot
takes at most 10 topics a request. ``tickers.<symbol>`` of a perpetual is a ``snapshot`` at once and then ``delta``: what has
changed since; spot's tickers are not played. ``{"op": "ping"}`` is answered; ten minutes without a ping or a
message end the connection.
"""

from collections.abc import Mapping
from itertools import count

from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.streams.candles import Candle
from qmd_platform.sandbox.streams.contracts import Contract
from qmd_platform.sandbox.streams.dialect import Booth, Dialect, Kind, Limits, Said, Topic, What, answer
from qmd_platform.sandbox.streams.wire import Json, printed, request, trimmed
from qmd_platform.sandbox.universe import Listing

_MINUTES = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h")
_INTERVALS = {**{str(Timeframe(t).step // MINUTE): Timeframe(t) for t in _MINUTES}, "D": Timeframe.D1}
_NAMES = {timeframe: name for name, timeframe in _INTERVALS.items()}
_OPERATIONS = ("subscribe", "unsubscribe")
_MOST_AT_ONCE = 10
_CONNECTION = "cjs6g7q2qgm4dq0i3l50-1c0e"


class Bybit(Dialect):
    """Names of topics are Bybit's own."""

    VENUE = "bybit"
    limits = Limits(idle=600)

    def __init__(self, booth: Booth, path: str, query: Mapping[str, str]) -> None:
        super().__init__(booth, path, query)
        self._told: dict[str, Json] = {}
        self._sequence = count(1)
        self._is_spot = path.endswith("/spot")

    def hear(self, text: str, now: Instant) -> list[Said]:
        """Requests with ``op``, ``args`` and perhaps ``req_id``."""
        asked = request(text) or {}
        op, args = asked.get("op"), asked.get("args", [])
        if op == "ping":
            return [_answer(asked, "pong")]
        if op not in _OPERATIONS or not isinstance(args, list):
            return [_answer(asked, "error:invalid op", well=False)]
        if self._is_spot and len(args) > _MOST_AT_ONCE:
            return [_answer(asked, f"args size >{_MOST_AT_ONCE}", well=False)]
        if op == "unsubscribe":
            for name in args:
                self.topics.pop(str(name), None)
                self._told.pop(str(name), None)
            return [_answer(asked, "")]
        topics = {str(name): self._topic(str(name), now) for name in args}
        unknown = next((name for name, topic in topics.items() if topic is None), None)
        if unknown is not None:
            return [_answer(asked, f"error:handler not found,topic:{unknown}", well=False)]
        fresh = {name: topic for name, topic in topics.items() if topic is not None}
        self.topics |= fresh
        contracts = [topic for topic in fresh.values() if topic.what is What.CONTRACT]
        first = [said for topic in contracts for said in self._first(topic, now)]
        return [_answer(asked, "subscribe" if self._is_spot else ""), *first]

    def candle(self, topic: Topic, candle: Candle, now: Instant, *, is_closed: bool) -> list[Said]:
        """A ``kline`` message."""
        ticks, lots = candle.listing.tick_digits, candle.listing.lot_digits
        text = (
            f'{{"topic":"{topic.name}","data":[{{"start":{candle.open_at},"end":{candle.end - 1},'
            f'"interval":"{_NAMES[candle.timeframe]}","open":"{trimmed(candle.open, ticks)}",'
            f'"close":"{trimmed(candle.close, ticks)}","high":"{trimmed(candle.high, ticks)}",'
            f'"low":"{trimmed(candle.low, ticks)}","volume":"{trimmed(candle.volume, lots)}",'
            f'"turnover":"{trimmed(candle.quote, ticks + lots)}","confirm":{"true" if is_closed else "false"},'
            f'"timestamp":{now}}}],"ts":{now},"type":"snapshot"}}'
        )
        return [Said(text, Kind.CLOSED if is_closed else Kind.FORMING, topic)]

    def contract(self, topic: Topic, contract: Contract, now: Instant) -> list[Said]:
        """What has changed since the last ``tickers`` message; all of it the first time."""
        state: Json = {
            "lastPrice": contract.price(contract.mark),
            "markPrice": contract.price(contract.mark),
            "indexPrice": contract.price(contract.index),
            "openInterest": f"{contract.size:f}",
            "openInterestValue": f"{contract.worth:f}",
            "fundingRate": contract.rate_text,
            "fundingIntervalHour": str(contract.hours),
            "nextFundingTime": str(contract.next_at),
        }
        before = self._told.get(topic.name)
        self._told[topic.name] = state
        fresh = state if before is None else {key: value for key, value in state.items() if before[key] != value}
        if not fresh:
            return []
        told: Json = {"topic": topic.name, "type": "snapshot" if before is None else "delta"}
        data = {"symbol": contract.listing.wire, **fresh}
        return [Said(printed({**told, "data": data, "cs": next(self._sequence), "ts": now}), Kind.MARK, topic)]

    def _first(self, topic: Topic, now: Instant) -> list[Said]:
        self._told.pop(topic.name, None)
        return self.contract(topic, self.booth.contracts.at(topic.listing, now), now)

    def _topic(self, name: str, now: Instant) -> Topic | None:
        channel, _, rest = name.partition(".")
        interval, _, wire = ("", "", rest) if channel == "tickers" else rest.partition(".")
        listing = self._listed(wire, now)
        if listing is None:
            return None
        if channel == "tickers":
            return None if self._is_spot else Topic(name, What.CONTRACT, listing)
        if channel != "kline" or interval not in _INTERVALS:
            return None
        return Topic(name, What.CANDLES, listing, _INTERVALS[interval])

    def _listed(self, wire: str, now: Instant) -> Listing | None:
        return self.booth.listed(self.VENUE, wire, "" if self._is_spot else "USDT", now=now)


def _answer(asked: Json, message: str, *, well: bool = True) -> Said:
    told: Json = {"success": well, "ret_msg": message, "conn_id": _CONNECTION}
    return answer(printed({**told, "req_id": asked.get("req_id", ""), "op": asked.get("op", "")}))
