"""What a partition is compared with: other markets and the month before, found in the lake."""

import time
from dataclasses import replace

import numpy as np

from qmd_platform.ingest.beside import beside
from qmd_platform.ingest.checking import checked
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import instant, month_of
from qmd_platform.quality import rules
from qmd_platform.sandbox.market import truth

NOW = instant("2026-04-01")
BTC, PERPETUAL, ETH = (Market("binance", symbol) for symbol in ("BTC/USDT", "BTC/USDT:USDT", "ETH/USDT"))


def month(market: Market, name: str = "2026-02") -> Partition:
    return Partition(Series.candles(market, Timeframe.M5), name)


def rows_of(market: Market, name: str = "2026-02") -> Candles:
    return truth(market, Timeframe.M5, month(market, name).window, NOW)


def put(lake: Lake, of: Partition, rows: Candles) -> None:
    lake.commit([Write(of, rows.to_arrow(), asked=(of.window,))], run_id="r", source="test")


def failed(lake: Lake, of: Partition) -> dict[str, int]:
    return {verdict.rule: verdict.offenders for verdict in checked(lake, of) if not verdict.passed}


def with_rows_of(rows: Candles, other: Candles, part: slice) -> Candles:
    columns = {name: getattr(rows, name).copy() for name in COLUMNS[1:]}
    for name, values in columns.items():
        values[part] = getattr(other, name)[part]
    return replace(rows, **columns)


def test_clean_markets_beside_each_other_fail_nothing(lake: Lake):
    for market in (BTC, PERPETUAL, ETH):
        put(lake, month(market), rows_of(market))
    assert [failed(lake, month(market)) for market in (BTC, PERPETUAL, ETH)] == [{}, {}, {}]


def test_a_page_of_the_perpetual_among_the_spot_candles_is_found_at_the_same_price(lake: Lake):
    put(lake, month(PERPETUAL), rows_of(PERPETUAL))
    put(lake, month(BTC), with_rows_of(rows_of(BTC), rows_of(PERPETUAL), slice(1000, 1100)))
    found = failed(lake, month(BTC))
    assert set(found) == {rules.CONTAMINATION.name}
    assert found[rules.CONTAMINATION.name] > 80  # candles without a range say nothing


def test_a_whole_month_of_another_coin_is_found_by_its_digests(lake: Lake):
    put(lake, month(ETH), rows_of(ETH))
    put(lake, month(BTC), rows_of(ETH))
    assert set(failed(lake, month(BTC))) == {rules.CONTAMINATION.name}


def test_the_seam_to_the_month_before_is_looked_at(lake: Lake):
    put(lake, month(BTC, "2026-01"), rows_of(BTC, "2026-01"))
    rows = rows_of(BTC)
    tenfold = {name: getattr(rows, name) * 10 for name in ("open", "high", "low", "close")}
    put(lake, month(BTC), replace(rows, **tenfold))
    assert failed(lake, month(BTC)) == {rules.PRICE_JUMP.name: 1}


def test_rows_that_the_last_commit_changed_are_named_and_later_no_more(lake: Lake):
    put(lake, month(BTC), rows_of(BTC))
    rows = rows_of(BTC)
    some = rows.take(np.arange(700, 703))
    put(lake, month(BTC), replace(some, volume=some.volume + 1))
    assert failed(lake, month(BTC)) == {rules.RESTATED.name: 3}
    one = rows.take(np.arange(800, 801))
    put(lake, month(BTC), replace(one, volume=one.volume + 1))
    assert failed(lake, month(BTC)) == {rules.RESTATED.name: 1}


def test_rows_that_were_changed_are_still_named_when_somebody_has_only_asked_since(lake: Lake):
    put(lake, month(BTC), rows_of(BTC))
    some = rows_of(BTC).take(np.arange(700, 703))
    put(lake, month(BTC), replace(some, volume=some.volume + 1))
    version = lake.state(month(BTC)).version
    answer = Answered(month(BTC).window, NOW, "publicGetKlines", rows=0)
    nothing = Write(month(BTC), Candles.empty().to_arrow(), evidence=(answer,))
    lake.commit([nothing], run_id="r", source="test")
    assert lake.state(month(BTC)).version == version
    assert failed(lake, month(BTC)) == {rules.RESTATED.name: 3}


def test_a_candle_that_was_not_closed_when_it_was_stored_is_found_however_often_it_was_asked_for_since(lake: Lake):
    of = month(BTC)
    lake.claim_world("live")
    now = int(time.time() * 1000)
    step = Timeframe.M5.step
    forming = replace(rows_of(BTC).take(slice(0, 1)), open_at=np.array([now // step * step + step]))
    here = Partition(of.series, month_of(int(forming.open_at[0])))
    lake.commit([Write(here, forming.to_arrow(), asked=(here.window,))], run_id="r", source="live:binance")
    assert "closed" in failed(lake, here)
    asked = Answered(here.window, now, "publicGetKlines")
    lake.commit(
        [Write(here, forming.take(slice(0, 0)).to_arrow(), evidence=(asked,))], run_id="r", source="live:binance"
    )
    (first, last) = (one.at for one in reversed(lake.ledger.versions(of.series)))
    assert first <= last
    state = lake.state(here)
    assert state is not None
    assert beside(lake, state, lake.candles(here.series), None).stored_at == first
