"""A candle's length as text and as a step."""

from itertools import pairwise

import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.model.timeframe import MINUTE, Timeframe, timeframe


def test_a_timeframe_means_its_number_of_minutes():
    assert [(t.value, t.step // MINUTE) for t in Timeframe] == [
        ("1m", 1),
        ("3m", 3),
        ("5m", 5),
        ("15m", 15),
        ("30m", 30),
        ("1h", 60),
        ("2h", 120),
        ("4h", 240),
        ("6h", 360),
        ("8h", 480),
        ("12h", 720),
        ("1d", 1440),
    ]


def test_timeframes_sort_by_length_and_not_by_spelling():
    assert [t.value for t in sorted(set(Timeframe))] == [t.value for t in Timeframe]
    assert all(shorter < longer and not longer < shorter for shorter, longer in pairwise(Timeframe))


def test_comparisons_agree_with_each_other():
    for shorter, longer in pairwise(Timeframe):
        assert shorter < longer
        assert shorter <= longer
        assert longer > shorter
        assert longer >= shorter
    assert max(Timeframe) is Timeframe.D1


def test_every_timeframe_divides_the_day():
    assert not [t for t in Timeframe if Timeframe.D1.step % t.step]


@pytest.mark.parametrize("text", ["60m", "1M", "1w", "", "1 m", "h"])
def test_an_unknown_timeframe_is_refused_with_the_valid_ones(text: str):
    with pytest.raises(ConfigError, match="unknown timeframe") as refusal:
        timeframe(text)
    assert refusal.value.hint
    assert any(t.value in refusal.value.hint for t in Timeframe)
