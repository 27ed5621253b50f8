"""What Binance counts itself: when others use the address too, the end of its minute is waited for."""

import asyncio
import json
import time

import pytest

from qmd_platform.coordination.local import LocalSpending
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.port import Instrument
from tests.venues.writtenserver import Reply, writing

START = 1_700_000_040_000
RECORD = {"id": "BTCUSDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "spot": True, "type": "spot"}
KNOWN = Instrument("BTC/USDT", "BTCUSDT", "spot", "BTC", "USDT", "", True, 1.0, None, None, None, json.dumps(RECORD))
AT_58_SECONDS = "Sat, 21 Nov 2026 11:05:58 GMT"


@pytest.mark.parametrize(
    ("used", "date", "least", "most"),
    [
        ("5700", AT_58_SECONDS, 0.0, 1.0),  # what we may have spent ourselves
        ("5900", AT_58_SECONDS, 1.9, 4.0),
        ("soon", AT_58_SECONDS, 0.0, 1.0),
        ("-1", "no date", 0.0, 1.0),
    ],
)
def test_a_minute_that_others_have_used_up_is_not_exceeded(used: str, date: str, least: float, most: float):
    rows = [[START, "1", "3", "1", "2", "5", START + 59_999, "9", 4, "1", "1", "0"]]
    reply = Reply.of(rows, X_MBX_USED_WEIGHT_1M=used, Date=date)

    async def ask() -> float:
        async with (
            writing(lambda n, path: reply) as server,
            client("binance", venue_url=server.url, instruments=[KNOWN], spending=LocalSpending()) as asked,
        ):
            for _ in range(2):
                began = time.monotonic()
                await asked.page(Market("binance", "BTC/USDT"), Timeframe.M1, Window(START, START + 60_000))
            return time.monotonic() - began

    assert least <= asyncio.run(ask()) < most


def test_requests_about_funding_are_counted_apart_and_the_count_of_the_others_does_not_hold_them_up():
    at = 1_700_000_000_000
    reply = Reply.of([{"fundingTime": at, "fundingRate": "0.0001"}], X_MBX_USED_WEIGHT_1M="2390", Date=AT_58_SECONDS)
    record = RECORD | {"symbol": "BTC/USDT:USDT", "settle": "USDT", "spot": False, "swap": True, "type": "swap"}
    known = Instrument(
        "BTC/USDT:USDT", "BTCUSDT", "perpetual", "BTC", "USDT", "USDT", True, 1.0, None, None, None, json.dumps(record)
    )

    async def ask() -> float:
        async with (
            writing(lambda n, path: reply) as server,
            client("binance", venue_url=server.url, instruments=[known], spending=LocalSpending()) as asked,
        ):
            began = time.monotonic()
            for _ in range(2):
                await asked.funding(Market("binance", "BTC/USDT:USDT"), Window(at, at + 60_000))
            return time.monotonic() - began

    assert asyncio.run(ask()) < 1.9
