"""Every row and every column of the tables of arbitrage, against the table worked out by hand from the sandbox's truth.

The month has a change of interval and back, a missing settlement, a rate at its cap, a contract of a thousand coins, and
contracts of one hour, four and eight.
"""

import math
from collections.abc import Iterable

import pytest

from qmd_platform.ingest.arbitrage import derive_arbitrage
from qmd_platform.lake.store import Lake
from qmd_platform.model import tables
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, month_window
from qmd_platform.sandbox.funding import hours_at, missing_truth, settlements_truth
from qmd_platform.sandbox.market import truth
from tests.ingest import byhand
from tests.ingest.byhand import Perpetual, Row, Spot
from tests.ingest.fundedlake import LATER, put_candles, put_funding, rows

MONTH = "2026-03"
MARCH = month_window(MONTH)
WHOLE = Window.of("2026-01-20", "2026-04-01")
VENUES = {
    "BTC": ("binance", "gate", "bybit"),
    "XRP": ("binance", "gate", "okx"),
    "ETH": ("bybit", "gate"),
    "DOGE": ("binance", "bybit"),
}
PEPE = Market.parse("binance:1000PEPE/USDT:USDT")
"""A thousand coins, and a rate at its cap. At Gate, where the sandbox has none, it is the coin by itself."""
SPOTS = [Market.parse(one) for one in ("binance:BTC/USDT", "bybit:DOGE/USDT")]
Legs = dict[str, Perpetual]


def perpetual(market: Market, *, like: Market | None = None, units: int = 1, price: float = 1.0) -> Perpetual:
    """What the sandbox knows of a contract: its own, or that of another one at another price."""
    source = like or market
    found = settlements_truth(source, WHOLE, LATER)
    candles = truth(source, Timeframe.H1, WHOLE, LATER)
    at = found.settled_at.tolist()
    return Perpetual(
        str(market),
        market.symbol.partition("/")[0].removeprefix("1000"),
        units,
        at,
        [round(rate * 1e8) for rate in found.rate.tolist()],
        hours_at(source, found.settled_at - 1).tolist(),
        found.mark.tolist() if like is None else [math.nan] * len(at),
        set(missing_truth(source, WHOLE).tolist()),
        {opened: close * price for opened, close in zip(candles.open_at.tolist(), candles.close.tolist(), strict=True)},
    )


@pytest.fixture(scope="module")
def legs() -> Legs:
    found = [
        perpetual(Market.parse(f"{venue}:{coin}/USDT:USDT")) for coin, venues in VENUES.items() for venue in venues
    ]
    found.append(perpetual(PEPE, units=1000))
    found.append(perpetual(Market.parse("gate:PEPE/USDT:USDT"), like=PEPE, price=0.00101))
    return {one.market: one for one in found}


@pytest.fixture(scope="module")
def spots() -> list[Spot]:
    found = []
    for market in SPOTS:
        candles = truth(market, Timeframe.H1, WHOLE, LATER)
        closes = dict(zip(candles.open_at.tolist(), candles.close.tolist(), strict=True))
        found.append(Spot(str(market), market.symbol.partition("/")[0], closes))
    return found


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, legs: Legs, spots: list[Spot]) -> Lake:
    """The same numbers in a lake, and what is made of them."""
    filled = Lake.open(tmp_path_factory.mktemp("lake"))
    for leg in legs.values():
        market = Market.parse(leg.market)
        source = PEPE if leg.market.startswith("gate:PEPE") else market
        found = settlements_truth(source, WHOLE, LATER)
        if source is not market:
            found.mark[:] = math.nan
        put_funding(filled, market, found)
        put_candles(filled, market, with_closes(truth(source, Timeframe.H1, WHOLE, LATER), leg.closes))
    for spot, market in zip(spots, SPOTS, strict=True):
        put_candles(filled, market, with_closes(truth(market, Timeframe.H1, WHOLE, LATER), spot.closes))
    derive_arbitrage(filled, [*map(Market.parse, legs), *SPOTS], [MONTH], run_id="r")
    return filled


def with_closes(candles: Candles, closes: dict[int, float]) -> Candles:
    factor = closes[int(candles.open_at[0])] / candles.close[0]
    for name in ("open", "high", "low"):
        getattr(candles, name)[:] *= factor
    candles.close[:] = [closes[at] for at in candles.open_at.tolist()]
    return candles


def assert_equal(lake: Lake, table: str, expected: Iterable[Row]) -> list[Row]:
    """Every row and column of ``table`` is the one expected, and there are no others."""
    spec = tables.table(table)
    found, wanted = (
        {tuple(row[name] for name in spec.key): row for row in each} for each in (rows(lake, table), expected)
    )
    assert found.keys() == wanted.keys()
    for key, row in wanted.items():
        assert found[key].keys() == row.keys() == {column.name for column in spec.columns}
        for name, value in row.items():
            same = value if not isinstance(value, float) else pytest.approx(value, rel=1e-9, abs=1e-13)
            assert found[key][name] == same, (key, name)
    return list(wanted.values())


def test_funding_carry_is_the_table_worked_out_by_hand(lake: Lake, legs: Legs):
    made = assert_equal(
        lake, "funding_carry", (row for leg in legs.values() for row in byhand.carry(leg, MARCH.start, MARCH.end))
    )
    suspects = [row for row in made if row["is_suspect"]]
    assert [(row["market"], row["interval_hours"]) for row in suspects] == [("gate:ETH/USDT:USDT", 8.0)]
    assert {row["interval_hours"] for row in made if row["underlying"] == "XRP"} == {8.0, 4.0}
    assert max(row["simple_per_year"] for row in made) == 0.02 / 4 * 8760
    waited = [row for row in made if row["available_at"] > row["settled_at"] + byhand.MINUTE]
    assert {row["market"] for row in waited} == {"binance:XRP/USDT:USDT", "gate:XRP/USDT:USDT", "gate:ETH/USDT:USDT"}


def test_funding_anomalies_is_the_table_worked_out_by_hand(lake: Lake, legs: Legs):
    made = assert_equal(
        lake,
        "funding_anomalies",
        (row for leg in legs.values() for row in byhand.anomalies(leg, MARCH.start, MARCH.end)),
    )
    assert {row["is_anomaly"] for row in made} == {True, False}


def test_venue_spreads_is_the_table_worked_out_by_hand(lake: Lake, legs: Legs):
    coins = {leg.coin for leg in legs.values()}
    made = assert_equal(
        lake,
        "venue_spreads",
        (
            row
            for coin in coins
            for row in byhand.spreads([leg for leg in legs.values() if leg.coin == coin], MARCH.start, MARCH.end)
        ),
    )
    raised = {flag for row in made for flag in str(row["flags"]).split()}
    assert raised == set(byhand.ORDER) - {"STALE_QUOTE", "IDENTITY_UNPROVEN"}
    assert {row["risk"] for row in made} == {"LOW", "MEDIUM", "HIGH"}


def test_cash_and_carry_is_the_table_worked_out_by_hand(lake: Lake, legs: Legs, spots: list[Spot]):
    pairs = [(legs["binance:BTC/USDT:USDT"], spots[0]), (legs["bybit:DOGE/USDT:USDT"], spots[1])]
    made = assert_equal(
        lake,
        "cash_and_carry",
        (row for one, spot in pairs for row in byhand.cash_and_carry(one, spot, MARCH.start, MARCH.end)),
    )
    assert {row["short_market"] for row in made} > {"bybit:DOGE/USDT", "bybit:DOGE/USDT:USDT"}
