"""Messages that real venues sent, as recorded, have the shape of the sandbox's."""

import json
from pathlib import Path

from qmd_platform.sandbox.service import Sandbox
from tests.sandbox.ws_clients import Json, Raw, passed, talking


def _shape(value: Json) -> Json:
    """Names and kinds of everything in a message; a missing number is a number."""
    if isinstance(value, dict):
        return {name: _shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_shape(one) for one in value]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _recorded(folder: Path, file: str, part: str) -> list[Json]:
    """The messages of a log whose text has ``part``."""
    lines = (folder / "ws_cryptofeed" / file).read_text(encoding="utf-8").splitlines()
    received = (line.partition(": ")[2] for line in lines if line[:1].isdigit())
    return [json.loads(text) for text in received if part in text]


def _said(path: str, asked: Json) -> list[Json]:
    found: list[Json] = []

    async def told(sandbox: Sandbox, raw: Raw) -> None:
        found.extend(await raw.ask(asked))
        found.extend(await passed(sandbox, raw, 0.5))

    talking(path, told)
    return found


def test_binance_s_kline(shared_data: Path) -> None:
    asked = {"method": "SUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 1}
    _, *said = _said("binance/linear/stream", asked)
    recorded = _recorded(shared_data, "BINANCE_FUTURES.ws.1.0", "@kline_1m")
    assert {json.dumps(_shape(one)) for one in recorded} == {json.dumps(_shape(one)) for one in said}
    assert {one["data"]["k"]["x"] for one in recorded} == {one["data"]["k"]["x"] for one in said}


def test_gate_s_candlestick_has_since_got_an_amount_and_a_flag(shared_data: Path) -> None:
    asked = {"time": 1, "channel": "futures.candlesticks", "event": "subscribe", "payload": ["1m", "BTC_USDT"]}
    acknowledged, *said = _said("gate/linear/v4/ws/usdt", asked)
    recorded = _recorded(shared_data, "GATEIO_FUTURES.ws.1.0", '"futures.candlesticks","event":"update"')
    now, then = _shape(said[0]), _shape(recorded[0])
    assert now["result"][0].items() - then["result"][0].items() == {("a", "str"), ("w", "bool")}
    assert now | {"result": None} == then | {"result": None}
    (answered, *_) = _recorded(shared_data, "GATEIO_FUTURES.ws.1.0", '"futures.candlesticks","event":"subscribe"')
    assert _shape(answered).items() <= _shape(acknowledged).items()


def test_bitfinex_s_events_and_status(shared_data: Path) -> None:
    asked = {"event": "subscribe", "channel": "status", "key": "deriv:tBTCF0:USTF0"}
    subscribed, *said = _said("bitfinex/ws/2", asked)
    (recorded, *_) = _recorded(shared_data, "BITFINEX.ws.11.0", '"event":"subscribed"')
    assert recorded.keys() - {"symbol", "pair"} == subscribed.keys() - {"key"}
    sample = (shared_data / "docsamples_bitfinex" / "DerivStatus.txt").read_text(encoding="utf-8")
    example = json.loads(sample.partition("= ")[2])
    mine = said[0]
    # places that documentation says nothing of are empty; the last two are the clamps
    assert len(mine[1]) == len(example[1])
    assert [place for place, one in enumerate(mine[1][:21]) if one is None] == [
        place for place, one in enumerate(example[1][:21]) if one is None
    ]
