"""Damage at page ends is found where it repeats, and nowhere else."""

from math import comb, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.model.candles import Candles
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.quality.page_boundary import LEAST, MUST_HIT, SURE, log_chance, repetition
from tests.quality.tables import changed, clean, half_built

STEP = Timeframe.M1.step
LENGTH = len(clean(Timeframe.M1))


def month() -> Candles:
    return clean(Timeframe.M1)


@pytest.mark.parametrize("page", [100, 500, 999, 1000, 1500, 2000])
def test_half_built_candles_at_page_ends_are_found_in_one_series(page: int):
    found = repetition(half_built(month(), page), STEP)
    assert found is not None
    assert (found.damage, found.distance) == ("half-built candle", page)
    assert set(found.rows.tolist()) <= set(range(page - 1, LENGTH, page))
    assert len(found.rows) > 0.8 * (LENGTH // page)


@pytest.mark.parametrize("page", [500, 1000])
def test_a_candle_lost_at_each_page_end_is_found(page: int):
    found = repetition(month().take(np.delete(np.arange(LENGTH), np.arange(page, LENGTH, page))), STEP)
    assert found is not None
    assert found.damage == "hole after it"
    assert abs(found.distance - page) <= 1


def test_a_candle_repeated_at_each_page_end_is_found():
    rows = np.sort(np.concatenate([np.arange(LENGTH), np.arange(999, LENGTH, 1000)]))
    found = repetition(month().take(rows), STEP)
    assert found is not None
    assert (found.damage, found.distance) == ("repeated candle", 1001)


def test_a_clean_series_shows_no_repetition():
    assert repetition(month(), STEP) is None


@pytest.mark.parametrize("seed", range(3))
def test_as_much_damage_in_random_places_is_no_repetition(seed: int):
    places = np.random.default_rng(seed).choice(LENGTH, LENGTH // 500, replace=False)
    damaged, whole = half_built(month(), 1), month()
    close, volume = whole.close.copy(), whole.volume.copy()
    close[places], volume[places] = damaged.close[places], damaged.volume[places]
    assert repetition(changed(whole, close=close, volume=volume), STEP) is None
    assert repetition(whole.take(np.delete(np.arange(LENGTH), places)), STEP) is None


def test_fewer_pages_than_prove_anything_are_left_to_the_other_rule():
    short = half_built(month().take(slice(0, 1000 * (LEAST - 1) + 10)), 1000)
    assert repetition(short, STEP) is None


@pytest.mark.parametrize("length", [0, 1, 2, 500])
def test_a_series_without_life_shows_no_repetition(length: int):
    ones = np.ones(length)
    assert repetition(Candles(np.arange(length) * STEP, ones, ones, ones, ones, ones * 0), STEP) is None


@given(st.integers(1, 60), st.integers(0, 60), st.floats(0.001, 0.9))
def test_chance_is_never_called_smaller_than_it_is(places: int, hits: int, share: float):
    hits = min(hits, places)
    exact = sum(comb(places, k) * share**k * (1 - share) ** (places - k) for k in range(hits, places + 1))
    assert log_chance(hits, places, share) >= log(max(exact, 1e-300)) - 1e-9


def test_a_claim_needs_enough_damage_on_enough_places_and_odds_of_a_million():
    assert log_chance(LEAST - 1, LEAST - 1, 1e-6) == 0
    assert log_chance(30, 100, 1e-6) == 0 > log_chance(34, 100, 1e-6)
    assert 0.3 < MUST_HIT < 0.34
    assert log(1e-6) >= SURE
