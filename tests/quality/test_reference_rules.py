"""Which candles of mark, index and premium are kept out, and for which rule."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.model.candles import Candles
from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.model.window import instant
from qmd_platform.quality import reference_rules
from qmd_platform.quality.offenders import offenders
from qmd_platform.quality.reference_rules import kept_out, measured, rules_of

DOCS = Path(__file__).parents[2] / "docs" / "quality.md"
AT = instant("2026-03-01") + STEP.step * np.arange(4)
PRICE = Candles(AT, *(np.full(4, one) for one in (100.0, 102.0, 99.0, 101.0)), np.zeros(4))
PREMIUM = Candles(AT, *(np.full(4, one) for one in (-0.0001, 0.0002, -0.0003, 0.0001)), np.zeros(4))


def with_(candles: Candles, name: str, value: float) -> Candles:
    """``candles`` with another value in the third row."""
    column = getattr(candles, name).copy()
    column[2] = value
    return replace(candles, **{name: column})


@pytest.mark.parametrize(("candles", "wanted"), [(PRICE, Reference.MARK), (PREMIUM, Reference.PREMIUM)])
def test_right_ones_are_let_in(candles: Candles, wanted: Reference):
    assert kept_out(candles, wanted) == {}
    assert not any(offenders(rule, measured(candles)).any() for rule in rules_of(wanted))


@pytest.mark.parametrize(
    ("wanted", "wrong", "rule"),
    [
        (Reference.MARK, with_(PRICE, "high", 100.5), "ohlc_order"),
        (Reference.INDEX, with_(PRICE, "low", 100.5), "ohlc_order"),
        (Reference.MARK, with_(PRICE, "low", 0.0), "positive_prices"),
        (Reference.INDEX, with_(PRICE, "close", np.nan), "finite"),
        (Reference.MARK, with_(PRICE, "open_at", AT[2] + 60_000), "on_the_grid"),
        (Reference.PREMIUM, with_(PREMIUM, "high", -0.0002), "ohlc_order"),
        (Reference.PREMIUM, with_(PREMIUM, "high", 2.5), "premium_is_a_fraction"),
        (Reference.PREMIUM, with_(PREMIUM, "low", -np.inf), "finite"),
    ],
)
def test_a_wrong_one_is_kept_out_for_the_rule_that_names_it(wanted: Reference, wrong: Candles, rule: str):
    assert kept_out(wrong, wanted) == {2: rule}


def test_a_missing_hour_is_told():
    rule, gap = reference_rules.NO_HOUR_MISSING, PRICE.take(np.array([0, 1, 3]))
    assert offenders(rule, measured(gap)).tolist() == [False, False, True]


def test_the_documented_rules_are_the_rules():
    assert reference_rules.markdown() in DOCS.read_text()
