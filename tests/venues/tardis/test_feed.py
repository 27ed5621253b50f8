"""Tardis's raw feed over real sockets: the venue's own words of one minute, breaks told, nothing taken that is cut or foreign."""

import asyncio
import gzip
import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from qmd_platform.errors import BadPage, ConfigError, Refused, VenueDown
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.sandbox.tardis import KEY
from qmd_platform.venues.tardis.feed import Filter, Said, data_feed
from qmd_platform.venues.tardis.wire import Wire
from tests.venues.asking import QUICK
from tests.venues.writtenserver import Reply, writing

AT = instant("2026-11-02T07:05Z")
BTC = Filter("trade", ("BTC/USD",))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serving(now="2026-11-20T12:00:00Z") as served:
        yield served


def feed(url: str, exchange: str, at: int, filters: Sequence[Filter] = (BTC,), key: str = KEY) -> list[Said | None]:
    async def go() -> list[Said | None]:
        async with Wire(url=url, key=key, patience=QUICK, timeout_seconds=30) as wire:
            return await data_feed(wire, exchange, at, filters)

    return asyncio.run(go())


def said(lines: Sequence[Said | None]) -> list[Any]:
    return [json.loads(line.message) for line in lines if line is not None]


def test_a_minutes_messages_are_the_venues_own_and_add_up_to_its_trades(sandbox: Sandbox):
    truth = sandbox.truth(Market("binance", "BTC/USDT"), Timeframe.M1, Window(AT, AT + MINUTE))
    lines = [
        line
        for at in (AT, AT + MINUTE)
        for line in feed(sandbox.url, "binance", at, [Filter("trade", ("btcusdt",))])
        if line is not None
    ]
    assert [line.local_us for line in lines] == sorted(line.local_us for line in lines)
    data = [one["data"] for one in said(lines) if AT <= one["data"]["T"] < AT + MINUTE]
    prices = [float(one["p"]) for one in data]
    assert [prices[0], max(prices), min(prices), prices[-1]] == [
        float(column[0]) for column in (truth.open, truth.high, truth.low, truth.close)
    ]
    assert sum(float(one["q"]) for one in data) == pytest.approx(float(truth.volume[0]))
    assert {one["stream"] for one in said(lines)} == {"btcusdt@trade"}


def test_krakens_two_apis_are_said_as_each_said_it(sandbox: Sandbox):
    new = instant("2026-07-01T00:00Z")
    first = [feed(sandbox.url, "kraken", new - n * MINUTE, [Filter("trade", ("XBT/USD",))]) for n in range(1, 6)]
    second = [feed(sandbox.url, "kraken", new + n * MINUTE) for n in range(5)]
    assert {(one[2], one[3]) for lines in first for one in said(lines)} == {("trade", "XBT/USD")}
    assert {(one["channel"], one["data"][0]["symbol"]) for lines in second for one in said(lines)} == {
        ("trade", "BTC/USD")
    }


def test_where_tardiss_connection_broke_is_told(sandbox: Sandbox):
    sandbox.tardis.away.append(Window(AT + 15_000, AT + 30_000))
    try:
        lines = feed(sandbox.url, "binance", AT, [Filter("trade", ("btcusdt",))])
    finally:
        sandbox.tardis.away.clear()
    place = lines.index(None)
    assert lines.count(None) == 1
    assert all(line is not None and line.local_us < (AT + 15_000) * 1000 for line in lines[:place])
    assert all(line is not None and line.local_us >= (AT + 30_000) * 1000 for line in lines[place + 1 :])


def test_a_key_is_needed_but_for_the_first_of_a_month(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TARDIS_API_KEY", raising=False)
    with pytest.raises(Refused, match="HTTP 401"):
        feed(sandbox.url, "kraken", AT, key="")
    assert feed(sandbox.url, "kraken", instant("2026-11-01T07:05Z"), key="") != []


@pytest.mark.parametrize(
    ("exchange", "at", "channel", "why"),
    [
        ("krakken", AT, "trade", "did you mean kraken"),
        ("kraken", AT + 1, "trade", "write 2026-11-02T07:05:00Z"),
        ("kraken", AT, "trades", "HTTP 400"),
        ("kraken", instant("2026-12-01"), "trade", "HTTP 400"),
    ],
)
def test_a_wrong_question_is_refused(sandbox: Sandbox, exchange: str, at: int, channel: str, why: str):
    with pytest.raises((ConfigError, Refused)) as caught:
        feed(sandbox.url, exchange, at, [Filter(channel, ("BTC/USD",))])
    assert why in f"{caught.value} {caught.value.hint}"


LINE = b'2026-11-02T07:05:00.1234567Z {"price":1.10}\n'


def answered(body: bytes) -> tuple[list[Said | None], str]:
    """What is made of ``body``, and what was asked."""

    async def go() -> tuple[list[Said | None], str]:
        reply = Reply(body, headers={"Content-Encoding": "gzip"})
        async with writing(lambda _n, _path: reply) as server, Wire(url=server.url, patience=QUICK) as wire:
            return await data_feed(wire, "kraken", AT, [BTC]), server.asked[0]

    return asyncio.run(go())


def test_a_message_stays_as_it_came_to_the_byte_in_however_many_parts_it_is_packed():
    line = Said(AT * 1000 + 123_456, b'{"price":1.10}')
    lines, asked = answered(gzip.compress(LINE) + gzip.compress(b"\n" + LINE[:-1]))
    assert lines == [line, None, line]
    assert answered(gzip.compress(b""))[0] == []
    query = parse_qs(urlsplit(asked).query)
    assert (query["from"], query["offset"]) == (["2026-11-02T00:00:00Z"], ["425"])
    assert json.loads(query["filters"][0]) == [{"channel": "trade", "symbols": ["BTC/USD"]}]


@pytest.mark.parametrize(
    ("body", "error", "why"),
    [
        (gzip.compress(LINE)[:-9], VenueDown, "cut short"),
        (b"no gzip", VenueDown, "damaged"),
        (gzip.compress(LINE[:-3]), BadPage, "no JSON"),
        (gzip.compress(LINE.replace(b"07:05", b"07:06")), BadPage, "no time of the minute"),
        (gzip.compress(LINE.replace(b"11-02", b"13-42")), BadPage, "no time of the minute"),
        (gzip.compress(b"{}\n"), BadPage, "no time of the minute"),
    ],
    ids=["cut", "no gzip", "a line cut", "another minute", "no date", "no time"],
)
def test_what_is_cut_or_not_as_documented_is_refused(body: bytes, error: type[Exception], why: str):
    with pytest.raises(error, match=why):
        answered(body)
