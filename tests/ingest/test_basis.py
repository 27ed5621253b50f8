"""The basis in the lake: the closed form of the sandbox's prices, month by month, and blind to what comes later."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.arbitrage.basis import BPS
from qmd_platform.ingest.basis import derive_basis
from qmd_platform.ingest.reference_rows import series_of, to_arrow
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.model.series import Market, Partition
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, month_window, months
from qmd_platform.sandbox.market import truth
from qmd_platform.sandbox.reference_truth import reference_truth
from tests.ingest.fundedlake import Row, put_candles, rows

WHOLE = Window.of("2026-02-27", "2026-03-06")
LATER = WHOLE.end + 24 * STEP.step
BTC, SPOT = Market("binance", "BTC/USDT:USDT"), Market("binance", "BTC/USDT")
PEPE, GATE = Market("binance", "1000PEPE/USDT:USDT"), Market("gate", "ETH/USDT:USDT")
MARKETS = [BTC, SPOT, PEPE, GATE]
MARCH = month_window("2026-03")


def traded(market: Market, step: Timeframe = STEP) -> Candles:
    return truth(market, step, WHOLE, LATER)


def reference(market: Market, wanted: Reference) -> Candles:
    return reference_truth(market, wanted, WHOLE, LATER)


def put(lake: Lake, market: Market, wanted: Reference, candles: Candles) -> None:
    window = Window(int(candles.open_at[0]), int(candles.open_at[-1]) + 1)
    writes = [
        Write(Partition(series_of(market, wanted), month), to_arrow(candles.within(part), wanted), replace=True)
        for month, part in months(window)
    ]
    lake.commit(writes, run_id="put", source="sandbox:test")


def filled(root: Path, markets: Iterable[Market] = MARKETS) -> Lake:
    lake = Lake.open(root)
    for market in markets:
        put_candles(lake, market, traded(market))
        if market.kind == "perpetual":
            for wanted in (Reference.MARK, Reference.INDEX):
                put(lake, market, wanted, reference(market, wanted))
    return lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = filled(tmp_path_factory.mktemp("basis") / "lake")
    derive_basis(made, MARKETS, ["2026-03"], run_id="r")
    return made


def of(lake: Lake, market: Market) -> list[Row]:
    return [row for row in rows(lake, "basis") if row["market"] == str(market)]


def column(found: list[Row], name: str) -> list[float]:
    return [np.nan if row[name] is None else row[name] for row in found]


def test_every_number_is_the_closed_form_of_the_sandbox(lake: Lake):
    price, spot = traded(BTC), traded(SPOT)
    mark, index = reference(BTC, Reference.MARK), reference(BTC, Reference.INDEX)
    mine = (price.open_at + STEP.step >= MARCH.start) & (price.open_at + STEP.step < MARCH.end)
    found = of(lake, BTC)
    assert column(found, "open_at") == price.open_at[mine].tolist()
    assert column(found, "available_at") == (price.open_at[mine] + STEP.step).tolist()
    for name, above, below in (
        ("mark_index_bps", mark, index),
        ("price_index_bps", price, index),
        ("mark_spot_bps", mark, spot),
        ("price_spot_bps", price, spot),
    ):
        assert column(found, name) == ((above.close[mine] / below.close[mine] - 1) * BPS).tolist()
    for name, candles in (("price", price), ("mark", mark), ("index", index), ("spot", spot)):
        assert column(found, name) == candles.close[mine].tolist()
    assert {(row["underlying"], row["spot_market"]) for row in found} == {("BTC", "binance:BTC/USDT")}


def test_the_last_hour_of_a_month_is_in_the_next_one_where_it_became_known(lake: Lake):
    first = of(lake, BTC)[0]
    assert (first["open_at"], first["available_at"]) == (MARCH.start - STEP.step, MARCH.start)


def test_where_there_is_no_spot_the_index_is_enough(lake: Lake):
    for market, coin in ((GATE, "ETH"), (PEPE, "PEPE")):
        found = of(lake, market)
        assert len(found) == 5 * 24 + 1
        assert {(row["underlying"], row["spot_market"], row["spot"]) for row in found} == {(coin, "", None)}
        assert np.isfinite(column(found, "price_index_bps")).all()
        assert np.abs(column(found, "mark_index_bps")).max() < 50


def test_a_contract_of_a_thousand_coins_is_compared_with_a_thousand_coins(tmp_path: Path):
    spot = Market("binance", "PEPE/USDT")
    made = filled(tmp_path / "lake", [PEPE])
    per_coin = replace(traded(PEPE), **{name: getattr(traded(PEPE), name) / 1000 for name in ("open", "high", "low")})
    put_candles(made, spot, replace(per_coin, close=traded(PEPE).close / 1001))
    derive_basis(made, [PEPE, spot], ["2026-03"], run_id="r")
    assert column(of(made, PEPE), "price_spot_bps") == pytest.approx([10.0] * (5 * 24 + 1))


def test_making_it_again_changes_nothing(lake: Lake):
    before = lake.states()
    (receipt,) = derive_basis(lake, MARKETS, ["2026-03"], run_id="again")
    assert lake.states() == before
    assert (receipt.new, receipt.changed, receipt.rows) == (0, 0, len(rows(lake, "basis")))


def test_what_comes_later_changes_no_earlier_row(tmp_path: Path, lake: Lake):
    cut = MARCH.start + 30 * STEP.step
    other = filled(tmp_path / "lake")
    for market in MARKETS:
        put_candles(other, market, doubled(traded(market), cut))
        if market.kind == "perpetual":
            for wanted in (Reference.MARK, Reference.INDEX):
                put(
                    other, market, wanted, doubled(reference(market, wanted), cut, 3 if wanted is Reference.MARK else 5)
                )
    derive_basis(other, MARKETS, ["2026-03"], run_id="r")
    ours, theirs = ([row for row in rows(one, "basis") if row["available_at"] <= cut] for one in (lake, other))
    assert ours == theirs
    assert len(ours) == 3 * 31
    assert rows(lake, "basis") != rows(other, "basis")


def doubled(candles: Candles, since: int, times: int = 2) -> Candles:
    """``candles`` with other prices from ``since`` on."""
    factor = np.where(candles.open_at >= since, times, 1)
    prices = {name: getattr(candles, name) * factor for name in ("open", "high", "low", "close")}
    return replace(candles, **prices)


def test_minutes_do_where_there_are_no_candles_of_an_hour(tmp_path: Path, lake: Lake):
    made = filled(tmp_path / "lake", [])
    day = Window.of("2026-03-02", "2026-03-03")
    put_candles(made, BTC, traded(BTC, Timeframe.M1).within(day), Timeframe.M1)
    put(made, BTC, Reference.INDEX, reference(BTC, Reference.INDEX))
    derive_basis(made, [BTC], ["2026-03"], run_id="r")
    found, hourly = of(made, BTC), {row["open_at"]: row["price_index_bps"] for row in of(lake, BTC)}
    assert len(found) == 24
    assert [row["price_index_bps"] for row in found] == [hourly[row["open_at"]] for row in found]


def test_a_market_of_which_nothing_is_known_has_no_row(tmp_path: Path):
    made = filled(tmp_path / "lake", [])
    put_candles(made, BTC, traded(BTC))
    (receipt,) = derive_basis(made, MARKETS, ["2026-03"], run_id="r")
    assert receipt.rows == 0
