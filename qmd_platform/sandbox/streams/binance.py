"""Binance's WebSocket: ``spot`` and ``linear`` (USD-M), raw and combined streams.

What lives here: its requests, answers and events. Sources: developers.binance.com, "WebSocket Streams" (spot) and "Websocket
Market Streams" (USD-M), read on 2026-11-21; recorded klines of 2021-07-22 (cryptofeed's ``BINANCE_FUTURES.ws.1.0``).

Facts: names of streams are lower case; a stream nobody knows is subscribed to like any other and stays silent; ``x`` says
that a kline is closed. ``markPrice`` comes every 3 seconds, ``markPrice@1s`` every second, for one symbol. A ping frame comes every 20 seconds (spot) or 3 minutes (USD-M); no pong for a minute, or for ten,
ends the connection. At most 1024 (spot) or 200 streams a connection; the words of that refusal are not documented. At most
5 (spot) or 10 requests a second; more end the connection.
"""

from collections.abc import Mapping

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.streams.candles import Candle
from qmd_platform.sandbox.streams.contracts import Contract
from qmd_platform.sandbox.streams.dialect import Booth, Dialect, Kind, Limits, Said, Topic, What, answer
from qmd_platform.sandbox.streams.wire import Json, fixed, printed, request

_INTERVALS = {timeframe.value: timeframe for timeframe in Timeframe}
_SETTLES = {"spot": ("",), "linear": ("USDT", "USDC")}
_LIMITS = {
    "spot": Limits(topics=1024, requests=5, ping_every=20, pong_within=60),
    "linear": Limits(topics=200, requests=10, ping_every=180, pong_within=600),
}
_MARKS = {"markPrice": 3000, "markPrice@1s": 1000}
_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS")
_INVALID, _NOT_JSON = 2, 3


class Binance(Dialect):
    """``spot/ws``, ``spot/ws/<streams>``, ``spot/stream?streams=...``; the same below ``linear``, ``linear/market`` and so on.

    USD-M's addresses were split by kinds of streams (``/public``, ``/market``) in 2026; ccxt 4.5.64 speaks to those.
    """

    VENUE = "binance"

    def __init__(self, booth: Booth, path: str, query: Mapping[str, str]) -> None:
        super().__init__(booth, path, query)
        self._kind, _, rest = path.partition("/")
        self.limits = _LIMITS.get(self._kind, _LIMITS["spot"])
        doors = rest.split("/")
        self._is_combined = "stream" in doors
        named = doors[doors.index("ws") + 1 :] if "ws" in doors else query.get("streams", "").split("/")
        self._silent: set[str] = set()
        self._wanted = [name for name in named if name]

    def greeting(self, now: Instant) -> list[Said]:
        """Nothing; but the streams in the address are subscribed to."""
        for name in self._wanted:
            self._subscribe(name, now)
        return []

    def hear(self, text: str, now: Instant) -> list[Said]:
        """Requests with ``method``, ``params`` and ``id``."""
        asked = request(text)
        if asked is None:
            return [_refusal(_NOT_JSON, "Invalid JSON: expected value at line 1 column 1", None)]
        method, params, number = asked.get("method"), asked.get("params", []), asked.get("id")
        wrong = self._wrong(method, params)
        if wrong is not None:
            return [_refusal(_INVALID, f"Invalid request: {wrong}", number)]
        if method == "LIST_SUBSCRIPTIONS":
            return [answer(printed({"result": [*self.topics, *self._silent], "id": number}))]
        for name in params if isinstance(params, list) else []:
            self._subscribe(name, now) if method == "SUBSCRIBE" else self._unsubscribe(name)
        return [answer(printed({"result": None, "id": number}))]

    def candle(self, topic: Topic, candle: Candle, now: Instant, *, is_closed: bool) -> list[Said]:
        """A ``kline`` event."""
        listing, ticks, lots = candle.listing, candle.listing.tick_digits, candle.listing.lot_digits
        interval = candle.timeframe.value
        first = candle.open_at // 1000 * 10  # ids of trades, as far apart as they have to be
        text = (
            f'{{"e":"kline","E":{now},"s":"{listing.wire}","k":{{"t":{candle.open_at},"T":{candle.end - 1},'
            f'"s":"{listing.wire}","i":"{interval}","f":{first},"L":{first + max(candle.trades - 1, 0)},'
            f'"o":"{fixed(candle.open, ticks)}","c":"{fixed(candle.close, ticks)}","h":"{fixed(candle.high, ticks)}",'
            f'"l":"{fixed(candle.low, ticks)}","v":"{fixed(candle.volume, lots)}","n":{candle.trades},'
            f'"x":{"true" if is_closed else "false"},"q":"{fixed(candle.quote, ticks + lots)}",'
            f'"V":"{fixed(candle.taker, lots)}","Q":"{fixed(candle.taker_quote, ticks + lots)}","B":"0"}}}}'
        )
        return [self._event(topic, text, Kind.CLOSED if is_closed else Kind.FORMING)]

    def contract(self, topic: Topic, contract: Contract, now: Instant) -> list[Said]:
        """A ``markPriceUpdate`` event; the price estimated for the settlement is the index, as of REST."""
        index = contract.price(contract.index)
        text = (
            f'{{"e":"markPriceUpdate","E":{now},"s":"{contract.listing.wire}","p":"{contract.price(contract.mark)}",'
            f'"P":"{index}","i":"{index}","r":"{contract.rate_text}","T":{contract.next_at}}}'
        )
        return [self._event(topic, text, Kind.MARK)]

    def novelty(self, now: Instant) -> str:
        """An event of a new name."""
        return printed({"e": "novelty", "E": now, "s": "BTCUSDT", "n": {"level": 3}})

    def _wrong(self, method: object, params: object) -> str | None:
        """What is wrong with a request."""
        if method not in _METHODS:
            return f"unknown variant `{method}`, expected one of {', '.join(f'`{one}`' for one in _METHODS)}"
        if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
            return "invalid type: expected a sequence of strings"
        known = self.topics.keys() | self._silent
        return "too many streams" if method == "SUBSCRIBE" and len(known | set(params)) > self.limits.topics else None

    def _event(self, topic: Topic, text: str, kind: Kind) -> Said:
        return Said(f'{{"stream":"{topic.name}","data":{text}}}' if self._is_combined else text, kind, topic)

    def _subscribe(self, name: str, now: Instant) -> None:
        found = self._topic(name, now)
        if found is None:
            self._silent.add(name)
        else:
            self.topics.setdefault(name, found)

    def _unsubscribe(self, name: str) -> None:
        self.topics.pop(name, None)
        self._silent.discard(name)

    def _topic(self, name: str, now: Instant) -> Topic | None:
        symbol, _, stream = name.partition("@")
        listing = self.booth.listed(self.VENUE, symbol.upper(), *_SETTLES.get(self._kind, ()), now=now)
        if listing is None or symbol != symbol.lower():
            return None
        if stream in _MARKS and not listing.is_spot:
            return Topic(name, What.CONTRACT, listing, every=_MARKS[stream])
        what, _, interval = stream.partition("_")
        timeframe = _INTERVALS.get(interval) if what == "kline" else None
        return None if timeframe is None else Topic(name, What.CANDLES, listing, timeframe)


def _refusal(code: int, message: str, number: object) -> Said:
    told: Json = {"error": {"code": code, "msg": message}}
    return answer(printed(told if number is None else {**told, "id": number}))
