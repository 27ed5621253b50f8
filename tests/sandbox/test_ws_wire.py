"""The sandbox's WebSockets, word by word: what each venue answers, and what it says of candles."""

import asyncio
from contextlib import suppress

import pytest
from aiohttp import ClientConnectionError

from qmd_platform.model.timeframe import MINUTE
from qmd_platform.sandbox.service import Sandbox
from tests.sandbox.ws_clients import PATIENCE, START, Raw, passed, talking, true_rows, until


def test_binance_says_every_kline_that_forms_and_flags_the_closed_one() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        assert await raw.ask({"method": "SUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 7}) == [
            {"result": None, "id": 7}
        ]
        said = await passed(sandbox, raw, 0.75)
        assert [(one["E"], one["k"]["x"]) for one in said] == [
            (START + 40_000, False),
            (START + 50_000, False),
            (START + 60_000, True),
            (START + 70_000, False),
        ]
        closed = said[2]["k"]
        numbers = [closed["t"], *(float(closed[name]) for name in "ohlcv")]
        assert [numbers] == true_rows(sandbox, "binance:BTC/USDT")
        assert float(said[0]["k"]["v"]) < float(said[1]["k"]["v"]) < float(closed["v"])
        assert said[3]["k"]["t"] == START + MINUTE

    talking("binance/spot/ws", told)


def test_binance_wraps_what_comes_from_a_combined_address() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        assert await raw.ask({"method": "LIST_SUBSCRIPTIONS", "id": 1}) == [
            {"result": ["btcusdt@kline_1m", "ethusdt@kline_15m"], "id": 1}
        ]
        said = await passed(sandbox, raw, 0.5)
        assert [one["stream"] for one in said[-2:]] == ["btcusdt@kline_1m", "ethusdt@kline_15m"]
        assert [one["data"]["k"]["x"] for one in said[-2:]] == [True, False]

    talking("binance/linear/stream?streams=btcusdt@kline_1m/ethusdt@kline_15m", told)


def test_binance_accepts_streams_that_do_not_exist_and_never_says_anything_of_them() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        unknown = ["nocoin@kline_1m", "BTCUSDT@kline_1m", "btcusdt@kline_7m"]
        assert await raw.ask({"method": "SUBSCRIBE", "params": unknown, "id": 1}) == [{"result": None, "id": 1}]
        assert await passed(sandbox, raw, 2) == []
        assert (await raw.ask("{"))[0]["error"]["code"] == 3
        wrong = await raw.ask({"method": "BUY", "id": 2})
        assert wrong[0]["error"]["code"] == 2
        assert "unknown variant `BUY`" in wrong[0]["error"]["msg"]

    talking("binance/spot/ws", told)


def test_binance_refuses_more_streams_than_a_connection_may_have() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        wanted = [f"coin{number}@kline_1m" for number in range(201)]
        refused = await raw.ask({"method": "SUBSCRIBE", "params": wanted, "id": 1})
        assert refused[0]["error"]["code"] == 2
        assert await raw.ask({"method": "SUBSCRIBE", "params": wanted[:200], "id": 2}) == [{"result": None, "id": 2}]

    talking("binance/linear/market/ws", told)


def test_binance_ends_a_connection_that_asks_too_often() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        async def asks_for_ever() -> None:
            while True:
                await raw.socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})

        with suppress(ClientConnectionError):
            await asyncio.wait_for(asks_for_ever(), PATIENCE)
        await until(lambda: raw.closed_with is not None)
        assert raw.closed_with == 1008
        assert len(raw.heard) >= 5

    talking("binance/spot/ws", told)


def test_gate_flags_the_closed_window_and_counts_contracts() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        asked = {
            "time": 1,
            "id": 3,
            "channel": "futures.candlesticks",
            "event": "subscribe",
            "payload": ["1m", "BTC_USDT"],
        }
        (acknowledged,) = await raw.ask(asked)
        assert acknowledged["result"] == {"status": "success"}
        assert acknowledged["id"] == 3
        said = await passed(sandbox, raw, 0.5)
        rows = [one["result"][0] for one in said]
        assert [row["w"] for row in rows] == [False, False, True]
        assert {row["n"] for row in rows} == {"1m_BTC_USDT"}
        closed = rows[-1]
        assert [[closed["t"] * 1000, *(float(closed[name]) for name in "ohlc"), float(closed["a"])]] == true_rows(
            sandbox, "gate:BTC/USDT:USDT"
        )
        assert closed["v"] == round(float(closed["a"]) / 0.0001)

    talking("gate/linear/v4/ws/usdt", told)


def test_gate_spot_says_base_coins_beside_quote_coins() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        await raw.ask({"channel": "spot.candlesticks", "event": "subscribe", "payload": ["1m", "BTC_USDT"]})
        closed = (await passed(sandbox, raw, 0.5))[-1]["result"]
        numbers = [int(closed["t"]) * 1000, *(float(closed[name]) for name in "ohlca")]
        assert [numbers] == true_rows(sandbox, "gate:BTC/USDT")
        assert float(closed["v"]) == pytest.approx(float(closed["a"]) * float(closed["c"]), rel=0.01)
        unsubscribed = {"channel": "spot.candlesticks", "event": "unsubscribe", "payload": ["1m", "BTC_USDT"]}
        assert (await raw.ask(unsubscribed))[0]["result"] == {"status": "success"}
        assert await passed(sandbox, raw, 2) == []

    talking("gate/spot/ws/v4/", told)


def test_gate_answers_pings_and_names_what_it_does_not_know() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        assert (await raw.ask({"channel": "spot.ping"}))[0]["channel"] == "spot.pong"
        asked = {"channel": "spot.candlesticks", "event": "subscribe", "payload": ["1m", "NOCOIN_USDT"]}
        (refused,) = await raw.ask(asked)
        assert refused["error"] == {"code": 2, "message": "unknown currency pair: NOCOIN_USDT"}
        assert refused["result"] == {"status": "fail"}

    talking("gate/spot/ws/v4/", told)
