"""Axes, lines and steps: what is drawn is where it belongs, and little of it."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.model.window import Window
from qmd_platform.report.plot import Frame, axes, level, line, mark, steps, ticks

HOUR = 3_600_000
WINDOW = Window.of("2026-01-01", "2026-01-31")


def points(path: str) -> list[list[tuple[float, float]]]:
    """The corners of each run of a path of M, l, h, v."""
    runs: list[list[tuple[float, float]]] = []
    drawn = path.partition('d="')[2].partition('"')[0]
    for letter, words in re.findall(r"([Mlhv])([^Mlhv]*)", drawn):
        first, *rest = [float(word) for word in words.split()]
        if letter == "M":
            runs.append([(first, rest[0])])
            continue
        x, y = runs[-1][-1]
        runs[-1].append({"l": (x + first, y + (rest or [0])[0]), "h": (x + first, y), "v": (x, y + first)}[letter])
    return runs


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_round_few_and_inside(low: float, size: float):
    at = ticks(low, low + size)
    assert 1 <= len(at) <= 6
    assert all(low - 1e-6 * size <= value <= low + size * (1 + 1e-6) for value in at)


def test_zero_and_all_values_are_in_the_frame():
    frame = Frame.around(WINDOW, [np.array([3.0, np.nan, 7.0])])
    assert frame.low == 0.0
    assert frame.across(0.0) == frame.floor
    assert frame.top < frame.across(7.0) < frame.across(3.0)
    empty = Frame.around(WINDOW, [np.array([np.nan])])
    assert empty.low < 0 < empty.high
    assert axes(empty, "bp")


def test_what_is_not_known_leaves_a_hole():
    frame = Frame.around(WINDOW, [np.array([0.0, 1.0])])
    at = WINDOW.start + np.arange(5) * 24 * HOUR
    assert len(points(line(frame, at, np.array([0.0, 1.0, np.nan, 1.0, 0.0]), "p"))) == 2
    assert line(frame, at, np.full(5, np.nan), "p") == ""


def test_a_step_is_as_long_as_its_interval_and_a_missing_one_is_a_hole():
    frame = Frame.around(WINDOW, [np.array([0.0, 2.0])])
    ends = WINDOW.start + np.array([8, 16, 32, 33]) * HOUR
    begins = ends - np.array([8, 8, 8, 1]) * HOUR
    first, second = points(steps(frame, begins, ends, np.array([1.0, 2.0, 1.0, 0.0]), "p"))
    wide = (frame.edge - frame.left) / 30 / 24
    assert [x for x, _ in first] == pytest.approx([frame.left + wide * hours for hours in (0, 8, 8, 16)], abs=0.11)
    assert second[0][0] == pytest.approx(frame.left + 24 * wide, abs=0.11)
    assert second[-1][0] - second[-2][0] == pytest.approx(wide, abs=0.21), "an hour, after eight"
    assert first[0][1] == pytest.approx(frame.across(1.0), abs=0.06)


@given(st.integers(0, 2**32 - 1), st.integers(2_000, 4_000))
def test_many_values_become_few_points_that_keep_the_extremes(seed: int, count: int):
    column = np.random.default_rng(seed).normal(0, 10, count)
    frame = Frame.around(WINDOW, [column])
    at = np.linspace(WINDOW.start, WINDOW.end - 1, len(column)).astype(np.int64)
    (run,) = points(line(frame, at, column, "p"))
    assert len(run) <= 2 * (frame.width / 2 + 2)
    ys = [y for _, y in run]
    assert min(ys) == pytest.approx(frame.across(column.max()), abs=0.7)
    assert max(ys) == pytest.approx(frame.across(column.min()), abs=0.7)


def test_marks_and_levels_outside_are_not_drawn():
    frame = Frame.around(WINDOW, [np.array([0.0, 1.0])])
    assert mark(frame, WINDOW.end, 0.5, "open", "late", up=True) == ""
    assert mark(frame, WINDOW.start, float("nan"), "open", "nowhere", up=True) == ""
    assert "why" in mark(frame, WINDOW.start, 0.5, "open", "why", up=True)
    assert level(frame, 99.0, "c", "cost") == ""
    assert "cost" in level(frame, 0.5, "c", "cost")
