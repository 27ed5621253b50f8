"""How patient venues are with their clients, and that nothing a client sends breaks them."""

import asyncio
import gc
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.model.window import instant
from qmd_platform.sandbox.exchange import Exchange
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.sandbox.streams import binance, okx
from qmd_platform.sandbox.streams.binance import Binance
from qmd_platform.sandbox.streams.bitfinex import Bitfinex
from qmd_platform.sandbox.streams.bybit import Bybit
from qmd_platform.sandbox.streams.candles import CandlesNow
from qmd_platform.sandbox.streams.contracts import ContractsNow
from qmd_platform.sandbox.streams.dialect import Booth, Dialect, Limits
from qmd_platform.sandbox.streams.gate import Gate
from qmd_platform.sandbox.streams.kraken import Kraken
from qmd_platform.sandbox.streams.okx import Okx
from qmd_platform.sandbox.universe import listings
from tests.sandbox.ws_clients import NOW, Raw, talking, until

_SPEAKERS: tuple[tuple[type[Dialect], str], ...] = (
    (Binance, "linear/ws"),
    (Bitfinex, "ws/2"),
    (Bybit, "v5/public/linear"),
    (Gate, "linear/v4/ws/usdt"),
    (Kraken, "v2"),
    (Okx, "ws/v5/business"),
)
_BOOTH = Booth(Exchange(listings()), CandlesNow(), ContractsNow())
_NAMES = ("event", "op", "method", "channel", "args", "params", "payload", "key", "symbol", "interval", "id", "instId")
_WORDS = (
    "subscribe",
    "SUBSCRIBE",
    "unsubscribe",
    "candles",
    "ohlc",
    "status",
    "futures.tickers",
    "candle1m",
    "BTC/USD",
)
_LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(_WORDS), st.text(max_size=4))
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner), max_leaves=6
)
_REQUESTS = st.dictionaries(st.sampled_from(_NAMES), _VALUES).map(json.dumps) | st.text(max_size=12)


def test_a_ping_to_a_client_who_has_just_gone_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(binance._LIMITS, "spot", Limits(ping_every=1e-9, pong_within=60))  # noqa: SLF001 - at once
    troubles: list[object] = []

    async def told(sandbox: Sandbox, _: Raw) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
        (connection,) = sandbox.streams._connections  # noqa: SLF001 - the one that is cut
        connection.cut()
        connection.keep()
        await asyncio.sleep(0.05)
        gc.collect()  # tells of tasks that failed unheard

    talking("binance/spot/ws", told)
    assert troubles == []


def test_binance_sends_ping_frames_and_waits_for_the_pongs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(binance._LIMITS, "spot", Limits(ping_every=0.5, pong_within=60))  # noqa: SLF001 - not for a minute

    async def told(sandbox: Sandbox, raw: Raw) -> None:
        await until(lambda: raw.pings >= 2)
        assert raw.closed_with is None

    talking("binance/spot/ws", told)


def test_binance_ends_a_connection_without_pongs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(binance._LIMITS, "spot", Limits(ping_every=0.5, pong_within=0.5))  # noqa: SLF001 - as above

    async def told(sandbox: Sandbox, raw: Raw) -> None:
        raw.answers_pings = False
        await until(lambda: raw.closed_with is not None)
        assert raw.closed_with == 1008

    talking("binance/spot/ws", told)


def test_okx_ends_a_connection_on_which_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(okx.Okx, "limits", Limits(idle=0.5))

    async def told(sandbox: Sandbox, raw: Raw) -> None:
        await until(lambda: raw.closed_with is not None)
        assert raw.closed_with == 4004

    talking("okx/ws/v5/public", told)


@settings(max_examples=100)
@given(speaker=st.sampled_from(_SPEAKERS), asked=st.lists(_REQUESTS, max_size=4))
def test_whatever_a_client_sends_is_answered(speaker: tuple[type[Dialect], str], asked: list[str]) -> None:
    kind, path = speaker
    dialect, now = kind(_BOOTH, path, {}), instant(NOW)
    dialect.greeting(now)
    for text in asked:
        for said in dialect.hear(text, now):
            assert said.text == "pong" or json.loads(said.text) is not None
