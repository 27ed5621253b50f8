"""Everything that can go wrong on the wire, over real sockets and through real ccxt."""

import asyncio
from itertools import pairwise

import pytest

from qmd_platform.coordination.account import BURST, SHARE
from qmd_platform.errors import (
    BadPage,
    Banned,
    BeyondHistory,
    Refused,
    UnknownMarket,
    VenueDown,
)
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.venues import facts
from qmd_platform.venues.ccxt_client import CcxtVenue, client
from qmd_platform.venues.ccxt_exchange import _rehosted_tree
from qmd_platform.venues.port import Page
from qmd_platform.venues.retry import Patience
from tests.venues.asking import KNOWN, QUICK, SPOT, START, STEP, WINDOW, asking, once, venues, whole
from tests.venues.writtenserver import Reply, writing

HTML = b"<!DOCTYPE html><html><title>Just a moment...</title></html>"
PASSING = {
    "html with 200": (lambda good: Reply(HTML, headers={"Content-Type": "text/html"}), "BadPage"),
    "truncated json with 200": (lambda good: Reply(good.body[: len(good.body) // 2]), "BadPage"),
    "an object with 200": (lambda good: Reply(b'{"code":0,"data":[]}'), "BadPage"),
    "an empty body with 200": (lambda good: Reply(b""), "BadPage"),
    "a body shorter than promised": (lambda good: Reply(good.body[:50], promised=len(good.body)), "VenueDown"),
    "a body that is not gzip": (lambda good: Reply(good.body, headers={"Content-Encoding": "gzip"}), "VenueDown"),
    "a reset connection": (lambda good: Reply(reset=True), "VenueDown"),
    "no answer in time": (lambda good: Reply(good.body, after=5), "VenueDown"),
    "500 without a body": (lambda good: Reply(b"", 500), "VenueDown"),
    "502 with html": (lambda good: Reply(HTML, 502), "VenueDown"),
    "520 with html": (lambda good: Reply(HTML, 520), "VenueDown"),
}


@venues
@pytest.mark.parametrize("how", PASSING)
def test_one_bad_answer_costs_a_retry_and_no_candle(venue: str, how: str):
    spoil, name = PASSING[how]
    seconds = 0.3 if "in time" in how else 15
    page, asked, server = asking(venue, once(venue, spoil(whole(venue))), timeout_seconds=seconds)
    assert page.candles.open_at.tolist() == [START, START + STEP, START + 2 * STEP]
    assert asked.traffic.failures == {name: 1}
    assert (asked.traffic.requests, asked.traffic.retries) == (2, 1)
    assert server.asked[0] == server.asked[1], "the very same request"


@venues
@pytest.mark.parametrize(
    ("reply", "error"), [(Reply(HTML), BadPage), (Reply(b"[[1700"), BadPage), (Reply(HTML, 503), VenueDown)]
)
def test_a_bad_answer_that_stays_is_an_error_after_six_tries_and_never_an_empty_page(
    venue: str, reply: Reply, error: type[Exception]
):
    async def question(asked: CcxtVenue) -> CcxtVenue:
        with pytest.raises(VenueDown) as caught:
            await asked.page(Market(venue, SPOT[venue]), Timeframe.M1, WINDOW)
        assert type(caught.value) is error
        return asked

    _, asked, server = asking(venue, lambda n, path: reply, question)
    assert len(server.asked) == asked.traffic.requests == 6


PERMANENT = [
    ("binance", Reply.of({"code": -1121, "msg": "Invalid symbol."}, 400), UnknownMarket),
    ("binance", Reply.of({"code": -1100, "msg": "Illegal characters found."}, 400), Refused),
    ("binance", Reply.of({"code": 0, "msg": "Service unavailable from a restricted location"}, 451), Refused),
    ("binance", Reply(HTML, 403), Refused),
    ("gate", Reply.of({"label": "INVALID_CURRENCY_PAIR", "message": "Invalid currency pair"}, 400), UnknownMarket),
    (
        "gate",
        Reply.of(
            {
                "label": "INVALID_PARAM_VALUE",
                "message": "Candlestick too long ago. Maximum 10000 points ago are allowed",
            },
            400,
        ),
        BeyondHistory,
    ),
    ("gate", Reply(b"404 page not found", 404), Refused),
    ("bitfinex", Reply.of(["error", 10020, "symbol: invalid"], 500), UnknownMarket),
    ("bitfinex", Reply.of(["error", 10020, "limit: invalid"], 500), Refused),
    ("bitfinex", Reply.of({"error": "unauthorized"}, 401), Refused),
    ("okx", Reply.of({"code": "51001", "msg": "Instrument ID doesn't exist.", "data": []}), UnknownMarket),
    ("okx", Reply.of({"code": "51000", "msg": "Parameter bar error", "data": []}, 400), Refused),
    ("okx", Reply.of({"code": "51000", "msg": "Parameter limit error", "data": []}), Refused),
    ("bybit", Reply.of({"retCode": 10001, "retMsg": "params error: Symbol Invalid", "result": {}}), UnknownMarket),
    ("bybit", Reply.of({"retCode": 10001, "retMsg": "Not supported symbols", "result": {}}), UnknownMarket),
    ("bybit", Reply.of({"retCode": 10001, "retMsg": "Invalid period!", "result": {}}), Refused),
    ("bybit", Reply(HTML, 403), Refused),
    ("kraken", Reply.of({"error": ["EQuery:Unknown asset pair"]}), UnknownMarket),
    ("kraken", Reply.of({"error": ["EGeneral:Invalid arguments"]}), Refused),
]

BROKEN = [
    ("okx", {"code": "50001", "msg": "Service temporarily unavailable.", "data": []}),
    ("okx", {"code": "50013", "msg": "Systems are busy.", "data": []}),
    ("okx", {"code": "58999", "msg": "a code that nobody knows", "data": []}),
    ("bybit", {"retCode": 10016, "retMsg": "System error. Please try again later.", "result": {}}),
    ("bybit", {"retCode": 999999, "retMsg": "a code that nobody knows"}),
    ("kraken", {"error": ["EService:Unavailable"]}),
    ("kraken", {"error": ["EService:Busy"]}),
    ("kraken", {"error": ["EGeneral:Internal error"]}),
    ("kraken", {"error": ["ENobody:Knows"]}),
]


@pytest.mark.parametrize(("venue", "body"), BROKEN)
def test_maintenance_told_with_status_200_is_a_venue_down_and_costs_a_retry(venue: str, body: object):
    page, asked, _ = asking(venue, once(venue, Reply.of(body)))
    assert page.candles.open_at.tolist() == [START, START + STEP, START + 2 * STEP]
    assert asked.traffic.failures == {"VenueDown": 1}


@pytest.mark.parametrize(("venue", "reply", "error"), PERMANENT)
def test_a_permanent_refusal_is_asked_once_and_named(venue: str, reply: Reply, error: type[Exception]):
    async def question(asked: CcxtVenue) -> None:
        with pytest.raises(error) as caught:
            await asked.page(Market(venue, SPOT[venue]), Timeframe.M1, WINDOW)
        assert type(caught.value) is error
        assert str(caught.value).startswith(f"{venue}: ")

    _, asked, server = asking(venue, lambda n, path: reply, question)
    assert len(server.asked) == 1
    assert asked.traffic.failures == {}


@pytest.mark.parametrize(
    ("venue", "reply"),
    [
        ("binance", Reply.of({"code": -1003, "msg": "Too many requests"}, 429, Retry_After="0.5")),
        ("gate", Reply.of({"label": "TOO_MANY_REQUESTS", "message": "Rate limit"}, 429, Retry_After="0.5")),
        ("bitfinex", Reply.of(["error", 11010, "ratelimit: error"], 429, Retry_After="0.5")),
        ("bitfinex", Reply.of(["error", 11010, "ratelimit: error"], 500, Retry_After="0.5")),
        ("bitfinex", Reply.of(["error", 11010, "ratelimit: error"], 200, Retry_After="0.5")),
        ("okx", Reply.of({"code": "50011", "msg": "Too Many Requests", "data": []}, 429, Retry_After="0.5")),
        ("okx", Reply.of({"code": "50011", "msg": "Too Many Requests", "data": []}, 200, Retry_After="0.5")),
        ("bybit", Reply.of({"retCode": 10006, "retMsg": "Too many visits!"}, 200, Retry_After="0.5")),
        ("kraken", Reply.of({"error": ["EGeneral:Too many requests"]}, 200, Retry_After="0.5")),
        ("kraken", Reply.of({"error": ["EAPI:Rate limit exceeded"]}, 200, Retry_After="0.5")),
    ],
)
def test_after_one_429_nobody_asks_until_the_wait_is_over(venue: str, reply: Reply):
    async def question(asked: CcxtVenue) -> list[Page]:
        market = Market(venue, SPOT[venue])
        return await asyncio.gather(*(asked.page(market, Timeframe.M1, WINDOW) for _ in range(12)))

    pages, asked, server = asking(venue, lambda n, path: reply if n == 3 else whole(venue), question, concurrency=2)
    assert [len(page.candles) for page in pages] == [3] * 12
    pauses = [later - earlier for earlier, later in pairwise(server.at)]
    assert sum(pause > 0.4 for pause in pauses) == 1
    late = next(i for i, pause in enumerate(pauses) if pause > 0.4)
    assert late <= 3, "at most the one request already under way came after the refusal"
    assert asked.traffic.failures == {"Throttled": 1}
    assert asked.traffic.waits_seconds >= 0.5


def test_a_429_storm_ends_in_an_error():
    patience = Patience(base_seconds=0.01, cap_seconds=0.05, most_waiting_seconds=0.3)

    async def question(asked: CcxtVenue) -> None:
        with pytest.raises(VenueDown, match="asks to wait"):
            await asked.page(Market("gate", "BTC/USDT"), Timeframe.M1, WINDOW)

    storm = Reply(b"", 429, {"Retry-After": "0"})
    _, asked, server = asking("gate", lambda n, path: storm, question, patience=patience)
    assert 3 < len(server.asked) < 30
    assert asked.traffic.failures["Throttled"] == len(server.asked)


@pytest.mark.parametrize(
    ("venue", "banned"),
    [
        ("binance", Reply.of({"code": -1003, "msg": "Way too many requests; IP banned until 1700000000000"}, 418)),
        ("bybit", Reply(b"403, access too frequent", 403)),
    ],
)
def test_after_a_ban_nothing_more_is_sent(venue: str, banned: Reply):
    async def question(asked: CcxtVenue) -> list[BaseException | Page]:
        market = Market(venue, "BTC/USDT")
        return await asyncio.gather(
            *(asked.page(market, Timeframe.M1, WINDOW) for _ in range(10)), return_exceptions=True
        )

    results, _, server = asking(venue, lambda n, path: banned, question, concurrency=1)
    assert all(isinstance(result, Banned) for result in results)
    assert len(server.asked) == 1


def test_an_unreachable_server_is_down():
    async def ask() -> None:
        async with client("gate", venue_url="http://127.0.0.1:1", instruments=[KNOWN["gate"]], patience=QUICK) as asked:
            with pytest.raises(VenueDown, match=r"127\.0\.0\.1"):
                await asked.page(Market("gate", "BTC/USDT"), Timeframe.M1, WINDOW)

    asyncio.run(ask())


def test_a_request_s_time_out_does_not_run_while_it_waits_for_its_turn():
    async def question(asked: CcxtVenue) -> list[Page]:
        market = Market("gate", "BTC/USDT")
        return await asyncio.gather(*(asked.page(market, Timeframe.M1, WINDOW) for _ in range(8)))

    slow = Reply(whole("gate").body, after=0.15)
    _, asked, _ = asking("gate", lambda n, path: slow, question, concurrency=1, timeout_seconds=1)
    assert asked.traffic.failures == {}


@pytest.mark.parametrize(
    ("venue", "reply"),
    [("gate", Reply(HTML)), ("gate", Reply(b'[{"id":"BTC_USDT","base":"B')), ("bitfinex", Reply(HTML))],
)
def test_a_list_of_markets_that_is_not_json_is_an_error_not_an_empty_list(venue: str, reply: Reply):
    async def question(asked: CcxtVenue) -> None:
        with pytest.raises(BadPage):
            await asked.instruments()

    _, asked, _ = asking(venue, lambda n, path: reply, question, instruments=())
    assert asked.traffic.failures == {"BadPage": 6}


@pytest.mark.parametrize(
    ("venue", "body", "lacks"),
    [
        ("gate", b"[]", "no spot market"),
        ("gate", b"{}", "no spot market"),
        ("bitfinex", b"[[],[],[],[]]", "no perpetual and no spot market"),
        ("binance", b'{"symbols":[]}', "no spot market"),
        ("okx", b'{"code":"0","data":[],"msg":""}', "no spot market"),
        ("bybit", b'{"retCode":0,"result":{"list":[]}}', "no spot market"),
        ("kraken", b'{"error":[],"result":{}}', "no spot market"),
    ],
)
def test_a_venue_that_lists_nothing_is_out_of_order_and_not_empty(venue: str, body: bytes, lacks: str):
    async def question(asked: CcxtVenue) -> None:
        with pytest.raises(BadPage, match=lacks):
            await asked.instruments()

    _, asked, _ = asking(venue, lambda n, path: Reply(body), question, instruments=())
    assert asked.traffic.failures == {"BadPage": 6}


def test_a_list_that_is_empty_once_costs_a_retry():
    pair = {"id": "BTC_USDT", "base": "BTC", "quote": "USDT", "trade_status": "tradable", "precision": 2}
    contract = {"name": "BTC_USDT", "quanto_multiplier": "0.0001", "order_price_round": "0.1"}

    def answer(number: int, path: str) -> Reply:
        return Reply() if number <= 2 or "margin" in path else Reply.of([contract if "contracts" in path else pair])

    async def question(asked: CcxtVenue) -> list[str]:
        return [one.symbol for one in await asked.instruments()]

    symbols, asked, _ = asking("gate", answer, question, instruments=())
    assert symbols == ["BTC/USDT", "BTC/USDT:USDT"]
    assert asked.traffic.failures == {"BadPage": 1}


@pytest.mark.parametrize(
    ("venue", "reply"),
    [
        ("binance", Reply(b"{}")),
        ("gate", Reply(b'{"server_time":"soon"}')),
        ("bitfinex", Reply(b"[1]")),
        ("okx", Reply(b'{"code":"0","data":[],"msg":""}')),
        ("bybit", Reply(b'{"retCode":0,"time":"soon"}')),
        ("kraken", Reply(b'{"error":[],"result":[]}')),
    ],
)
def test_an_answer_without_a_time_is_not_a_clock(venue: str, reply: Reply):
    async def question(asked: CcxtVenue) -> None:
        with pytest.raises(BadPage, match="no time in it"):
            await asked.server_time()

    asking(venue, lambda n, path: reply, question)


def test_a_real_venue_is_asked_no_faster_than_its_budget_allows():
    async def ask() -> tuple[CcxtVenue, float]:
        async with (
            writing(lambda n, path: whole("gate")) as server,
            client("gate", instruments=[KNOWN["gate"]]) as asked,
        ):
            # Only the hosts are moved: without ``venue_url`` the client believes it talks to Gate.
            ccxt = asked._exchange._ccxt  # noqa: SLF001
            ccxt.urls["api"] = _rehosted_tree(ccxt.urls["api"], server.url)
            market = Market("gate", "BTC/USDT")
            await asyncio.gather(*(asked.page(market, Timeframe.M1, WINDOW) for _ in range(24)))
            return asked, server.at[-1] - server.at[0]

    asked, seconds = asyncio.run(ask())
    budget = facts.of("gate", "spot").budget
    at_once = budget.weight * SHARE * BURST
    assert seconds >= (24 - at_once - 1) * budget.seconds / (budget.weight * SHARE)
    assert asked.traffic.waits_seconds > 0
