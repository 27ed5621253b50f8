"""Gate's WebSocket v4: ``spot/ws/v4/`` and ``linear/v4/ws/usdt``.

What lives here: its requests, answers and updates. Sources: gate.com/docs/developers/apiv4/ws and .../futures/ws, read
through ccxt 4.5.64 on 2026-11-21; recorded candlesticks of 2023-05-24 (cryptofeed's ``GATEIO_FUTURES.ws.1.0``).

Facts: ``n`` is ``<interval>_<market>``; ``w`` says that the candle's window is closed. Spot: one object, texts, ``v`` in quote
coins and ``a`` in base coins. Perpetuals: a list of objects, ``t`` a number, ``v`` a whole number of contracts, ``a`` the
amount in base coins. ``futures.tickers`` has mark, index, the predicted rate and open interest, but not when it is settled
(gate.com, "Tickers subscription"). ``<spot|futures>.ping`` is answered by ``.pong``.
"""

from collections.abc import Mapping

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.streams.candles import Candle
from qmd_platform.sandbox.streams.contracts import Contract
from qmd_platform.sandbox.streams.dialect import Booth, Dialect, Kind, Said, Topic, What, answer
from qmd_platform.sandbox.streams.wire import Json, echoed, fixed, printed, request, times, trimmed
from qmd_platform.sandbox.universe import Listing

_INTERVALS = {t: Timeframe(t) for t in ("1m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "1d")}
_EVENTS = ("subscribe", "unsubscribe")
_TICKERS = "futures.tickers"
_BAD_REQUEST, _BAD_ARGUMENT = 1, 2


class Gate(Dialect):
    """``spot`` speaks channels that begin with ``spot.``, ``linear`` those that begin with ``futures.``."""

    VENUE = "gate"

    def __init__(self, booth: Booth, path: str, query: Mapping[str, str]) -> None:
        super().__init__(booth, path, query)
        self._is_spot = path.startswith("spot/")
        self._group = "spot" if self._is_spot else "futures"

    def hear(self, text: str, now: Instant) -> list[Said]:
        """Requests with ``channel``, ``event`` and ``payload``."""
        asked = request(text)
        if asked is None:
            return [_refusal(now, {}, _BAD_REQUEST, "invalid json")]
        if asked.get("channel") == f"{self._group}.ping":
            return [
                answer(printed({**_head(now, asked), "channel": f"{self._group}.pong", "event": "", "result": None}))
            ]
        if asked.get("event") not in _EVENTS:
            return [_refusal(now, asked, _BAD_REQUEST, f"unknown event {asked.get('event')}")]
        topics = self._asked(asked, now)
        if isinstance(topics, str):
            return [_refusal(now, asked, _BAD_ARGUMENT, topics)]
        for topic in topics:
            if asked["event"] == "subscribe":
                self.topics[topic.name] = topic
            else:
                self.topics.pop(topic.name, None)
        return [answer(printed({**_head(now, asked), "result": {"status": "success"}}))]

    def candle(self, topic: Topic, candle: Candle, now: Instant, *, is_closed: bool) -> list[Said]:
        """A ``candlesticks`` update."""
        ticks, closed = candle.listing.tick_digits, "true" if is_closed else "false"
        prices = ",".join(
            f'"{name}":"{fixed(price, ticks)}"'
            for name, price in zip("chlo", (candle.close, candle.high, candle.low, candle.open), strict=True)
        )
        tail = f'"n":"{candle.timeframe.value}_{candle.listing.wire}","a":"{_base(candle)}","w":{closed}'
        if self._is_spot:
            quote = fixed(candle.quote, ticks + candle.listing.lot_digits)
            result = f'{{"t":"{candle.open_at // 1000}","v":"{quote}",{prices},{tail}}}'
        else:
            result = f'[{{"t":{candle.open_at // 1000},"v":{candle.volume},{prices},{tail}}}]'
        text = f'{{"time":{now // 1000},"time_ms":{now},"channel":"{self._group}.candlesticks","event":"update","result":{result}}}'
        return [Said(text, Kind.CLOSED if is_closed else Kind.FORMING, topic)]

    def contract(self, topic: Topic, contract: Contract, now: Instant) -> list[Said]:
        """A ``tickers`` update. Gate says no time of the next settlement here."""
        mark, index = contract.price(contract.mark), contract.price(contract.index)
        text = (
            f'{{"time":{now // 1000},"time_ms":{now},"channel":"{_TICKERS}","event":"update","result":[{{'
            f'"contract":"{contract.listing.wire}","last":"{mark}","change_percentage":"0",'
            f'"funding_rate":"{contract.rate_text}","funding_rate_indicative":"{contract.rate_text}",'
            f'"mark_price":"{mark}","index_price":"{index}","total_size":"{contract.size:f}","quanto_base_rate":""}}]}}'
        )
        return [Said(text, Kind.MARK, topic)]

    def _asked(self, asked: Json, now: Instant) -> list[Topic] | str:
        """The topics a request is about; what is wrong with it otherwise."""
        readers = {f"{self._group}.candlesticks": self._candlesticks, _TICKERS: self._tickers}
        read = readers.get(str(asked.get("channel")))
        payload = asked.get("payload")
        if read is None or not isinstance(payload, list):
            return f"unknown channel {asked.get('channel')}" if read is None else "payload must be a list"
        return read(payload, now)

    def _candlesticks(self, payload: list[object], now: Instant) -> list[Topic] | str:
        """The one topic of ``[interval, market]``; what is wrong with it otherwise."""
        interval, wire = (str(part) for part in [*payload, "", ""][:2])
        timeframe = _INTERVALS.get(interval)
        if timeframe is None:
            return f"invalid interval: {interval}"
        listing = self._listed(wire, now)
        return (
            self._unknown(wire) if listing is None else [Topic(f"{interval}_{wire}", What.CANDLES, listing, timeframe)]
        )

    def _tickers(self, payload: list[object], now: Instant) -> list[Topic] | str:
        """A topic for each contract; what is wrong with one of them otherwise."""
        topics: list[Topic] = []
        for wire in map(str, payload):
            listing = None if self._is_spot else self._listed(wire, now)
            if listing is None:
                return self._unknown(wire)
            topics.append(Topic(f"tickers_{wire}", What.CONTRACT, listing))
        return topics

    def _listed(self, wire: str, now: Instant) -> Listing | None:
        return self.booth.listed(self.VENUE, wire, "" if self._is_spot else "USDT", now=now)

    def _unknown(self, wire: str) -> str:
        return f"unknown currency pair: {wire}" if self._is_spot else f"unknown contract: {wire}"


def _base(candle: Candle) -> str:
    listing = candle.listing
    if listing.is_spot:
        return fixed(candle.volume, listing.lot_digits)
    return trimmed(*times(candle.volume, listing.lot_digits, listing.contract_size))


def _head(now: Instant, asked: Json) -> Json:
    """What every answer begins with."""
    return {"time": now // 1000, "time_ms": now, **echoed(asked, "id", "channel", "event", "payload")}


def _refusal(now: Instant, asked: Json, code: int, message: str) -> Said:
    told: Json = {"error": {"code": code, "message": message}, "result": {"status": "fail"}}
    return answer(printed({**_head(now, asked), **told}))
