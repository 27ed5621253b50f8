"""Each corruption, put into a clean month, is caught by its own rule and by no other."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market
from qmd_platform.model.spans import Run, State, accounted, windows_of
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, iso
from qmd_platform.quality.judge import MOST_NAMED, Beside, judged
from qmd_platform.quality.rules import BESIDE_RULES, CANDLE_RULES
from tests.quality.tables import (
    all_there,
    broken,
    broken_rules,
    changed,
    clean,
    half_built,
    partition,
    with_value,
)

STEP = Timeframe.H1.step
MIDDLE = 300
SINGLE_MINUTES = 8
"""Longer than the single minutes without trades of the generated markets; their quiet stretches are longer still."""
Spoil = Callable[[Candles], Candles]


def without(*picked: int) -> Spoil:
    return lambda candles: candles.take(np.delete(np.arange(len(candles)), picked))


def repeated(candles: Candles) -> Candles:
    return candles.take(np.insert(np.arange(len(candles)), 100, 100))


def out_of_order(candles: Candles) -> Candles:
    order = np.arange(len(candles))
    order[[50, 51]] = (51, 50)
    return candles.take(order)


def off_the_grid(candles: Candles) -> Candles:
    """One row too many, a second after another."""
    more = repeated(candles)
    at = more.open_at.copy()
    at[101] += 1000
    return changed(more, open_at=at)


def from_next_month(candles: Candles) -> Candles:
    last = candles.take(slice(-1, None))
    return Candles.concat([candles, changed(last, open_at=last.open_at + STEP)])


def swapped(candles: Candles) -> Candles:
    return with_value(with_value(candles, "high", 4, candles.low[4]), "low", 4, candles.high[4])


CORRUPTIONS: list[tuple[str, Spoil, str]] = [
    ("a candle twice", repeated, "unique_open_times"),
    ("two candles exchanged", out_of_order, "in_order"),
    ("a candle between two grid instants", off_the_grid, "on_the_grid"),
    ("a candle of the next month", from_next_month, "on_the_grid"),
    ("the first candle gone", without(0), "complete"),
    ("candles gone in the middle", without(300, 301, 302), "complete"),
    ("the last candle gone", without(-1), "complete"),
    ("no candles at all", lambda _: Candles.empty(), "complete"),
    ("high and low swapped", swapped, "ohlc_order"),
    ("a price that is no number", lambda c: with_value(c, "close", 7, np.nan), "finite"),
    ("an infinite high", lambda c: with_value(c, "high", 7, np.inf), "finite"),
    ("an infinite volume", lambda c: with_value(c, "volume", 7, np.inf), "finite"),
    ("a volume that is no number", lambda c: with_value(c, "volume", -1, np.nan), "finite"),
    ("a negative volume", lambda c: with_value(c, "volume", 7, -0.5), "volume_not_negative"),
    ("a price of zero", lambda c: with_value(c, "low", 7, 0.0), "positive_prices"),
    ("32 bit volumes", lambda c: changed(c, volume=c.volume.astype(np.float32)), "schema"),
    ("times as floats", lambda c: changed(c, open_at=c.open_at.astype(float)), "schema"),
    ("prices as text", lambda c: changed(c, open=c.open.astype(str)), "schema"),
    ("prices as objects", lambda c: changed(c, open=c.open.astype(object)), "schema"),
    ("a column cut short", lambda c: changed(c, close=c.close[:-1]), "schema"),
]


def test_a_clean_month_breaks_no_rule():
    findings = judged(partition(), clean(), all_there(partition()))
    assert [f.rule.name for f in findings if not f.passed] == []
    assert [f.rule for f in findings] == [rule for rule in CANDLE_RULES if rule not in BESIDE_RULES]


@pytest.mark.parametrize(("spoil", "rule"), [c[1:] for c in CORRUPTIONS], ids=[c[0] for c in CORRUPTIONS])
def test_a_corruption_is_caught_by_its_rule_alone(spoil: Spoil, rule: str):
    assert broken_rules(spoil(clean())) == {rule}


@pytest.mark.parametrize("market", ["gate:BTC/USDT:USDT", "bitfinex:ETH/USD", "binance:SOL/USDT:USDT"])
@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.M5, Timeframe.D1])
def test_a_generated_month_of_any_market_breaks_no_rule_but_for_its_quiet_stretches(market: str, timeframe: Timeframe):
    of = partition(timeframe, market=Market.parse(market))
    candles = clean(timeframe, of.series.market)
    there = windows_of(candles.open_at, timeframe.step)
    runs = accounted([of.window], there, [Run(of.window, State.VERIFIED_EMPTY, "no trades")], "unexplained")
    assert len(candles) > 27
    found = broken(judged(of, candles, runs))
    quiet = found.pop("outage", None)
    assert quiet is None or all(float(str(one["outage_candles"])) > SINGLE_MINUTES for one in quiet.sample)
    assert found == {}


def test_an_offender_is_named_by_its_time_its_values_and_what_was_expected():
    spoiled = with_value(clean(), "volume", 7, -0.5)
    finding = broken(judged(partition(), spoiled, all_there(partition())))["volume_not_negative"]
    assert finding.offenders == 1
    assert finding.sample == ({"open_at": iso(int(clean().open_at[7])), "volume": -0.5, "expected": "volume >= 0"},)


def test_a_finding_counts_all_offenders_and_names_the_first_as_json():
    spoiled = with_value(clean(), "close", range(10, 200), np.nan)
    finding = broken(judged(partition(), spoiled, all_there(partition())))["finite"]
    assert finding.offenders == 190
    assert len(finding.sample) == MOST_NAMED
    assert finding.sample[0]["open_at"] == iso(int(clean().open_at[10]))
    assert json.loads(json.dumps(finding.sample, allow_nan=False))[0]["close"] == "nan"


def test_a_time_no_calendar_knows_is_named_in_milliseconds():
    at = clean().open_at.copy()
    at[-1] = 2**62
    found = broken(judged(partition(), changed(clean(), open_at=at), all_there(partition())))
    assert found["on_the_grid"].sample[0]["open_at"] == f"{2**62} ms"


def test_missing_candles_are_named_with_their_cause():
    of, start = partition(), clean().open_at[10]
    hole = Window(int(start), int(start) + 2 * STEP)
    runs = accounted([of.window], [Window(of.window.start, hole.start), Window(hole.end, of.window.end)], [], "a 502")
    finding = broken(judged(of, without(10, 11)(clean()), runs))["complete"]
    assert finding.offenders == 2
    wanted = {"open_at": iso(hole.start), "state": "missing", "cause": "a 502", "expected": "is_held >= 1"}
    assert finding.sample[0] == wanted


@pytest.mark.parametrize("state", [State.VERIFIED_EMPTY, State.UNLISTED])
@pytest.mark.parametrize("lacking", [0, MIDDLE, len(clean()) - 1], ids=["start", "middle", "end"])
def test_a_candle_that_cannot_exist_is_not_missed(state: State, lacking: int):
    candles = without(lacking)(clean())
    there = windows_of(candles.open_at, STEP)
    runs = accounted([partition().window], there, [Run(partition().window, state)], "")
    at_edge_of_asked = state is State.VERIFIED_EMPTY and lacking != MIDDLE
    assert broken_rules(candles, runs) == ({"edge_gap"} if at_edge_of_asked else set())


@pytest.mark.parametrize("state", [State.MISSING, State.QUARANTINED, State.PRESENT])
def test_a_candle_that_coverage_expects_is_missed_whatever_coverage_calls_it(state: State):
    at = int(clean().open_at[10])
    runs = [
        Run(Window(partition().window.start, at), State.PRESENT),
        Run(Window(at, at + STEP), state, "why"),
        Run(Window(at + STEP, partition().window.end), State.PRESENT),
    ]
    assert broken_rules(without(10)(clean()), runs) == {"complete"}


def test_nothing_is_missed_outside_the_asked_window():
    asked = Window(int(clean().open_at[100]), int(clean().open_at[200]))
    candles = clean().within(asked)
    assert broken_rules(candles, [Run(asked, State.PRESENT)]) == set()
    assert broken_rules(candles.take(slice(1, None)), [Run(asked, State.PRESENT)]) == {"complete"}
    assert broken_rules(candles.take(slice(0, -1)), [Run(asked, State.PRESENT)]) == {"complete"}


def test_a_month_nobody_asked_for_may_be_empty():
    assert broken_rules(Candles.empty(), []) == set()


def test_half_built_candles_at_page_ends_are_caught_by_the_two_rules_about_them():
    of = partition(Timeframe.M5)
    spoiled, pages = half_built(clean(Timeframe.M5), 500), len(clean(Timeframe.M5)) // 500
    found = broken(
        judged(of, spoiled, all_there(of), Beside(clean(Timeframe.M1), Timeframe.M1)),
    )
    assert set(found) == {"agrees_with_shorter", "page_boundary"}
    assert found["agrees_with_shorter"].offenders == pages
    assert found["page_boundary"].sample[0]["damage_distance"] == 500


def test_disagreement_shows_both_sides():
    spoiled = with_value(clean(), "volume", 33, 1.25)
    found = broken(
        judged(
            partition(),
            spoiled,
            all_there(partition()),
            Beside(clean(Timeframe.M15), Timeframe.M15),
        )
    )
    assert set(found) == {"agrees_with_shorter"}
    offender = found["agrees_with_shorter"].sample[0]
    assert (offender["volume"], offender["shorter_volume"]) == (1.25, clean().volume[33])


@pytest.mark.parametrize("shorter", [Timeframe.H1, Timeframe.H2, Timeframe.D1])
def test_candles_are_made_of_shorter_ones_only(shorter: Timeframe):
    with pytest.raises(ConfigError, match="not made of"):
        judged(partition(), clean(), [], Beside(clean(), shorter))


def test_no_rule_about_rows_is_judged_where_the_columns_are_not_what_they_should_be():
    spoiled = changed(clean(), volume=clean().volume.astype(np.float32))
    (finding,) = judged(partition(), spoiled, all_there(partition()))
    rows = len(clean())
    wanted = {"column": "volume", "found": f"float32, {rows} rows", "wanted": f"float64, {rows} rows"}
    assert finding.sample == (wanted | {"expected": "found = wanted"},)
    assert set(COLUMNS) - {"volume"} == set(COLUMNS[:-1])
