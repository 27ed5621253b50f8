"""How streams are shared out over connections, and which markets there are."""

import asyncio
import json

import pytest

from qmd_platform.errors import ConfigError, UnknownMarket
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.port import Instrument
from qmd_platform.venues.streams import listen
from qmd_platform.venues.streams.dialects import TABLE
from qmd_platform.venues.streams.habits import HABITS
from qmd_platform.venues.streams.plan import shares
from tests.venues.streams.listeners import NOW, listening, series, until
from tests.venues.streams.reading import streams


@pytest.mark.parametrize("venue", TABLE)
@pytest.mark.parametrize("count", [1, 25, 26, 201, 450])
def test_no_connection_carries_more_than_the_venue_allows(venue: str, count: int) -> None:
    every = [one for number in range(count) for one in streams(f"{venue}:C{number}/USDT:1m", f"C{number}")]
    split = shares(venue, every)
    assert sorted(one.topic for share in split for one in share.streams) == sorted(one.topic for one in every)
    most = next(iter({share.habits.streams for share in split}))
    sizes = [len(share.streams) for share in split]
    assert max(sizes) <= most
    assert len(split) == -(-count // most)
    assert max(sizes) - min(sizes) <= 1
    assert len({share.name for share in split}) == len(split)


def test_two_hundred_markets_of_bitfinex_are_eight_connections() -> None:
    every = [one for number in range(200) for one in streams(f"bitfinex:C{number}/USD:1m", f"tC{number}")]
    assert [len(share.streams) for share in shares("bitfinex", every)] == [25] * 8


def test_places_and_timeframes_that_cannot_share_a_connection_do_not() -> None:
    both = [*streams("binance:BTC/USDT:1m", "BTCUSDT"), *streams("binance:BTC/USDT:USDT:1m", "BTCUSDT")]
    assert [share.name for share in shares("binance", both)] == ["spot 1/1", "linear 1/1"]
    both = [*streams("kraken:BTC/USD:1m", "X"), *streams("kraken:BTC/USD:5m", "X")]
    assert [share.name for share in shares("kraken", both)] == ["public 1 1/1", "public 5 1/1"]
    prices = streams("okx:BTC/USDT:USDT", "BTC-USDT-SWAP")
    both = [*prices, *streams("okx:BTC/USDT:USDT:1m", "BTC-USDT-SWAP")]
    assert [(share.name, len(share.streams)) for share in shares("okx", both)] == [
        ("public 1/1", 4),
        ("business 1/1", 1),
    ]


@pytest.mark.parametrize("venue", TABLE)
def test_no_request_is_larger_than_the_venue_takes(venue: str) -> None:
    every = [one for number in range(100) for one in streams(f"{venue}:COIN{number}/USDT:1m", f"COIN{number}USDT")]
    batch = HABITS[venue][every[0].place].batch
    requests = TABLE[venue].requests(every, 1, batch, 0)
    assert [one.topic for request in requests for one in request.streams] == [one.topic for one in every]
    for number, request in enumerate(requests, 1):
        assert request.number == number
        assert len(request.streams) <= batch
        assert len(request.text) < 16_000
        assert json.loads(request.text)


def test_bad_wishes_are_refused_before_anything_is_asked() -> None:
    def problem(venue: str, *wanted: str, url: str | None = None) -> str:
        with pytest.raises(ConfigError) as caught:
            asyncio.run(listen(venue, series(*wanted), on_heard=print, url=url))
        return str(caught.value)

    assert "unknown venue" in problem("binanse", "binance:BTC/USDT:1m")
    assert "nothing to listen to" in problem("binance")
    assert "is no base of a sandbox" in problem("binance", "binance:BTC/USDT:1m", url="localhost:80")


def test_a_market_that_is_not_listed_is_a_refusal_and_the_others_are_listened_to() -> None:
    wanted = series("binance:BTC/USDT:1m", "binance:NOCOIN/USDT:1m")

    async def run() -> None:
        async with Sandbox(now=NOW) as sandbox, listening("binance", wanted, sandbox.url) as ears:
            await until(ears.is_live)
            (refusal,) = ears.newest["markets"].refusals
            assert "NOCOIN/USDT" in refusal.message
            with pytest.raises(UnknownMarket, match="NOCOIN"):
                await listen("binance", wanted[1:], on_heard=print, url=sandbox.url)

    asyncio.run(run())


def test_markets_that_are_known_are_not_asked_for() -> None:
    async def run() -> None:
        async with Sandbox(now=NOW) as sandbox:
            async with client("kraken", venue_url=sandbox.url) as asked:
                known: list[Instrument] = await asked.instruments()
            sandbox.stats.reset()
            task = asyncio.create_task(
                listen("kraken", series("kraken:BTC/USD:1m"), on_heard=heard.append, url=sandbox.url, instruments=known)
            )
            await until(lambda: heard)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert sum(sandbox.stats.requests.values()) == 0

    heard: list[object] = []
    asyncio.run(run())


def test_a_venue_whose_list_of_markets_cannot_be_had_is_asked_until_it_can() -> None:
    async def run() -> None:
        faults = [{"kind": "server_error", "venue": "kraken", "first": 6}]
        async with Sandbox(now=NOW, faults=faults) as sandbox:
            async with listening("kraken", series("kraken:BTC/USD:1m"), sandbox.url) as ears:
                await until(ears.is_live)
            assert any(state.connection == "markets" and "503" in state.why for state in ears.states)

    asyncio.run(run())
