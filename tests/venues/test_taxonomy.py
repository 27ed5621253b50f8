"""Which error an answer is: status and body first, ccxt's class second."""

import json

import pytest

from qmd_platform.errors import Banned, BeyondHistory, Refused, Throttled, UnknownMarket, VenueDown, VenueError
from qmd_platform.venues import facts, taxonomy
from qmd_platform.venues.ccxt_lazy import exchange_class


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (418, b"", Banned),
        (429, b"", Throttled),
        (500, b'["error",11010,"ratelimit: error"]', Throttled),
        (200, b'["error", 11010, "ratelimit: error"]', Throttled),
        (400, b'{"label":"INVALID_PARAM_VALUE","message":"Candlestick too long ago. Maximum 10000"}', BeyondHistory),
        (403, b"403, access too frequent", Banned),
        (403, b"error code: 1020", type(None)),
        (200, b"[]", type(None)),
        (400, b"{}", type(None)),
    ],
)
def test_status_and_body_speak_first(status: int, body: bytes, error: type):
    assert type(taxonomy.of_answer("bitfinex", status, {}, body)) is error


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, Refused) for status in (301, 400, 401, 403, 404, 405, 410, 422, 451)),
        *((status, VenueDown) for status in (408, 425, 500, 502, 503, 504, 520, 522, 530)),
        (200, type(None)),
        (204, type(None)),
    ],
)
def test_what_else_a_status_means(status: int, error: type):
    assert type(taxonomy.of_status("gate", status, b"why")) is error


@pytest.mark.parametrize("status", [403, 451])
def test_a_refused_place_is_named_as_such(status: int):
    error = taxonomy.of_status("binance", status, b"Service unavailable from a restricted location")
    assert error is not None
    assert "this place" in str(error.hint)


CODES = [
    ("binance", 400, {"code": -1121, "msg": "Invalid symbol."}, UnknownMarket),
    ("binance", 400, {"code": -1120, "msg": "Invalid interval."}, Refused),
    ("binance", 400, {"code": -1003, "msg": "Too much request weight used."}, Throttled),
    ("binance", 503, {"code": -1001, "msg": "Internal error; unable to process your request."}, VenueDown),
    ("gate", 400, {"label": "INVALID_CURRENCY_PAIR", "message": "Invalid currency pair"}, UnknownMarket),
    ("gate", 400, {"label": "CONTRACT_NOT_FOUND", "message": "contract not found"}, UnknownMarket),
    ("gate", 400, {"label": "INVALID_PARAM_VALUE", "message": "invalid argument: from"}, Refused),
    ("gate", 400, {"label": "TOO_MANY_REQUESTS", "message": "Request Rate limit Exceeded"}, Throttled),
    ("gate", 500, {"label": "SERVER_ERROR", "message": "Internal server error"}, VenueDown),
    ("bitfinex", 500, ["error", 10020, "symbol: invalid"], UnknownMarket),
    ("bitfinex", 500, ["error", 10020, "limit: invalid"], Refused),
    ("bitfinex", 500, ["error", 20060, "maintenance"], VenueDown),
    ("bitfinex", 500, ["error", 10000, "unknown event"], type(None)),
    ("okx", 429, {"code": "50011", "msg": "Too Many Requests", "data": []}, Throttled),
    ("okx", 200, {"code": "51001", "msg": "Instrument ID doesn't exist.", "data": []}, UnknownMarket),
    ("okx", 400, {"code": "51000", "msg": "Parameter bar error", "data": []}, Refused),
    ("okx", 503, {"code": "50001", "msg": "Service temporarily unavailable.", "data": []}, VenueDown),
    ("okx", 200, {"code": "50013", "msg": "Systems are busy. Please try again later.", "data": []}, VenueDown),
    ("bybit", 200, {"retCode": 10006, "retMsg": "Too many visits!", "result": {}}, Throttled),
    ("bybit", 200, {"retCode": 10018, "retMsg": "Exceeded the IP Rate Limit.", "result": {}}, Throttled),
    ("bybit", 200, {"retCode": 10001, "retMsg": "Not supported symbols", "result": {}}, UnknownMarket),
    ("bybit", 200, {"retCode": 10001, "retMsg": "Invalid period!", "result": {}}, Refused),
    ("bybit", 200, {"retCode": 10016, "retMsg": "System error. Please try again later."}, type(None)),
    ("kraken", 200, {"error": ["EAPI:Rate limit exceeded"]}, Throttled),
    ("kraken", 200, {"error": ["EGeneral:Too many requests"]}, Throttled),
    ("kraken", 200, {"error": ["EGeneral:Invalid arguments"]}, Refused),
    ("kraken", 200, {"error": ["EService:Unavailable"]}, VenueDown),
    ("kraken", 200, {"error": ["EService:Busy"]}, VenueDown),
    ("kraken", 200, {"error": ["EQuery:Unknown asset pair"]}, type(None)),
]


@pytest.mark.parametrize(("venue", "status", "body", "ours"), CODES)
def test_the_venues_own_error_codes_are_read_with_ccxt_s_tables(
    venue: str, status: int, body: object, ours: type[VenueError]
):
    exchange = exchange_class(venue)()
    text = json.dumps(body)
    with pytest.raises(Exception, match=venue) as caught:
        exchange.handle_errors(status, "", "https://x/api/v3/klines", "GET", {}, text, json.loads(text), {}, None)
    assert type(taxonomy.of_ccxt(venue, caught.value, status, {})) is ours


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "7"}, 7), ({}, 5), ({"Retry-After": "-1"}, 5), ({"Retry-After": "soon"}, 5)],
)
def test_the_wait_is_what_the_venue_names_or_its_usual_one(headers: dict[str, str], seconds: float):
    error = taxonomy.of_answer("binance", 429, headers, b"")
    assert isinstance(error, Throttled)
    assert error.retry_after == seconds


def test_an_exception_that_is_none_of_ccxt_s_says_nothing():
    assert taxonomy.of_ccxt("gate", LookupError(), 400, {}) is None


REFUSALS = [
    b'{"code":"51001","msg":"","data":[]}',
    b'{"result":{},"retMsg":"no","retCode":10001}',
    b'{"error":["EService:Unavailable"]}',
]
NO_REFUSALS = [
    b'{"code":"0","msg":"","data":[]}',
    b'{"retCode":0,"retMsg":"OK","result":{"list":[]},"time":1}',
    b'{"error":[],"result":{"XXBTZUSD":[],"last":0}}',
    b'{"server_time":1}',
    b"[]",
    b"",
    b'{"code":',
    b"<!DOCTYPE html>",
]


def test_a_success_can_still_be_a_refusal_which_only_its_body_says():
    assert [taxonomy.is_refusal(200, body) for body in REFUSALS] == [True] * len(REFUSALS)
    assert [taxonomy.is_refusal(200, body) for body in NO_REFUSALS] == [False] * len(NO_REFUSALS)
    assert all(taxonomy.is_refusal(400, body) for body in (*REFUSALS, *NO_REFUSALS))


@pytest.mark.parametrize("venue", facts.VENUES)
def test_words_for_an_unknown_market_are_read_where_ccxt_has_none(venue: str):
    for body in (
        b'{"error":["EQuery:Unknown asset pair"]}',
        b'{"retCode":10001,"retMsg":"params error: Symbol Invalid","result":{}}',
    ):
        assert type(taxonomy.of_words(venue, body)) is UnknownMarket
    assert taxonomy.of_words(venue, b'{"retCode":10001,"retMsg":"Invalid period!"}') is None
