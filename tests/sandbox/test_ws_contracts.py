"""Mark, index, predicted funding and open interest over WebSockets: the same as the closed forms and as REST."""

import numpy as np
import pytest

from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.sandbox.snapshots import open_interest_truth, predictions_truth
from tests.sandbox.ws_clients import START, Raw, passed, rest, talking


def _predicted(market: str, at: int) -> tuple[int, float]:
    next_at, rate = predictions_truth(Market.parse(market), np.array([at], np.int64))
    return int(next_at[0]), float(rate[0])


def _contracts(market: str, at: int) -> float:
    return float(open_interest_truth(Market.parse(market), np.array([at], np.int64)).contracts[0])


def test_binance_says_marks_at_the_pace_of_the_stream_as_rest_has_them() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        streams = ["btcusdt@markPrice", "ethusdt@markPrice@1s"]
        await raw.ask({"method": "SUBSCRIBE", "params": streams, "id": 1})
        said = await passed(sandbox, raw, 0.1)
        assert [(one["s"], one["E"] - START) for one in said] == [
            *(("ETHUSDT", second * 1000) for second in (31, 32)),
            ("BTCUSDT", 33_000),
            *(("ETHUSDT", second * 1000) for second in (33, 34, 35)),
            ("BTCUSDT", 36_000),
            ("ETHUSDT", 36_000),
        ]
        shown = await rest(sandbox, "/fapi/v1/premiumIndex?symbol=BTCUSDT")
        last = said[-2]
        assert (float(last["p"]), float(last["i"])) == (float(shown["markPrice"]), float(shown["indexPrice"]))
        assert (last["T"], last["E"]) == (shown["nextFundingTime"], shown["time"])
        assert [(one["T"], float(one["r"])) for one in said if one["s"] == "ETHUSDT"] == [
            _predicted("binance:ETH/USDT:USDT", one["E"]) for one in said if one["s"] == "ETHUSDT"
        ]

    talking("binance/linear/ws", told)


def test_gate_tickers_of_several_contracts_are_those_of_rest() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        asked = {"channel": "futures.tickers", "event": "subscribe", "payload": ["BTC_USDT", "ETH_USDT"]}
        assert (await raw.ask(asked))[0]["result"] == {"status": "success"}
        said = await passed(sandbox, raw, 10 / 60)
        rows = {one["result"][0]["contract"]: one["result"][0] for one in said}
        shown = {row["name"]: row for row in await rest(sandbox, "/api/v4/futures/usdt/contracts")}
        assert set(rows) == {"BTC_USDT", "ETH_USDT"}
        for wire, row in rows.items():
            for name in ("mark_price", "index_price", "funding_rate_indicative"):
                assert float(row[name]) == float(shown[wire][name])
            assert int(row["total_size"]) == shown[wire]["position_size"]
        unknown = await raw.ask({"channel": "futures.tickers", "event": "subscribe", "payload": ["NOCOIN_USDT"]})
        assert unknown[0]["error"]["message"] == "unknown contract: NOCOIN_USDT"

    talking("gate/linear/v4/ws/usdt", told)


def test_bitfinex_says_the_row_of_its_status_first_at_once() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        key = "deriv:tBTCF0:USTF0"
        subscribed, first = await raw.ask({"event": "subscribe", "channel": "status", "key": key}, 2)
        assert (subscribed["key"], subscribed["chanId"]) == (key, first[0])
        (shown,) = await rest(sandbox, "/v2/status/deriv?keys=tBTCF0:USTF0")
        assert first[1] == shown[1:]
        said = await passed(sandbox, raw, 0.5)
        assert [one[1][0] - START for one in said] == [40_000, 50_000, 60_000]
        wrong = await raw.ask({"event": "subscribe", "channel": "status", "key": "deriv:tNOCOIN"})
        assert wrong[0]["code"] == 10300

    talking("bitfinex/ws/2", told)


@pytest.mark.parametrize(
    ("channel", "wire", "path", "fields"),
    [
        ("mark-price", "BTC-USDT-SWAP", "mark-price?instType=SWAP&instId=BTC-USDT-SWAP", ("markPx",)),
        (
            "funding-rate",
            "BTC-USDT-SWAP",
            "funding-rate?instId=BTC-USDT-SWAP",
            ("fundingRate", "fundingTime", "nextFundingTime"),
        ),
        (
            "open-interest",
            "BTC-USDT-SWAP",
            "open-interest?instType=SWAP&instId=BTC-USDT-SWAP",
            ("oi", "oiCcy", "oiUsd"),
        ),
    ],
)
def test_okx_pushes_what_rest_has(channel: str, wire: str, path: str, fields: tuple[str, ...]) -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        _, first = await raw.ask({"op": "subscribe", "args": [{"channel": channel, "instId": wire}]}, 2)
        shown = (await rest(sandbox, f"/api/v5/public/{path}"))["data"][0]
        row = first["data"][0]
        assert {name: float(row[name]) for name in fields} == {name: float(shown[name]) for name in fields}
        assert (row["instId"], row["ts"]) == (wire, shown["ts"])
        said = await passed(sandbox, raw, 1)
        assert len(said) == (2 if channel == "funding-rate" else 6)

    talking("okx/ws/v5/public", told)


def test_okx_s_index_is_spelled_as_the_pair_it_is_of() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        arg = {"channel": "index-tickers", "instId": "BTC-USDT"}
        _, first = await raw.ask({"op": "subscribe", "args": [arg]}, 2)
        binance = await rest(sandbox, "/fapi/v1/premiumIndex?symbol=BTCUSDT")
        assert float(first["data"][0]["idxPx"]) == pytest.approx(float(binance["indexPrice"]), rel=1e-3)
        assert first["data"][0]["instId"] == "BTC-USDT"

    talking("okx/ws/v5/public", told)


def test_bybit_says_all_first_and_then_what_has_changed() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        acknowledged, first = await raw.ask({"op": "subscribe", "args": ["tickers.BTCUSDT"]}, 2)
        assert acknowledged["success"]
        assert first["type"] == "snapshot"
        said = await passed(sandbox, raw, 2)
        assert {one["type"] for one in said} == {"delta"}
        state = dict(first["data"])
        for one in said:
            assert all(state[name] != value for name, value in one["data"].items() if name != "symbol")
            state |= one["data"]
        shown = (await rest(sandbox, "/v5/market/tickers?category=linear&symbol=BTCUSDT"))["result"]["list"][0]
        numbers = ("markPrice", "indexPrice", "openInterest", "fundingRate", "nextFundingTime", "fundingIntervalHour")
        assert {name: float(state[name]) for name in numbers} == {name: float(shown[name]) for name in numbers} | {
            "fundingRate": _predicted("bybit:BTC/USDT:USDT", said[-1]["ts"])[1]
        }
        assert float(state["openInterest"]) == _contracts("bybit:BTC/USDT:USDT", START + 2 * MINUTE)

    talking("bybit/v5/public/linear", told)
