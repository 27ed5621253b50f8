"""Asking the sandbox through real ccxt and real sockets; ccxt's own parser is the oracle."""

import asyncio
import json
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from qmd_platform.errors import BeyondHistory, ConfigError, UnknownMarket
from qmd_platform.model.candles import COLUMNS
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.venues import facts
from qmd_platform.venues.ccxt_client import CcxtVenue, client
from qmd_platform.venues.ccxt_exchange import _rehosted_tree
from qmd_platform.venues.ccxt_lazy import exchange_class
from qmd_platform.venues.port import Instrument, Traffic
from tests.venues.asking import KNOWN
from tests.venues.conftest import NOW
from tests.venues.writtenserver import Reply, writing

T = TypeVar("T")

MARKETS = [
    "binance:BTC/USDT",
    "binance:LATE/USDT:USDT",
    "binance:1000PEPE/USDT:USDT",
    "gate:SOL/USDT",
    "gate:BTC/USDT:USDT",
    "gate:XRP/USDT:USDT",
    "bitfinex:BTC/USD",
    "bitfinex:DOGE/USDT",
    "bitfinex:ETH/USDT:USDT",
    "okx:BTC/USDT",
    "okx:DOGE/USDT:USDT",
    "okx:BTC/USDT:USDT",
    "bybit:ETH/USDT",
    "bybit:BTC/USDT:USDT",
]
OLD = [text for text in MARKETS if "LATE" not in text]
END = instant(NOW) // 86_400_000 * 86_400_000
HOUR = 3_600_000


def asking(
    venue: str,
    url: str,
    question: Callable[[CcxtVenue], Awaitable[T]],
    **options: Any,
) -> T:
    async def ask() -> T:
        async with client(venue, venue_url=url, **options) as asked:
            return await question(asked)

    return asyncio.run(ask())


async def plain_ccxt(market: Market, timeframe: Timeframe, window: Window, url: str) -> list[list[float]]:
    """The same page as ccxt fetches and parses it by itself."""
    exchange = exchange_class(market.venue)({"enableRateLimit": False})
    exchange.timeout_on_exit = 0
    exchange.urls["api"] = _rehosted_tree(exchange.urls["api"], url)
    try:
        count = window.steps(timeframe.step)
        until = {"until": window.end - 1}
        rows: list[list[float]] = await exchange.fetch_ohlcv(market.symbol, timeframe.value, window.start, count, until)
        size = str(exchange.market(market.symbol)["contractSize"] or 1)
    finally:
        await exchange.close()
    if market.venue == "gate":
        return [[*row[:5], float(Decimal(str(row[5])) * Decimal(size))] for row in rows]
    return rows


@pytest.mark.parametrize("timeframe", ["1m", "1h", "1d"])
@pytest.mark.parametrize("text", OLD)
def test_our_page_is_value_for_value_what_ccxt_fetches_and_parses_itself(text: str, timeframe: str, sandbox: str):
    market, step = Market.parse(text), Timeframe(timeframe)
    count = min(facts.of(market.venue, market.kind).page_limit, 300)
    window = Window(END - count * step.step, END)
    page = asking(market.venue, sandbox, lambda asked: asked.page(market, step, window))
    theirs = asyncio.run(plain_ccxt(market, step, window, sandbox))
    ours = [list(row) for row in zip(*(getattr(page.candles, name).tolist() for name in COLUMNS), strict=True)]
    assert ours == theirs
    assert len(ours) > (count // 2 if facts.of(market.venue, market.kind).omits_empty else count - 1)
    assert page.window == window
    assert len(page.digest) == 64


@pytest.mark.parametrize("text", OLD)
def test_a_full_page_is_one_request_and_holds_its_window_and_nothing_else(text: str, sandbox: str):
    market = Market.parse(text)

    async def question(asked: CcxtVenue) -> None:
        limit = asked.page_limit(market, Timeframe.M1)
        window = Window(END - limit * 60_000, END)
        await asked.first_candle_at(market, Timeframe.M1)
        mine, before = Traffic(), asked.traffic.requests
        page = await asked.page(market, Timeframe.M1, window, mine)
        assert (mine.requests, mine.retries, asked.traffic.requests) == (1, 0, before + 1)
        assert mine.bytes > 20 * len(page.candles)
        at = page.candles.open_at
        assert window.start <= at[0]
        assert at[-1] < window.end
        assert asked.omits_empty(market) or len(at) == limit

    asking(market.venue, sandbox, question)


def test_a_candle_still_forming_is_in_the_page_for_the_judge_to_see(sandbox: str):
    market = Market.parse("binance:BTC/USDT")
    now = instant(NOW)
    window = Window(now // 60_000 * 60_000 - 60_000, now // 60_000 * 60_000 + 60_000)
    page = asking("binance", sandbox, lambda asked: asked.page(market, Timeframe.M1, window))
    assert len(page.candles) == 2


@pytest.mark.parametrize(
    ("venue", "tolerance"), [("binance", 0), ("gate", 0), ("bitfinex", 999), ("okx", 0), ("bybit", 0), ("kraken", 999)]
)
def test_the_venue_s_clock_is_read(venue: str, tolerance: int, sandbox: str):
    told = asking(venue, sandbox, lambda asked: asked.server_time())
    assert instant(NOW) - tolerance <= told <= instant(NOW)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("binance:SOL/USDT", "2020-08-11T06:00:00Z"),
        ("binance:BTC/USDT:USDT", "2019-09-08T17:57:00Z"),
        ("bitfinex:BTC/USD", "2018-02-01T00:00:00Z"),
        ("gate:BTC/USDT:USDT", "2019-11-19T11:00:00Z"),
        ("okx:BTC/USDT", "2023-02-14T03:30:00Z"),
        ("okx:SOL/USDT:USDT", "2023-03-02T10:00:00Z"),
        ("bybit:BTC/USDT", "2023-01-20T09:10:00Z"),
        ("bybit:SOL/USDT:USDT", "2023-04-05T06:00:00Z"),
    ],
)
def test_the_first_candle_is_found(text: str, first: str, sandbox: str):
    market = Market.parse(text)
    told = asking(market.venue, sandbox, lambda asked: asked.first_candle_at(market, Timeframe.M1))
    assert told is not None
    assert 0 <= told - instant(first) < 3_600_000


@pytest.mark.parametrize(
    ("text", "before", "told", "requests"),
    [
        ("okx:BTC/USDT", "2023-03-04T00:00:00Z", "2023-02-01T00:00:00Z", 1),
        ("okx:BTC/USDT", "2023-03-03T23:59:00Z", "2023-02-14T00:00:00Z", 3),  # the month may begin that late
        ("okx:BTC/USDT", "2023-02-14T12:00:00Z", "2023-02-14T03:00:00Z", 4),
        ("okx:BTC/USDT", "2023-02-14T00:00:00Z", "2023-02-14T03:30:00Z", 5),
        ("bybit:BTC/USDT", "2026-02-26T00:00:00Z", "2023-01-01T00:00:00Z", 1),
    ],
)
def test_a_market_that_is_older_than_what_is_wanted_is_asked_no_more(
    text: str, before: str, told: str, requests: int, sandbox: str
):
    market = Market.parse(text)

    async def question(asked: CcxtVenue) -> None:
        await asked.instruments()
        already = asked.traffic.requests
        found = await asked.first_candle_at(market, Timeframe.M1, instant(before))
        assert (found, asked.traffic.requests - already) == (instant(told), requests)

    asking(market.venue, sandbox, question)


def test_kraken_s_first_candle_is_not_looked_for_where_it_is_older_than_what_kraken_serves(sandbox: str):
    async def question(asked: CcxtVenue) -> None:
        market = Market("kraken", "BTC/USD")
        assert await asked.first_candle_at(market, Timeframe.M1) is None
        assert asked.traffic.requests == 2, "the list of markets, and one page"
        newest = instant(NOW) // 60_000 * 60_000
        page = await asked.page(market, Timeframe.M1, Window(newest - 719 * 60_000, newest))
        assert len(page.candles) == 720
        with pytest.raises(BeyondHistory, match="its newest 720 candles of 1m") as caught:
            await asked.page(market, Timeframe.M1, Window(newest - 720 * 60_000, newest - 60_000))
        assert caught.value.oldest == newest - 719 * 60_000

    asking("kraken", sandbox, question)


MONTH, DAY = instant("2023-01-01"), 86_400_000
MONTHS = [[str(MONTH + 31 * DAY), "5", "9", "1", "6", "1", "1"], [str(MONTH), "2", "9", "1", "5", "1", "1"]]
DAYS = [[str(MONTH + day * DAY), "4", "9", "1", "4", "1", "1"] for day in range(30, 20, -1)]
FIRST_DAY = [str(MONTH + 20 * DAY), "2", "9", "1", "4", "1", "1"]


@pytest.mark.parametrize(
    ("months", "days", "first"),
    [
        ([MONTHS, MONTHS], [*DAYS, FIRST_DAY], MONTH + 20 * DAY),
        ([MONTHS[:1], MONTHS], [*DAYS, FIRST_DAY], MONTH + 20 * DAY),
        ([MONTHS, []], [*DAYS, FIRST_DAY], MONTH + 20 * DAY),
        ([MONTHS, MONTHS], DAYS, MONTH),
        ([MONTHS, MONTHS], [], MONTH),
        ([[], []], [], None),
    ],
    ids=["whole", "first months short", "second months empty", "days short", "no days", "nothing"],
)
def test_a_short_answer_makes_no_market_younger_than_it_is(
    months: list[list[list[str]]], days: list[list[str]], first: int | None
):
    asked_for_months = iter(months)

    def answer(number: int, path: str) -> Reply:
        rows = next(asked_for_months) if "interval=M" in path else days
        return Reply.of({"retCode": 0, "retMsg": "OK", "result": {"list": rows}, "time": 1})

    async def told() -> int | None:
        async with (
            writing(answer) as server,
            client("bybit", venue_url=server.url, instruments=[KNOWN["bybit"]]) as asked,
        ):
            return await asked.first_candle_at(Market("bybit", "BTC/USDT"), Timeframe.D1)

    assert asyncio.run(told()) == first


@pytest.mark.parametrize("venue", facts.VENUES)
def test_instruments_hold_what_is_needed_to_ask_again_without_loading_any(venue: str, sandbox: str):
    listed = asking(venue, sandbox, lambda asked: asked.instruments())
    assert [one.symbol for one in listed] == sorted({one.symbol for one in listed})
    assert {one.kind for one in listed} == facts.VENUES[venue].kinds.keys() - {"future"}
    assert all(Market(venue, one.symbol).kind == one.kind and one.active for one in listed)
    assert all("info" not in json.loads(one.ccxt_market) for one in listed)

    async def question(asked: CcxtVenue) -> list[int]:
        window = Window(END + 6 * HOUR, END + 6 * HOUR + 1_200_000)
        pages = [await asked.page(Market(venue, one.symbol), Timeframe.M1, window) for one in kept]
        assert asked.traffic.requests == len(kept)
        return [len(page.candles) for page in pages]

    kept = [one for one in listed if one.base in {"BTC", "XRP"}]
    assert all(asking(venue, sandbox, question, instruments=kept))


def instrument(venue: str, symbol: str, sandbox: str) -> Instrument:
    listed = asking(venue, sandbox, lambda asked: asked.instruments())
    return next(one for one in listed if one.symbol == symbol)


def test_an_instrument_states_the_venue_s_facts(sandbox: str):
    found = instrument("gate", "BTC/USDT:USDT", sandbox)
    assert replace(found, ccxt_market="") == Instrument(
        *("BTC/USDT:USDT", "BTC_USDT", "perpetual", "BTC", "USDT", "USDT"),
        active=True,
        contract_size=0.0001,
        tick=0.1,
        lot=1.0,
        listed_at=instant("2019-11-19T11:00:00Z"),
        ccxt_market="",
        maker_fee=-0.0001,
        taker_fee=0.00075,
        fees_from="venue",
        funding_interval_hours=8.0,
        funding_interval_from="venue",
    )
    spot = instrument("bitfinex", "BTC/USD", sandbox)
    assert (spot.venue_symbol, spot.settle, spot.contract_size, spot.listed_at) == ("tBTCUSD", "", 1.0, None)


def test_asking_for_one_spot_market_does_not_load_contracts(sandbox: str):
    async def question(asked: CcxtVenue) -> None:
        await asked.page(Market("binance", "BTC/USDT"), Timeframe.M1, Window(END - 60_000, END))
        assert asked.traffic.requests == 2
        await asked.page(Market("binance", "ETH/USDT"), Timeframe.M1, Window(END - 60_000, END))
        assert asked.traffic.requests == 3

    asking("binance", sandbox, question)


def test_many_questions_at_once_load_the_markets_once(sandbox: str):
    async def question(asked: CcxtVenue) -> None:
        window = Window(END - 60_000, END)
        markets = [Market("gate", f"{base}/USDT:USDT") for base in ("BTC", "ETH", "SOL", "XRP")]
        pages = await asyncio.gather(*(asked.page(market, Timeframe.M1, window) for market in markets))
        assert len({page.digest for page in pages}) == len(markets)
        assert asked.traffic.requests == 5

    asking("gate", sandbox, question)


def test_an_unlisted_symbol_is_refused_with_the_closest_ones(sandbox: str):
    market = Market("binance", "BTC/USDTT")
    with pytest.raises(UnknownMarket, match="binance: does not list 'BTC/USDTT'") as caught:
        asking("binance", sandbox, lambda asked: asked.page(market, Timeframe.M1, Window(0, 60_000)))
    assert "BTC/USDT" in str(caught.value.hint)
    assert caught.value.exit_code == 2


def test_an_unknown_venue_is_refused_with_the_choices():
    with pytest.raises(ConfigError, match="unknown venue 'ftx'") as caught:
        client("ftx")
    assert caught.value.hint == "choose from binance, bitfinex, bybit, gate, kraken, okx"


def test_an_unknown_kind_and_timeframe_are_refused_without_a_request(sandbox: str):
    async def question(asked: CcxtVenue) -> None:
        with pytest.raises(ConfigError, match="option"):
            await asked.page(Market("bitfinex", "BTC/USDT:USDT-261225-50000-C"), Timeframe.M1, Window(0, 60_000))
        with pytest.raises(ConfigError, match="bitfinex has no 3m candles"):
            await asked.page(Market("bitfinex", "BTC/USD"), Timeframe.M3, Window(0, 180_000))
        assert asked.traffic.requests == 0

    asking("bitfinex", sandbox, question)


def test_pages_travel_compressed(sandbox: str):
    def sent() -> int:
        with urllib.request.urlopen(f"{sandbox}/__sandbox/stats") as response:  # noqa: S310 - our own sandbox
            return int(json.load(response)["bytes"])

    async def question(asked: CcxtVenue) -> None:
        market = Market("binance", "BTC/USDT")
        await asked.first_candle_at(market, Timeframe.M1)
        before, mine = sent(), Traffic()
        await asked.page(market, Timeframe.M1, Window(END - 60_000_000, END), mine)
        assert sent() - before < mine.bytes / 2

    asking("binance", sandbox, question)


def test_a_client_asked_after_it_was_closed_says_so_and_opens_nothing(sandbox: str):
    async def late() -> None:
        asked = client("gate", venue_url=sandbox)
        await asked.server_time()
        await asked.close()
        with pytest.raises(RuntimeError, match="the client of gate is closed"):
            await asked.server_time()
        assert asked._transport._session is None  # noqa: SLF001 - a leaked session would show only at its collection

    asyncio.run(late())


def test_a_client_may_be_closed_twice_and_unused(sandbox: str):
    async def twice() -> None:
        asked = client("gate", venue_url=sandbox)
        await asked.close()
        await asked.close()

    asyncio.run(twice())
