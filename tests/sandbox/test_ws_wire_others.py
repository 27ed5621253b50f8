"""The WebSockets of Bitfinex, Bybit, Kraken and OKX, word by word."""

import pytest

from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import instant, iso
from qmd_platform.sandbox.service import Sandbox
from tests.sandbox.ws_clients import START, Json, Raw, passed, talking, true_rows

_KEY = "trade:1m:tBTCUSD"


def _as_candle(row: Json) -> list[float]:
    """Bitfinex prints the close before the high."""
    at, open_, close, high, low, volume = row
    return [at, open_, high, low, close, volume]


def test_bitfinex_says_a_snapshot_then_candles_then_the_one_before_again() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        subscribed, (channel, snapshot) = await raw.ask({"event": "subscribe", "channel": "candles", "key": _KEY}, 2)
        assert raw.heard[0]["event"] == "info"
        assert subscribed == {"event": "subscribed", "channel": "candles", "chanId": channel, "key": _KEY}
        opens = [row[0] for row in snapshot]
        assert opens == sorted(opens, reverse=True)
        assert opens[0] == START
        said = await passed(sandbox, raw, 1)
        assert [one[1][0] - START for one in said] == [0, 0, 0, MINUTE, 0, MINUTE, MINUTE]
        assert said[2] == said[4]
        assert [_as_candle(said[2][1])] == true_rows(sandbox, "bitfinex:BTC/USD")

    talking("bitfinex/ws/2", told)


def test_bitfinex_appends_sequence_and_time_where_that_was_asked_for() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        assert await raw.ask({"event": "conf", "flags": 98304}) == [{"event": "conf", "status": "OK", "flags": 98304}]
        await raw.ask({"event": "subscribe", "channel": "candles", "key": _KEY}, 2)
        said = await passed(sandbox, raw, 0.5)
        assert [one[2:] for one in said] == [[2, START + 40_000], [3, START + 50_000], [4, START + 59_999]]

    talking("bitfinex/ws/2", told)


def test_bitfinex_refuses_with_its_codes() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        async def code(channel: str, key: str) -> int:
            found: int = (await raw.ask({"event": "subscribe", "channel": channel, "key": key}))[-1]["code"]
            return found

        assert await raw.ask({"event": "ping", "cid": 5}) == [{"event": "pong", "ts": START + 30_000, "cid": 5}]
        assert await code("candles", "trade:1m:tNOCOIN") == 10300
        assert await code("candles", "trade:7m:tBTCUSD") == 10300
        assert await code("gossip", _KEY) == 10302
        await raw.ask({"event": "subscribe", "channel": "candles", "key": _KEY}, 2)
        assert await code("candles", _KEY) == 10301
        assert (await raw.ask({"event": "unsubscribe", "chanId": 1}))[0]["code"] == 10400
        for step in ("5m", "15m", "30m", "1h", "4h", "6h"):
            for wire in ("tBTCUSD", "tETHUSD", "tBTCUST", "tETHUST"):
                await raw.ask({"event": "subscribe", "channel": "candles", "key": f"trade:{step}:{wire}"}, 2)
        assert await code("candles", "trade:12h:tBTCUSD") == 10305

    talking("bitfinex/ws/2", told)


@pytest.mark.parametrize(("wire", "market"), [("BTC-USDT", "okx:BTC/USDT"), ("BTC-USDT-SWAP", "okx:BTC/USDT:USDT")])
def test_okx_confirms_the_closed_candle_and_says_the_first_at_once(wire: str, market: str) -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        arg = {"channel": "candle1m", "instId": wire}
        acknowledged, first = await raw.ask({"op": "subscribe", "args": [arg]}, 2)
        assert acknowledged == {"event": "subscribe", "arg": arg, "connId": acknowledged["connId"]}
        assert first["arg"] == arg
        said = await passed(sandbox, raw, 0.5)
        assert [one["data"][0][8] for one in [first, *said]] == ["0", "0", "0", "1"]
        closed = [float(cell) for cell in said[-1]["data"][0]]
        in_base = closed[5 if wire == "BTC-USDT" else 6]
        assert [[*closed[:5], in_base]] == true_rows(sandbox, market)
        gone = await raw.ask({"op": "unsubscribe", "args": [arg]})
        assert gone[0]["event"] == "unsubscribe"
        assert await passed(sandbox, raw, 2) == []

    talking("okx/ws/v5/business", told)


@pytest.mark.parametrize(("path", "wire"), [("business", "NOCOIN-USDT"), ("public", "BTC-USDT")])
def test_okx_names_what_does_not_exist_at_the_address(path: str, wire: str) -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        assert await raw.ask("ping") == ["pong"]
        (refused,) = await raw.ask({"op": "subscribe", "args": [{"channel": "candle1m", "instId": wire}]})
        assert (refused["event"], refused["code"]) == ("error", "60018")
        assert f"channel:candle1m,instId:{wire} doesn't exist" in refused["msg"]
        assert (await raw.ask("hello"))[0]["code"] == "60012"

    talking(f"okx/ws/v5/{path}", told)


def test_bybit_confirms_the_closed_kline() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        (acknowledged,) = await raw.ask({"op": "subscribe", "args": ["kline.1.BTCUSDT"], "req_id": "9"})
        assert (acknowledged["success"], acknowledged["req_id"]) == (True, "9")
        said = await passed(sandbox, raw, 0.5)
        assert [one["data"][0]["confirm"] for one in said] == [False, False, True]
        closed = said[-1]["data"][0]
        numbers = [closed["start"], *(float(closed[name]) for name in ("open", "high", "low", "close", "volume"))]
        assert [numbers] == true_rows(sandbox, "bybit:BTC/USDT:USDT")
        assert (await raw.ask({"op": "unsubscribe", "args": ["kline.1.BTCUSDT"]}))[0]["success"]
        assert await passed(sandbox, raw, 2) == []

    talking("bybit/v5/public/linear", told)


def test_bybit_refuses_unknown_topics_and_more_than_ten_at_once() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        (pong,) = await raw.ask({"op": "ping", "req_id": "1"})
        assert (pong["ret_msg"], pong["op"]) == ("pong", "ping")
        (refused,) = await raw.ask({"op": "subscribe", "args": ["kline.1.NOCOIN"]})
        assert (refused["success"], refused["ret_msg"]) == (False, "error:handler not found,topic:kline.1.NOCOIN")
        (many,) = await raw.ask({"op": "subscribe", "args": ["kline.1.BTCUSDT"] * 11})
        assert many["ret_msg"] == "args size >10"

    talking("bybit/v5/public/spot", told)


def test_kraken_says_a_snapshot_and_then_what_traded_without_any_flag() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        params = {"channel": "ohlc", "symbol": ["BTC/USD"], "interval": 1}
        acknowledged, snapshot = await raw.ask({"method": "subscribe", "params": params, "req_id": 4}, 2)
        assert raw.heard[0]["channel"] == "status"
        assert acknowledged["success"]
        assert acknowledged["req_id"] == 4
        assert (snapshot["type"], snapshot["data"][-1]["interval_begin"]) == (
            "snapshot",
            "2026-11-20T12:34:00.000000000Z",
        )
        said = await passed(sandbox, raw, 0.5)
        assert {one["type"] for one in said} == {"update"}
        closed = said[-1]["data"][0]
        numbers = [START, *(closed[name] for name in ("open", "high", "low", "close", "volume"))]
        assert [numbers] == true_rows(sandbox, "kraken:BTC/USD")
        assert closed["timestamp"] == "2026-11-20T12:35:00.000000000Z"
        assert said[-1]["timestamp"] == "2026-11-20T12:34:59.999000000Z", "with its last trade, which is before its end"

    talking("kraken/v2", told)


_PARAMS = {"channel": "ohlc", "symbol": ["BTC/USD"], "interval": 1}


@pytest.mark.parametrize(
    ("path", "market", "asked"),
    [
        ("kraken/v2", "kraken:BTC/USD", {"method": "subscribe", "params": _PARAMS}),
        ("bitfinex/ws/2", "bitfinex:BTC/USD", {"event": "subscribe", "channel": "candles", "key": _KEY}),
    ],
)
def test_without_trades_nothing_is_said_not_even_that_a_candle_is_over(path: str, market: str, asked: Json) -> None:
    def minute(said: Json) -> int:
        if isinstance(said, list):
            return int(said[1][0])
        return instant(said["data"][0]["interval_begin"])

    async def told(sandbox: Sandbox, raw: Raw) -> None:
        await raw.ask(asked, 2)
        assert [minute(one) - START for one in await passed(sandbox, raw, 0.5)] == [0, 0, 0]
        said = await passed(sandbox, raw, 2.2)
        assert minute(said[0]) - START == 3 * MINUTE

    quiet = {"start": iso(START + MINUTE), "end": iso(START + 3 * MINUTE), "flat": market.startswith("kraken")}
    talking(path, told, [{"kind": "gap", "market": market, **quiet}])


def test_kraken_answers_pings_and_refuses_in_its_words() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        (pong,) = await raw.ask({"method": "ping", "req_id": 1})
        assert (pong["method"], pong["req_id"]) == ("pong", 1)
        params = {"channel": "ohlc", "symbol": ["NO/COIN"], "interval": 1}
        (refused,) = await raw.ask({"method": "subscribe", "params": params})
        assert (refused["success"], refused["error"]) == (False, "Currency pair not supported NO/COIN")
        (odd,) = await raw.ask({"method": "subscribe", "params": {**params, "symbol": ["BTC/USD"], "interval": 7}})
        assert odd["error"] == "Subscription ohlc interval not supported"

    talking("kraken/v2", told)
