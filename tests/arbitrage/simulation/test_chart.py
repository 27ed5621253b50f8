"""The picture of equity: small, every curve in it, and names as text."""

import re
from base64 import b64decode

import numpy as np

from qmd_platform.arbitrage.simulation.chart import POINTS, Curve, markdown_image, svg

DAY = 86_400_000


def curve(name: str, profit: list[float]) -> Curve:
    return Curve(name, DAY * np.arange(len(profit)), np.asarray(profit))


def points(picture: str) -> list[list[tuple[float, ...]]]:
    found = re.findall(r'points="([^"]+)"', picture)
    return [[tuple(map(float, pair.split(","))) for pair in each.split()] for each in found]


def test_a_curve_goes_up_where_it_earned_and_the_last_point_is_the_last_day():
    (drawn,) = points(svg([curve("rules", [0.0, 0.01, 0.02])], "one"))
    heights = [y for _, y in drawn]
    assert heights == sorted(heights, reverse=True)
    assert [x for x, _ in drawn] == [14.0, 352.0, 690.0]


def test_curves_of_different_lengths_share_the_clock_and_names_are_text():
    picture = svg([curve("a<b", [0.0, -0.05]), curve("late", [0.0, 0.01, 0.02, 0.03])], "x & y")
    short, long = points(picture)
    assert short[-1][0] < long[-1][0] == 690.0
    assert "a&lt;b: -5.00 %" in picture
    assert "x &amp; y" in picture


def test_a_long_curve_stays_small_and_keeps_its_ends():
    walk = np.cumsum(np.random.default_rng(1).normal(0, 0.001, 20_000)).tolist()
    (drawn,) = points(svg([curve("walk", walk)], "long"))
    assert len(drawn) == POINTS
    assert (drawn[0][0], drawn[-1][0]) == (14.0, 690.0)


def test_nothing_simulated_is_said_and_an_image_needs_no_file():
    image = markdown_image([curve("none", [])], "a [b]")
    assert image.startswith("![a (b)](data:image/svg+xml;base64,")
    assert "nothing was simulated" in b64decode(image.partition("base64,")[2].rstrip(")")).decode()


def test_a_curve_that_stays_at_nothing_is_a_line():
    (drawn,) = points(svg([curve("flat", [0.0, 0.0])], "flat"))
    assert len({y for _, y in drawn}) == 1
