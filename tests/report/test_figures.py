"""Numbers as text: what a reader sees must not say more, or another thing, than the number."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.report import figures
from qmd_platform.report.figures import MINUS, NOTHING


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, NOTHING),
        (math.nan, NOTHING),
        (math.inf, "∞"),
        (1234.5, "1,234.50"),
        (-0.001, "0.00"),
        (-2.5, f"{MINUS}2.50"),
    ],
)
def test_a_number_is_short_has_a_real_minus_and_is_a_dash_where_nobody_knows_it(value: float | None, text: str):
    assert figures.number(value) == text


def test_rates_are_per_cent_to_the_eighth_place_and_yearly_ones_simple():
    assert figures.rate(0.0001) == "0.0100 %"
    assert figures.rate(-0.00012345) == f"{MINUS}0.012345 %"
    assert figures.rate(None) == NOTHING
    assert figures.percent(figures.yearly(0.0001 / 8)) == "10.95 %"
    assert figures.percent(None) == NOTHING


@pytest.mark.parametrize(
    ("value", "text"),
    [(8.0, "8 h"), (5.25, "5.2 h"), (175.2, "7.3 d"), (math.inf, "never"), (None, NOTHING), (0.0, "0 h")],
)
def test_hours_become_days_and_what_never_comes_says_never(value: float | None, text: str):
    assert figures.hours(value) == text


@given(st.floats(1e-9, 1e9))
def test_a_price_keeps_six_digits_and_never_an_exponent(value: float):
    said = figures.price(value)
    assert "e" not in said
    assert float(said.replace(",", "")) == pytest.approx(value, rel=1e-5, abs=0.005 if value >= 10_000 else 1e-14)


def test_instants_are_utc_to_the_minute():
    assert figures.minute(1_700_000_000_000) == "2023-11-14 22:13"
    assert figures.short_minute(None) == NOTHING
    assert figures.span(90_000) == "2 min"
    assert figures.span(5 * figures.HOUR_MS) == "5 h"
