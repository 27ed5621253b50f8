"""Listening to all six venues of the sandbox: the closed candles that were heard are the true ones."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from qmd_platform.errors import VenueDown
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.venues.ccxt_client import CcxtVenue, client
from qmd_platform.venues.listing import CcxtMarket
from qmd_platform.venues.snapshot_asking import snapshot
from qmd_platform.venues.streams import Endurance, Phase, listen, markets
from qmd_platform.venues.streams.connection import Clock, Listener
from qmd_platform.venues.streams.markets import Markets
from qmd_platform.venues.streams.wanted import Subject
from tests.venues.streams.listeners import NOW, START, Ears, listening, series, topics, true_rows, until

WANTED = {
    "binance": ("binance:BTC/USDT:1m", "binance:ETH/USDT:5m", "binance:BTC/USDT:USDT:1m"),
    "bitfinex": ("bitfinex:BTC/USD:1m", "bitfinex:ETH/USD:5m", "bitfinex:BTC/USDT:USDT:1m"),
    "bybit": ("bybit:BTC/USDT:1m", "bybit:ETH/USDT:5m", "bybit:BTC/USDT:USDT:1m"),
    "gate": ("gate:BTC/USDT:1m", "gate:ETH/USDT:5m", "gate:BTC/USDT:USDT:1m"),
    "kraken": ("kraken:BTC/USD:1m", "kraken:BTC/USD:5m", "kraken:ETH/USD:1m"),
    "okx": ("okx:BTC/USDT:1m", "okx:ETH/USDT:5m", "okx:BTC/USDT:USDT:1m"),
}
MINUTES = 12


@pytest.mark.parametrize("venue", WANTED)
def test_what_is_heard_as_closed_is_the_truth(venue: str) -> None:
    wanted = series(*WANTED[venue])

    async def heard() -> None:
        async with Sandbox(now=NOW, stream_seconds=10) as sandbox, listening(venue, wanted, sandbox.url) as ears:
            await until(lambda: ears.is_live() and topics(sandbox, venue) == len(wanted))
            await sandbox.passing(MINUTES * MINUTE)
            for one in wanted:
                step = one.timeframe.step
                # The last candle that can be known is the one before the one that forms.
                window = Window(START // step * step, (START + MINUTES * MINUTE) // step * step)
                truth = true_rows(sandbox, one, window)
                await until(lambda one=one, truth=truth: ears.closed(one).keys() >= truth.keys())
                told = ears.closed(one)
                assert {at: told[at] for at in truth} == truth
                assert max(told) < window.end
            assert ears.total("unreadable") == 0

    asyncio.run(heard())


def test_what_the_listener_raises_ends_all_connections() -> None:
    """Spot and contracts are two connections; the other one is told stopped as well."""
    phases: dict[str, Phase] = {}

    def full(_: object) -> None:
        raise OSError("no space left")

    async def run() -> None:
        async with Sandbox(now=NOW) as sandbox:
            await listen(
                "kraken",
                series("kraken:BTC/USD:1m", "kraken:BTC/USD:5m"),
                on_heard=full,
                on_state=lambda state: phases.update({state.connection: state.phase}),
                url=sandbox.url,
            )

    with pytest.raises(OSError, match="no space left"):
        asyncio.run(run())
    assert set(phases.values()) == {Phase.STOPPED}
    assert len(phases) == 2


def test_a_list_of_markets_that_comes_late_is_no_trouble_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for it fails twice: whoever was told that listening waits for it is told that it has come."""

    async def record(asked: CcxtVenue, market: Market) -> CcxtMarket:
        failures.append(market)
        if len(failures) <= 2:
            raise VenueDown("binance", "cannot be reached")
        return await known(asked, market)

    async def heard() -> None:
        async with (
            Sandbox(now=NOW) as sandbox,
            listening("binance", series("binance:BTC/USDT:1m"), sandbox.url) as ears,
        ):
            await until(lambda: ears.is_live() and topics(sandbox, "binance") == 1)
        told = [state for state in ears.states if state.connection == "markets"]
        assert [state.phase for state in told] == [Phase.WAITING, Phase.WAITING, Phase.LIVE]
        assert "cannot be reached" in told[0].why
        assert (told[-1].why, told[-1].failures, told[-1].wait_seconds) == ("", 0, 0)

    known, failures = CcxtVenue.record, list[Market]()
    monkeypatch.setattr(CcxtVenue, "record", record)
    asyncio.run(heard())


@pytest.mark.parametrize(("url", "is_live"), [(None, True), ("http://127.0.0.1:1", False)])
def test_our_clock_is_held_against_real_venues_only(
    url: str | None,
    is_live: bool,  # noqa: FBT001 - a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Known:
        async def record(self, market: Market) -> CcxtMarket:
            return {"id": market.symbol}

    @asynccontextmanager
    async def asked(venue: str, **_: object) -> AsyncIterator[Known]:
        yield Known()

    async def found() -> list[Subject]:
        listener = Listener(print, print, Endurance(), random.Random(7), Clock())  # noqa: S311 - a test
        return await Markets("kraken", url, listener).subjects(series("kraken:BTC/USD:1m"), ())

    monkeypatch.setattr(markets, "client", asked)
    assert [one.is_live for one in asyncio.run(found())] == [is_live]


NAMES = ("mark", "index", "predicted_rate", "next_settlement_at", "open_interest")
PRICES = {
    "binance": {"mark", "index", "predicted_rate", "next_settlement_at"},
    "bitfinex": {"mark", "index", "next_settlement_at", "open_interest"},
    "bybit": {"mark", "index", "predicted_rate", "next_settlement_at", "open_interest"},
    "gate": {"mark", "index", "predicted_rate", "open_interest"},
    "okx": {"mark", "index", "predicted_rate", "next_settlement_at", "open_interest"},
}
"""By venue, what its messages tell of a perpetual, together."""


@pytest.mark.parametrize("venue", PRICES)
def test_the_prices_of_a_perpetual_are_told_beside_its_candles(venue: str) -> None:
    """As REST tells them at the same time, where it does."""
    market = Market.parse(f"{venue}:BTC/USDT:USDT")
    candles = series(f"{market}:1m")[0]

    async def heard() -> None:
        async with (
            Sandbox(now=NOW, stream_seconds=10) as sandbox,
            listening(venue, [market, candles], sandbox.url) as ears,
        ):
            await until(lambda: ears.is_live() and topics(sandbox, venue) == (5 if venue == "okx" else 2))
            await sandbox.passing(2 * MINUTE)
            await until(lambda: ears.closed(candles) and told(ears) >= PRICES[venue])
            assert told(ears) == PRICES[venue]
            assert {one.market for one in ears.marks} == {market}
            settlements = {one.next_settlement_at for one in ears.marks} - {None}
            assert settlements <= {instant("2026-11-20T16:00Z")}
            prices = [one.mark for one in ears.marks if one.mark is not None]
            newest = ears.candles[-1]
            assert all(abs(price / newest.close - 1) < 0.05 for price in prices)
            async with client(venue, venue_url=sandbox.url) as asked:
                state = (await snapshot(asked, [market])).states[market]
            if "open_interest" in PRICES[venue]:
                interest = [one.open_interest for one in ears.marks if one.open_interest is not None]
                assert interest[-1] == pytest.approx(state.base)

    asyncio.run(heard())


def told(ears: Ears) -> set[str]:
    """The fields that any message told."""
    return {name for one in ears.marks for name in NAMES if getattr(one, name) is not None}
