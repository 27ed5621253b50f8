"""Risk flags: a closed list with sentences; masks and back; what blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.arbitrage.flags import (
    BLOCKING,
    BLOCKING_MASK,
    SENTENCES,
    Flag,
    Risk,
    flag,
    flags_of,
    mask_of,
    masks,
    risk_of,
    text_of,
)
from qmd_platform.errors import ConfigError

SPECIFIED = (
    "INTERVAL_MISMATCH INTERVAL_CHANGED AT_CAP SUSPECT_GAP PREDICTED_ONLY STALE_QUOTE THIN_DEPTH LOW_OI DELISTING "
    "MULTIPLIER IDENTITY_UNPROVEN QUOTE_MISMATCH DEPEG LIQ_DISTANCE ADL VENUE_INCIDENT LOW_PERSISTENCE"
)


def test_the_list_is_the_specified_one_and_each_has_a_sentence():
    assert [one.value for one in Flag] == SPECIFIED.split()
    assert set(SENTENCES) == set(Flag)
    assert all(len(one.sentence.split()) >= 5 for one in Flag)


@given(st.sets(st.sampled_from(list(Flag))))
def test_flags_survive_their_mask_and_their_text(flags: set[Flag]):
    mask = mask_of(flags)
    assert set(flags_of(mask)) == flags
    assert {flag(name) for name in text_of(mask).split()} == flags


def test_a_mask_fits_the_column_it_is_kept_in():
    assert mask_of(Flag) < 2**32


@given(st.sets(st.sampled_from(list(Flag))))
def test_the_risk_is_high_with_a_blocking_flag_and_low_with_none(flags: set[Flag]):
    wanted = Risk.HIGH if flags & BLOCKING else Risk.MEDIUM if flags else Risk.LOW
    assert risk_of(mask_of(flags)) is wanted
    assert bool(mask_of(flags) & BLOCKING_MASK) == any(one.blocks for one in flags)


def test_columns_of_conditions_become_a_column_of_masks():
    found = masks({Flag.AT_CAP: np.array([True, False, True]), Flag.ADL: np.array([False, False, True])}, 3)
    assert [text_of(int(one)) for one in found] == ["AT_CAP", "", "AT_CAP ADL"]


def test_a_condition_of_the_pair_holds_for_every_row():
    assert masks({Flag.MULTIPLIER: np.array(True)}, 2).tolist() == [Flag.MULTIPLIER.bit] * 2


def test_a_flag_is_one_of_the_list_and_not_a_text_that_contains_one():
    with pytest.raises(ConfigError, match="is not a risk flag"):
        flag("ADL is not up")
