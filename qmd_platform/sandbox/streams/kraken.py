"""Kraken's WebSocket v2: ``v2``. Spot only; ccxt 4.5.64 speaks it too.

What lives here: its requests, answers and channels. Sources: docs.kraken.com/exchange/api-reference/spot-websocket-v2/ohlc and
.../heartbeat, read on 2026-11-21.

Facts: pairs are written as everywhere (``BTC/USD``, ``DOGE/USD``); there is an answer for each of them, then a snapshot that ends
with the candle in progress, then an update whenever there was a trade ("generated on trade events"). No message says that a
candle is closed, the last one about it was sent before its end, and a candle without trades never comes. A heartbeat comes every second in which nothing else does, once there is a subscription.
"""

from collections.abc import Mapping

from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.streams.candles import Candle
from qmd_platform.sandbox.streams.dialect import LAST_TRADE, Booth, Dialect, Kind, Said, Topic, Traded, What, answer
from qmd_platform.sandbox.streams.wire import Json, echoed, nanoseconds, printed, request, trimmed
from qmd_platform.sandbox.universe import Listing, wire_symbol

_SPOKEN = ("1m", "5m", "15m", "30m", "1h", "4h", "1d")
_INTERVALS = {Timeframe(t).step // MINUTE: Timeframe(t) for t in _SPOKEN}
_SNAPSHOT = 720
_QUIET = 1.0
_METHODS = ("subscribe", "unsubscribe")


class Kraken(Dialect):
    """Names of topics are ``interval:symbol``."""

    VENUE = "kraken"

    def __init__(self, booth: Booth, path: str, query: Mapping[str, str]) -> None:
        super().__init__(booth, path, query)
        self._traded = Traded()

    def greeting(self, now: Instant) -> list[Said]:
        """The ``status`` channel."""
        data = [
            {"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": 12_834_728_291_221_211_071}
        ]
        return [answer(printed({"channel": "status", "type": "update", "data": data}))]

    def hear(self, text: str, now: Instant) -> list[Said]:
        """Requests with ``method``, ``params`` and perhaps ``req_id``."""
        asked = request(text)
        if asked is None:
            return [_answer({}, {"error": "Malformed request", "success": False}, now)]
        method, params = asked.get("method"), asked.get("params")
        if method == "ping":
            return [_answer(asked, {"method": "pong"}, now)]
        if method not in _METHODS or not isinstance(params, dict):
            return [_answer(asked, {"error": "Event(s) not found", "success": False}, now)]
        symbols = params.get("symbol")
        named = [str(symbol) for symbol in symbols] if isinstance(symbols, list) else []
        if params.get("channel") != "ohlc" or not named:
            return [_answer(asked, {"error": "Subscription name invalid", "success": False}, now)]
        answers = self._subscribe if method == "subscribe" else self._unsubscribe
        return [said for symbol in named for said in answers(asked, params, symbol, now)]

    def candle(self, topic: Topic, candle: Candle, now: Instant, *, is_closed: bool) -> list[Said]:
        """An ``ohlc`` update; nothing where there was no trade. The last trade of a candle is before its end."""
        if not self._traded.is_news(topic, candle):
            return []
        at = now - LAST_TRADE if is_closed else now
        return [Said(_told("update", [candle], at), Kind.CLOSED if is_closed else Kind.FORMING, topic)]

    def beat(self, topic: Topic | None, quiet: float) -> Said | None:
        """The ``heartbeat`` channel."""
        if topic is not None or quiet < _QUIET or not self.topics:
            return None
        return Said('{"channel":"heartbeat"}', Kind.HEARTBEAT)

    def _subscribe(self, asked: Json, params: Json, symbol: str, now: Instant) -> list[Said]:
        interval = params.get("interval", 1)
        timeframe = _INTERVALS.get(interval) if isinstance(interval, int) else None
        if timeframe is None:
            return [_refused(asked, symbol, "Subscription ohlc interval not supported", now)]
        listing = self._listed(symbol, now)
        if listing is None:
            return [_refused(asked, symbol, f"Currency pair not supported {symbol}", now)]
        name = f"{interval}:{symbol}"
        if name in self.topics:
            return [_refused(asked, symbol, "Already subscribed", now)]
        topic = self.topics[name] = Topic(name, What.CANDLES, listing, timeframe)
        has_snapshot = params.get("snapshot", True) is not False
        result = {"channel": "ohlc", "interval": interval, "snapshot": has_snapshot, "symbol": symbol}
        said = [_answer(asked, {"result": result, "success": True}, now)]
        if has_snapshot:
            newest = self.booth.candles.newest(listing, timeframe, _SNAPSHOT, now)
            traded = [candle for candle in newest if candle.volume]
            if traded:
                self._traded.is_news(topic, traded[-1])
            said.append(Said(_told("snapshot", traded, now), Kind.SNAPSHOT, topic))
        return said

    def _unsubscribe(self, asked: Json, params: Json, symbol: str, now: Instant) -> list[Said]:
        interval = params.get("interval", 1)
        if self.topics.pop(f"{interval}:{symbol}", None) is None:
            return [_refused(asked, symbol, "Subscription Not Found", now)]
        result = {"channel": "ohlc", "interval": interval, "symbol": symbol}
        return [_answer(asked, {"result": result, "success": True}, now)]

    def _listed(self, symbol: str, now: Instant) -> Listing | None:
        base, slash, quote = symbol.partition("/")
        if not (base and slash and quote) or ":" in symbol:
            return None
        found = self.booth.listed(self.VENUE, wire_symbol(Market(self.VENUE, symbol)), "", now=now)
        return found if found is not None and found.market.symbol == symbol else None


def _told(kind: str, candles: list[Candle], now: Instant) -> str:
    rows = ",".join(_row(candle) for candle in candles)
    return f'{{"channel":"ohlc","type":"{kind}","timestamp":"{nanoseconds(now)}","data":[{rows}]}}'


def _row(candle: Candle) -> str:
    listing, ticks, lots = candle.listing, candle.listing.tick_digits, candle.listing.lot_digits
    average = candle.quote // max(candle.volume, 1)
    return (
        f'{{"symbol":"{listing.market.symbol}","open":{trimmed(candle.open, ticks)},"high":{trimmed(candle.high, ticks)},'
        f'"low":{trimmed(candle.low, ticks)},"close":{trimmed(candle.close, ticks)},"trades":{candle.trades},'
        f'"volume":{trimmed(candle.volume, lots)},"vwap":{trimmed(average, ticks)},'
        f'"interval_begin":"{nanoseconds(candle.open_at)}","interval":{candle.timeframe.step // MINUTE},'
        f'"timestamp":"{nanoseconds(candle.end)}"}}'
    )


def _refused(asked: Json, symbol: str, message: str, now: Instant) -> Said:
    return _answer(asked, {"error": message, "success": False, "symbol": symbol}, now)


def _answer(asked: Json, told: Json, now: Instant) -> Said:
    given = echoed(asked, "method", "req_id")
    return answer(printed({**given, **told, "time_in": nanoseconds(now), "time_out": nanoseconds(now)}))
