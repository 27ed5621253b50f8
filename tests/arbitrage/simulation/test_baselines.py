"""Baselines and splits: equal exposure, no overlap, no leaking from one part into the other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.arbitrage.economics import Capital
from qmd_platform.arbitrage.simulation.baselines import always_on, random_entries
from qmd_platform.arbitrage.simulation.splits import chronological, years
from qmd_platform.arbitrage.simulation.trades import Conditions
from qmd_platform.arbitrage.simulation.world import world
from qmd_platform.errors import ConfigError
from qmd_platform.model.window import Window, instant
from tests.arbitrage.worlds import COSTS, DAY, HOUR, START, traded

CONDITIONS = Conditions(COSTS, Capital())
WHOLE = Window(START, START + 100 * DAY)


@given(st.lists(st.integers(1, 30), max_size=8), st.integers(1, 200), st.integers(0, 50), st.integers(0, 2**32))
def test_random_entries_are_as_exposed_as_the_rules_and_never_overlap(
    holds: list[int], length: int, first: int, seed: int
):
    rows = range(first, first + length)
    for pairs in random_entries(rows, holds, 5, np.random.default_rng(seed)):
        lengths = pairs[:, 1] - pairs[:, 0]
        assert lengths.sum() == min(sum(holds), length)
        if sum(holds) <= length:
            assert sorted(lengths) == sorted(holds)
        assert (pairs[1:, 0] >= pairs[:-1, 1]).all()
        assert not len(pairs) or (pairs[0, 0] >= rows.start and pairs[-1, 1] <= rows.stop)


def test_the_same_seed_gives_the_same_entries_and_another_seed_others():
    def drawn(seed: int) -> list[list[int]]:
        return [one.tolist() for one in random_entries(range(500), [5, 9], 20, np.random.default_rng(seed))]

    assert drawn(1) == drawn(1) != drawn(2)


def test_every_placing_is_about_equally_likely():
    begins = [int(pairs[0, 0]) for pairs in random_entries(range(10), [6], 5_000, np.random.default_rng(3))]
    assert np.bincount(begins) / 5_000 == pytest.approx([0.2] * 5, abs=0.03)


def test_always_on_begins_when_both_legs_trade_and_goes_on_to_the_end():
    place = world(
        traded("binance:X/USDT:USDT", [100.0] * 20, missing=[0, 1]), traded("gate:X/USDT:USDT", [100.0] * 20), HOUR
    )
    (whole,) = always_on(place, range(20), CONDITIONS)
    assert (whole.entry_at, whole.exit_at, whole.why) == (START + 2 * HOUR, place.end, "ended")
    (part,) = always_on(place, range(5, 10), CONDITIONS)
    assert (part.entry_at, part.exit_at) == (START + 5 * HOUR, START + 10 * HOUR)
    assert always_on(place, range(2), CONDITIONS) == []


def test_always_on_goes_on_after_a_liquidation():
    rising = [100.0] * 5 + [140.0] * 5 + [200.0] * 5
    place = world(traded("binance:X/USDT:USDT", rising), traded("gate:X/USDT", rising), HOUR)
    held = always_on(place, range(15), CONDITIONS)
    assert [one.why for one in held] == ["liquidated", "liquidated", "ended"]
    assert [one.entry_row for one in held] == [0, 6, 11]


def test_the_split_is_by_time_with_the_embargo_between():
    split = chronological(WHOLE, embargo_ms=10 * DAY, max_hold_ms=10 * DAY)
    assert split.train == Window(START, START + 70 * DAY)
    assert split.test == Window(START + 80 * DAY, START + 100 * DAY)


def test_an_embargo_shorter_than_the_longest_hold_is_refused():
    with pytest.raises(ConfigError, match="shorter than the longest hold"):
        chronological(WHOLE, embargo_ms=9 * DAY, max_hold_ms=10 * DAY)


def test_a_split_that_leaves_nothing_to_test_on_is_refused():
    with pytest.raises(ConfigError, match="nothing is left"):
        chronological(WHOLE, embargo_ms=30 * DAY, max_hold_ms=30 * DAY)
    with pytest.raises(ConfigError, match="leaves a part empty"):
        chronological(WHOLE, embargo_ms=DAY, max_hold_ms=DAY, share=1.0)


def test_years_cut_the_window_and_leave_nothing_out():
    window = Window.of("2023-03-01", "2025-02-01")
    found = years(window)
    assert [name for name, _ in found] == ["2023", "2024", "2025"]
    assert found[1][1] == Window.of("2024-01-01", "2025-01-01")
    assert found[0][1].start == window.start
    assert found[-1][1].end == instant("2025-02-01")
