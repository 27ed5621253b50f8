"""Asking for funding over real sockets through real ccxt: all of it, whatever the interval and whatever goes wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest

from qmd_platform.errors import BadPage, BeyondHistory, ConfigError, UnknownMarket, VenueDown
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.venues import facts
from qmd_platform.venues.ccxt_client import CcxtVenue, client
from qmd_platform.venues.ccxt_lazy import exchange_class
from qmd_platform.venues.port import FundingPage, FundingVenue, Traffic
from tests.venues.asking import QUICK
from tests.venues.writtenserver import Reply, writing

T = TypeVar("T")

NOW = "2026-11-20T12:34:56.789Z"
TWO_YEARS = Window.of("2024-11-20", "2026-11-20")
VENUES = ("binance", "bitfinex", "bybit", "gate", "okx")
HOUR, DAY = Timeframe.H1.step, Timeframe.D1.step
SUMMER = Window.of("2026-08-25T00:00:00Z", "2026-09-25T00:00:00Z")
"""Within what every venue serves."""
MANY_PAGES = Window.of("2026-05-01", "2026-11-20")
every_venue = pytest.mark.parametrize("venue", VENUES)


@pytest.fixture(scope="module")
def funded() -> Iterator[Sandbox]:
    with serving(now=NOW) as sandbox:
        yield sandbox


def of(venue: str, coin: str) -> Market:
    return Market(venue, f"{coin}/USDT:USDT")


def asking(sandbox: Sandbox, venue: str, question: Callable[[CcxtVenue], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with client(venue, venue_url=sandbox.url, patience=QUICK) as asked:
            return await question(asked)

    return asyncio.run(ask())


def page_of(sandbox: Sandbox, market: Market, window: Window, traffic: Traffic | None = None) -> FundingPage:
    return asking(sandbox, market.venue, lambda asked: asked.funding(market, window, traffic))


def same(found: Settlements, sandbox: Sandbox, market: Market, window: Window) -> bool:
    truth = sandbox.settlements_truth(market, window)
    return len(truth) > 0 and found.equals(truth)


@pytest.mark.parametrize("venue", [name for name in VENUES if name != "okx"])
@pytest.mark.parametrize(("coin", "rows"), [("BTC", 2190), ("SOL", 4380), ("DOGE", 17520)])
def test_two_years_come_whole_at_eight_four_and_one_hours(funded: Sandbox, venue: str, coin: str, rows: int):
    market, traffic = of(venue, coin), Traffic()
    page = page_of(funded, market, TWO_YEARS, traffic)
    assert len(page.settlements) == rows
    assert same(page.settlements, funded, market, TWO_YEARS)
    known = facts.funding_of(venue, "perpetual")
    asked_for = rows if known.rows == "settlements" else TWO_YEARS.steps(10 * MINUTE)
    assert traffic.requests <= asked_for / known.page_limit + 8


@pytest.mark.parametrize("coin", ["BTC", "SOL", "DOGE"])
def test_two_years_of_okx_come_whole_to_who_asks_in_time(coin: str):
    market, parts = (
        of("okx", coin),
        [Window(at, at + 73 * DAY) for at in range(TWO_YEARS.start, TWO_YEARS.end, 73 * DAY)],
    )
    with serving(now=TWO_YEARS.start) as sandbox:
        found = []
        for part in parts:
            sandbox.move_clock(part.end + 10 * DAY)
            found.append(page_of(sandbox, market, part).settlements)
        assert same(Settlements.concat(found), sandbox, market, TWO_YEARS)


def test_of_okx_what_is_older_than_three_months_is_gone_and_said_to_be(funded: Sandbox):
    market = of("okx", "BTC")
    with pytest.raises(BeyondHistory, match="last 89 days only") as caught:
        page_of(funded, market, TWO_YEARS)
    oldest = caught.value.oldest
    assert oldest is not None
    assert instant(NOW) - 93 * DAY < oldest <= instant(NOW) - 89 * DAY
    left = Window(oldest, TWO_YEARS.end)
    assert same(page_of(funded, market, left).settlements, funded, market, left)
    with pytest.raises(BeyondHistory):
        page_of(funded, market, Window(TWO_YEARS.start, TWO_YEARS.start + DAY))


@pytest.mark.parametrize("venue", ["binance", "gate", "okx"])
@pytest.mark.parametrize(("coin", "least"), [("SOL", 1), ("DOGE", 2)])
def test_ccxt_s_own_paging_loses_rows_and_ours_does_not(funded: Sandbox, venue: str, coin: str, least: int):
    """It steps by eight hours a row; each page then begins after rows that nobody asked for."""
    market, window = of(venue, coin), SUMMER
    limit = 30  # a page shorter than the window, as 1000 rows are shorter than years

    async def theirs(base: str) -> list[Any]:
        async with client(venue, venue_url=base) as asked:
            exchange: Any = asked._exchange._ccxt  # noqa: SLF001 - the very object we ask through
            await asked.listed("perpetual")
            params = {"paginate": True, "paginationCalls": 50, "until": window.end - 1, "maxEntriesPerRequest": limit}
            ccxt_s_own = exchange_class(venue).fetch_funding_rate_history
            return list(await ccxt_s_own(exchange, market.symbol, window.start, limit, params))

    truth = funded.settlements_truth(market, window)
    lost = len(truth) - len(asyncio.run(theirs(funded.url)))
    assert lost * 4 > least * len(truth)
    assert same(page_of(funded, market, window).settlements, funded, market, window)


@every_venue
def test_windows_are_half_open_and_any_minute_may_begin_one(funded: Sandbox, venue: str):
    market, at = of(venue, "BTC"), instant("2026-11-10T08:00:00Z")
    for window, rows in (
        (Window(at, at + 8 * HOUR), 1),
        (Window(at, at + 8 * HOUR + MINUTE), 2),
        (Window(at + MINUTE, at + 8 * HOUR), 0),
        (Window(at, at + MINUTE), 1),
        (Window(at - MINUTE, at), 0),
    ):
        found = page_of(funded, market, window).settlements
        assert len(found) == rows
        assert found.equals(funded.settlements_truth(market, window))


@every_venue
def test_a_window_that_is_not_over_brings_what_is_settled_by_now(funded: Sandbox, venue: str):
    market, window = of(venue, "DOGE"), Window.of("2026-11-19T00:00:00Z", "2026-11-22T00:00:00Z")
    found = page_of(funded, market, window).settlements
    assert int(found.settled_at[-1]) == instant("2026-11-20T12:00:00Z")
    assert same(found, funded, market, window)


@every_venue
def test_a_changing_interval_a_market_listed_later_and_a_market_without_rows_yet(funded: Sandbox, venue: str):
    window = Window.of("2026-10-08T00:00:00Z", "2026-10-23T00:00:00Z")
    assert same(page_of(funded, of(venue, "XRP"), window).settlements, funded, of(venue, "XRP"), window)
    if venue in {"binance", "bybit", "okx"}:
        late = of(venue, "LATE")
        assert same(page_of(funded, late, window).settlements, funded, late, window)
        before = Window.of("2026-10-01T00:00:00Z", "2026-10-10T00:00:00Z")
        assert not len(page_of(funded, late, before).settlements)


def test_a_settlement_the_venue_never_lists_is_not_there_and_its_neighbours_are(funded: Sandbox):
    market, window = of("gate", "ETH"), Window.of("2026-10-08T00:00:00Z", "2026-10-10T00:00:00Z")
    found = page_of(funded, market, window).settlements
    assert len(found) == 5
    assert same(found, funded, market, window)


PLANS: dict[str, list[dict[str, object]]] = {
    "short pages": [{"kind": "short_page", "every": 2}],
    "empty pages": [{"kind": "empty_page", "every": 2}],
    "empty and short pages": [{"kind": "empty_page", "every": 3}, {"kind": "short_page", "every": 4}],
    "pages the other way round": [{"kind": "descending"}],
    "repeated rows": [{"kind": "duplicates"}],
    "cut answers": [
        {"kind": "truncated_json", "every": 2, "path": "fund"},
        {"kind": "html", "every": 3, "path": "stat"},
    ],
    "throttled": [{"kind": "throttle", "every": 4, "retry_after": 0.01}, {"kind": "server_error", "every": 5}],
    "cut connections": [{"kind": "cut_connection", "every": 3}],
}


@every_venue
@pytest.mark.parametrize("plan", PLANS)
def test_nothing_is_lost_when_answers_go_wrong(venue: str, plan: str):
    market = of(venue, "DOGE")
    window = SUMMER if facts.funding_of(venue, "perpetual").page_limit < 1000 else MANY_PAGES
    with serving(now=NOW, faults=PLANS[plan]) as sandbox:
        found = page_of(sandbox, market, window).settlements
        assert same(found, sandbox, market, window)
        assert any(one["struck"] for one in sandbox.faults_met())


def test_a_hanging_answer_is_asked_for_again():
    market = of("gate", "DOGE")
    with serving(now=NOW, faults=[{"kind": "hang", "seconds": 20, "path": "funding_rate", "first": 1}]) as sandbox:

        async def ask() -> FundingPage:
            async with client("gate", venue_url=sandbox.url, patience=QUICK, timeout_seconds=0.3) as asked:
                return await asked.funding(market, SUMMER)

        assert same(asyncio.run(ask()).settlements, sandbox, market, SUMMER)


@pytest.mark.parametrize("venue", ["binance", "bybit", "gate", "okx"])
def test_a_settlement_sent_twice_with_another_rate_is_there_twice_for_who_judges_it(venue: str):
    market = of(venue, "SOL")
    with serving(now=NOW, faults=[{"kind": "contradicting", "first": 1}]) as sandbox:
        found = page_of(sandbox, market, SUMMER).settlements
        truth = sandbox.settlements_truth(market, SUMMER)
    assert len(found) == len(truth) + 1
    twice = found.settled_at[1:] == found.settled_at[:-1]
    assert twice.sum() == 1
    assert found.rate[1:][twice][0] != found.rate[:-1][twice][0]


def test_an_answer_to_another_question_is_refused():
    rows = [{"fundingTime": 1_600_000_000_000, "fundingRate": "0.0001"}]

    async def ask() -> None:
        async with (
            writing(lambda n, path: Reply.of(rows)) as server,
            client("binance", venue_url=server.url, patience=QUICK) as asked,
        ):
            asked._exchange.add([RECORD])  # noqa: SLF001 - a market without a list of markets
            await asked.funding(of("binance", "BTC"), SUMMER)

    with pytest.raises(BadPage, match="outside of the window"):
        asyncio.run(ask())


RECORD: dict[str, object] = {
    "id": "BTCUSDT",
    "symbol": "BTC/USDT:USDT",
    "base": "BTC",
    "quote": "USDT",
    "settle": "USDT",
    "spot": False,
    "swap": True,
    "linear": True,
    "contract": True,
    "type": "swap",
}


def test_an_answer_that_is_never_a_page_is_a_venue_that_is_down():
    with (
        serving(now=NOW, faults=[{"kind": "html", "path": "fundingRate"}]) as sandbox,
        pytest.raises(VenueDown, match="the answer is not a page of funding"),
    ):
        page_of(sandbox, of("binance", "BTC"), SUMMER)


@every_venue
def test_the_venue_s_intervals_are_told_where_it_states_them(funded: Sandbox, venue: str):
    stated = asking(funded, venue, lambda asked: asked.funding_intervals())
    expected = {"BTC": 8.0, "SOL": 4.0, "DOGE": 1.0, "XRP": 8.0 if venue == "okx" else 4.0}
    if venue == "bitfinex":
        expected = dict.fromkeys(expected, 8.0)  # what its documentation says of all
    assert {coin: stated[f"{coin}/USDT:USDT"] for coin in expected} == expected
    assert not [symbol for symbol in stated if ":" not in symbol]


@every_venue
def test_a_market_without_funding_is_refused_and_so_is_one_there_is_none_of(funded: Sandbox, venue: str):
    spot = Market(venue, "BTC/USDT")
    with pytest.raises(ConfigError, match="not asked for funding of spot markets"):
        page_of(funded, spot, SUMMER)
    with pytest.raises(UnknownMarket):
        page_of(funded, of(venue, "NOPE"), SUMMER)
    typed: Callable[[CcxtVenue], FundingVenue] = lambda asked: asked  # noqa: E731 - that it is one is for mypy to see

    async def told(asked: CcxtVenue) -> tuple[bool, bool, int]:
        one = typed(asked)
        return one.has_funding(spot), one.has_funding(of(venue, "BTC")), one.funding_page_hours(of(venue, "BTC"))

    hours = {"binance": 8000, "gate": 8000, "bybit": 1600, "okx": 800, "bitfinex": 83}
    assert asking(funded, venue, told) == (False, True, hours[venue])


def test_the_evidence_is_one_digest_of_all_answers_and_the_same_for_the_same(funded: Sandbox):
    market = of("bybit", "SOL")
    first, again, other = (page_of(funded, market, window) for window in (SUMMER, SUMMER, TWO_YEARS))
    assert (first.digest, first.asked) == (again.digest, "publicGetV5MarketFundingHistory")
    assert len(first.digest) == 64
    assert first.digest != other.digest


def test_limits_are_kept_and_nobody_is_refused():
    market = of("okx", "DOGE")
    with serving(now=NOW, limits=True) as sandbox:
        page = page_of(sandbox, market, SUMMER)
        counts: Any = sandbox.figures()["limits"]
        assert same(page.settlements, sandbox, market, SUMMER)
        assert counts["okx"]["funding"]["requests"] >= 8
