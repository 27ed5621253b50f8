"""Repeatable randomness: the same bits on every machine."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.sandbox.noise import Octave, scrambled, seed_of, smooth

OCTAVES = (Octave(1, 1 << 20), Octave(7, 1 << 22), Octave(1440, 1 << 25))


def test_a_name_has_the_same_seed_on_every_machine():
    assert seed_of("binance:BTC/USDT") == 14853964865306827179
    assert seed_of("binance:BTC/USDT") != seed_of("binance:ETH/USDT")


def test_scrambling_is_splitmix64():
    # The published first outputs of splitmix64 seeded with 0: state advances by the golden ratio before each.
    assert scrambled(0, np.array([1, 2, 3])).tolist() == [
        0xE220A8397B1DCDAF,
        0x6E789E6AA1B965F4,
        0x06C45D188009454F,
    ]


@given(st.integers(0, 10**7), st.integers(1, 300), st.integers(0, 299))
def test_noise_at_a_minute_does_not_depend_on_where_the_reading_starts(first: int, count: int, skip: int):
    whole = smooth(5, OCTAVES, first, count + skip)
    assert np.array_equal(whole[skip:], smooth(5, OCTAVES, first + skip, count))


@given(st.integers(0, 10**7))
def test_noise_stays_within_the_sum_of_the_heights(first: int):
    assert np.abs(smooth(11, OCTAVES, first, 500)).max() <= sum(octave.height for octave in OCTAVES) + len(OCTAVES)
