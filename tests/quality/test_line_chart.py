"""Lines over time as a picture: broken where nothing is known, without a file, safe whatever the names are."""

from xml.etree import ElementTree as ET

import numpy as np

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.quality.line_chart import MOST, Line, markdown_image, svg

HOUR = Timeframe.H1.step
MONTH = Window.of("2026-03-01", "2026-04-01")
SVG = "{http://www.w3.org/2000/svg}"


def line(name: str, values: list[float]) -> Line:
    return Line(name, MONTH.start + HOUR * np.arange(len(values)), np.array(values))


def drawn(*lines: Line) -> list[str]:
    return [one.get("points", "") for one in ET.fromstring(svg(lines, MONTH, "a <b> & c")).iter(f"{SVG}polyline")]  # noqa: S314 - ours


def test_a_line_is_broken_where_an_hour_is_missing_or_unknown():
    assert [len(points.split()) for points in drawn(line("x", [1, 2, np.nan, 3, 4, 5]))] == [2, 3]


def test_higher_is_higher_up_and_later_is_further_right():
    (points,) = drawn(line("x", [1.0, 2.0]))
    (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in points.split())
    assert x1 < x2
    assert y1 > y2


def test_negative_values_have_a_line_of_zero():
    assert "<line" in svg([line("x", [-1.0, 1.0])], MONTH, "t")
    assert "<line" not in svg([line("x", [1.0, 2.0])], MONTH, "t")


def test_no_more_lines_are_drawn_than_there_are_colours():
    assert len(drawn(*(line(str(n), [1.0, n]) for n in range(MOST + 3)))) == MOST


def test_nothing_known_says_so():
    assert "nothing is known" in svg([line("x", [np.nan])], MONTH, "t")
    assert markdown_image([], MONTH, "a [b]").startswith("![a (b)](data:image/svg+xml;base64,")
