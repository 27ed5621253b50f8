"""Each corruption of a clean month is named by its rule and by no other; clean months are named by none."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.quality.judge import Beside
from qmd_platform.sandbox.market import truth
from tests.acceptance.recordings import recorded_candles
from tests.conftest import SHARED_DATA
from tests.quality.mutations import ALSO, CORRUPTIONS, Month, Spoil, half_built_once, half_built_pages
from tests.quality.tables import NOW, broken_rules

RECORDED = {
    "bybit 1h 2024-06": ("bybit_perp_2024/{}-1h-futures.json", "BTC", "TRB", Timeframe.H1, "2024-06"),
    "bybit 5m 2024-07": ("bybit_perp_2024/{}-5m-futures.json", "BTC", None, Timeframe.M5, "2024-07"),
    "gate 5m 2024-08": ("gate_perp_2024-08/{}-5m-futures.feather", "ETH", "SOL", Timeframe.M5, "2024-08"),
    "binance 1m 2025-05": ("binance_perp_2025/{}-1m-futures.feather", "BTC", "LAYER", Timeframe.M1, "2025-05"),
}
"""Clean recorded months: file, market, the other market, timeframe."""

SHORTER = {"bybit 1h 2024-06": "bybit_perp_2024/BTC_USDT_USDT-5m-futures.json"}

NEED_SHORTER = (half_built_pages, half_built_once)


def _month(of: Partition, rows: Candles, before: Candles, other: Candles, shorter: Beside) -> Month:
    step = of.series.timeframe.step
    end = int(rows.open_at[-1]) + step
    beside = Beside(before=before, others={"other": other}, stored_at=end + 2000, restated=[])
    runs = [Run(Window(int(rows.open_at[0]), end), State.PRESENT)]
    of_shorter = replace(beside, shorter=shorter.shorter, shorter_timeframe=shorter.shorter_timeframe)
    return Month(of, rows, runs, other, of_shorter, beside)


@cache
def made_up() -> Month:
    market, other = Market("binance", "BTC/USDT"), Market("binance", "ETH/USDT")
    of = Partition(Series.candles(market, Timeframe.M5), "2026-02")
    earlier = Window(of.window.start - 500 * Timeframe.M5.step, of.window.start)
    m5, m1 = Timeframe.M5, Timeframe.M1
    return _month(
        of,
        truth(market, m5, of.window, NOW),
        truth(market, m5, earlier, NOW),
        truth(other, m5, of.window, NOW),
        Beside(truth(market, m1, of.window, NOW), m1),
    )


@cache
def recorded(name: str) -> Month:
    file, coin, second, timeframe, month = RECORDED[name]
    of = Partition(Series.candles(Market("gate", f"{coin}/USDT:USDT"), timeframe), month)
    whole = recorded_candles(SHARED_DATA / file.format(f"{coin}_USDT_USDT"))
    rows = whole.within(of.window)
    before = whole.within(Window(of.window.start - 500 * timeframe.step, of.window.start))
    if not len(before):  # the recording begins in the month: its first rows are what came before
        before, rows = rows.take(slice(0, 500)), rows.take(slice(500, None))
    if second:
        other = recorded_candles(SHARED_DATA / file.format(f"{second}_USDT_USDT"))
        other = other.within(Window(int(rows.open_at[0]), int(rows.open_at[-1]) + 1))
        rows = rows.take(slice(len(rows) - len(other), None))
    else:
        other = replace(rows, **{c: getattr(rows, c)[::-1] / 7 for c in ("open", "high", "low", "close", "volume")})
    shorter = Beside(recorded_candles(SHARED_DATA / SHORTER[name]), Timeframe.M5) if name in SHORTER else Beside()
    return _month(of, rows, before, other, shorter)


def judged(month: Month) -> set[str]:
    return broken_rules(month.candles, month.runs, month.partition, month.beside)


@pytest.mark.parametrize(("name", "spoil", "rules"), CORRUPTIONS, ids=[c[0] for c in CORRUPTIONS])
def test_a_corruption_of_a_made_up_month_is_named_by_its_rules_alone(name: str, spoil: Spoil, rules: set[str]):
    assert judged(spoil(made_up())) - ALSO.get(name, set()) == rules


def test_the_made_up_month_is_clean():
    assert judged(made_up()) == set()
    assert judged(replace(made_up(), beside=made_up().shorter)) == set()


@pytest.mark.parametrize("name", RECORDED)
def test_the_recorded_months_are_clean(shared_data: Path, name: str):
    assert shared_data == SHARED_DATA
    assert judged(recorded(name)) == set()


@pytest.mark.parametrize("month", RECORDED)
@pytest.mark.parametrize(("name", "spoil", "rules"), CORRUPTIONS, ids=[c[0] for c in CORRUPTIONS])
@pytest.mark.slow
def test_a_corruption_of_a_recorded_month_is_named_by_its_rules_alone(
    shared_data: Path, name: str, spoil: Spoil, rules: set[str], month: str
):
    assert shared_data == SHARED_DATA
    clean = recorded(month)
    if spoil in NEED_SHORTER and clean.shorter.shorter is None:
        pytest.skip("no shorter candles of this month were recorded")
    assert judged(spoil(clean)) - ALSO.get(name, set()) == rules
