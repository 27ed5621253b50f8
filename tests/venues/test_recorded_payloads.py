"""What OKX, Bybit and Kraken really sent, or print as a sample in their documentation; ccxt's own parser is the oracle.

Kraken's answers are recorded (../shared/data/rest_samples_xchange). Of OKX and Bybit there are only the samples of the
documentation, read on 2026-11-21, and Bybit's candles as another collector stored them (bybit_perp_2024).
"""

import asyncio
import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.venues import dialects, listing
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.ccxt_lazy import exchange_class
from tests.venues.asking import KNOWN
from tests.venues.writtenserver import Reply, writing

ONE = Fraction(1)

OKX_SAMPLE = b"""{
    "code":"0",
    "msg":"",
    "data":[
     ["1597026383085","3.721","3.743","3.677","3.708","8422410","22698348.04828491","12698348.04828491","1"],
     ["1597026383085","3.731","3.799","3.494","3.72","24912403","67632347.24399722","37632347.24399722","1"]
    ]
}"""
"""okx.com/docs-v5, Get candlesticks history; two rows of one time, as printed there."""

OKX_SWAPS = b"""{"code":"0","msg":"","data":[
    ["1678928760000","24341.4","24344","24313.2","24323","628","2.5819","62800","0"],
    ["1678928700000","24324.1","24347.6","24321.7","24341.4","2565","10.5401","256500","1"],
    ["1678928640000","24300.2","24324.1","24288","24324.1","3304","13.5937","330400","1"]
]}"""
"""An answer about BTC-USD-SWAP, in a comment of ccxt 4.5.90."""

BYBIT_SAMPLE = b"""{
    "retCode": 0,
    "retMsg": "OK",
    "result": {
        "symbol": "BTCUSD",
        "category": "inverse",
        "list": [
            ["1670608800000", "17071", "17073", "17027", "17055.5", "268611", "15.74462667"],
            ["1670605200000", "17071.5", "17071.5", "17061", "17071", "4177", "0.24469757"]
        ]
    },
    "retExtInfo": {},
    "time": 1672025956592
}"""
"""bybit-exchange.github.io/docs/v5/market/kline; the first rows of the sample there."""


def rows_of(candles: Candles) -> list[tuple[Any, ...]]:
    return list(zip(*(getattr(candles, name).tolist() for name in COLUMNS), strict=True))


def theirs(venue: str, rows: list[Any], market: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows as ccxt's parser reads them, sorted by time."""
    exchange = exchange_class(venue)({"options": {"defaultType": market["type"]}})
    return sorted((tuple(exchange.parse_ohlcv(row, market)) for row in rows), key=lambda row: row[0])


SPOT = {"type": "spot", "spot": True, "inverse": False}
SWAP = {"type": "swap", "spot": False, "swap": True, "inverse": False}


@pytest.mark.parametrize(
    ("venue", "kind", "body", "market"),
    [
        ("okx", "spot", OKX_SAMPLE, SPOT),
        ("okx", "perpetual", OKX_SAMPLE, SWAP),
        ("okx", "perpetual", OKX_SWAPS, SWAP),
        ("bybit", "spot", BYBIT_SAMPLE, SPOT),
        ("bybit", "perpetual", BYBIT_SAMPLE, SWAP),
    ],
)
def test_the_documented_samples_read_as_ccxt_reads_them(venue: str, kind: str, body: bytes, market: dict[str, Any]):
    decoded = json.loads(body)
    rows = decoded["data"] if venue == "okx" else decoded["result"]["list"]
    ours = rows_of(dialects.of(venue, kind).decode(venue, body, ONE))
    assert len(ours) == len(rows) > 1
    assert ours == theirs(venue, rows, market)


@pytest.mark.shared
def test_kraken_s_recorded_candles_read_as_ccxt_reads_them(recordings: Path):
    body = (recordings / "rest_samples_xchange" / "example-ohlc-data.json").read_bytes()
    rows = json.loads(body)["result"]["XXBTZUSD"]
    ours = rows_of(dialects.of("kraken", "spot").decode("kraken", body, ONE))
    assert ours == theirs("kraken", rows, SPOT)
    assert len(ours) == 720
    assert sum(row[5] == 0 for row in ours) == 17, "minutes without trades are printed, flat"


@pytest.mark.shared
def test_kraken_s_recorded_answer_is_a_page_of_what_is_asked_and_too_old_for_what_is_not_in_it(recordings: Path):
    body = (recordings / "rest_samples_xchange" / "example-ohlc-data.json").read_bytes()
    newest, step = 1502445660_000, Timeframe.M1.step
    oldest = newest - 719 * step
    market = Market("kraken", "BTC/USD")

    async def page(window: Window) -> Any:
        async with (
            writing(lambda n, path: Reply(body)) as server,
            client("kraken", venue_url=server.url, instruments=[KNOWN["kraken"]]) as asked,
        ):
            return await asked.page(market, Timeframe.M1, window)

    whole = asyncio.run(page(Window(oldest, newest)))
    assert len(whole.candles.within(whole.window)) == 719
    with pytest.raises(Exception, match="serves only its newest 720 candles of 1m") as caught:
        asyncio.run(page(Window(oldest - step, newest)))
    assert type(caught.value).__name__ == "BeyondHistory"
    assert caught.value.oldest == oldest  # type: ignore[attr-defined]  # BeyondHistory has it


@pytest.mark.shared
def test_kraken_s_recorded_pairs_are_listed_under_the_names_ccxt_gives_them(recordings: Path):
    body = json.loads((recordings / "rest_samples_xchange" / "example-assetpairs-data.json").read_bytes())
    for pair in body["result"].values():
        pair.setdefault("status", "online")  # recorded in 2019, before Kraken stated it
    text = json.dumps(body).encode()

    async def listed() -> list[Any]:
        async with (
            writing(lambda n, path: Reply(text)) as server,
            client("kraken", venue_url=server.url) as asked,
        ):
            return await asked.instruments()

    found = {one.symbol: one for one in asyncio.run(listed())}
    assert (found["BTC/USD"].tick, found["BTC/USD"].lot, found["BTC/USD"].active) == (0.1, 1e-8, True)
    assert found["BTC/USD"].venue_symbol == "XXBTZUSD", "and not its dark pool, XXBTZUSD.d"
    assert found["ETH/USD"].venue_symbol == "XETHZUSD"
    assert found["USDT/USD"].venue_symbol == "USDTZUSD"
    assert found["ADA/BTC"].venue_symbol == "ADAXBT"


@pytest.mark.shared
@pytest.mark.parametrize("timeframe", ["5m", "1h", "4h", "1d"])
def test_bybit_s_recorded_candles_are_complete_and_come_back_from_a_page_as_they_were(recordings: Path, timeframe: str):
    step = Timeframe(timeframe).step
    stored = json.loads((recordings / "bybit_perp_2024" / f"BTC_USDT_USDT-{timeframe}-futures.json").read_bytes())
    assert {later[0] - row[0] for row, later in pairwise(stored)} == {step}
    page = [[str(int(row[0])), *map(repr, row[1:]), "0"] for row in reversed(stored[:1000])]
    body = json.dumps({"retCode": 0, "retMsg": "OK", "result": {"list": page}, "time": 1}).encode()
    ours = rows_of(dialects.of("bybit", "perpetual").decode("bybit", body, ONE))
    assert ours == [(int(row[0]), *map(float, row[1:])) for row in stored[:1000]]


def test_of_contracts_only_those_settled_in_tether_are_kept_where_that_is_said():
    markets: list[dict[str, object]] = [{"symbol": "a", "settle": settle} for settle in (None, "USDT", "BTC", "USDC")]
    assert [one["settle"] for one in listing.kept("okx", markets)] == [None, "USDT"]
    assert [one["settle"] for one in listing.kept("bybit", markets)] == [None, "USDT"]
    assert listing.kept("binance", markets) == markets
