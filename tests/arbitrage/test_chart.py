"""The picture of opportunities: bars where they were, nothing beyond now, names that cannot break it."""

from xml.etree import ElementTree as ET

import pytest

from qmd_platform.arbitrage.chart import Bar, Lane, svg
from qmd_platform.model.window import Window

WINDOW = Window(1_000, 2_000)
NOW = 1_500
LEFT, WIDE = 280, 426


def bars(*lanes: Lane) -> list[tuple[float, float, str]]:
    """Where each bar starts and ends, as a share of the window, and its colour."""
    drawn = ET.fromstring(svg(lanes, WINDOW, "a & b", NOW))  # noqa: S314 - made by ourselves
    boxes = [one.attrib for one in drawn.iter("{http://www.w3.org/2000/svg}rect") if one.get("height") == "14"]
    return [
        (
            round((float(box["x"]) - LEFT) / WIDE, 2),
            round((float(box["x"]) + float(box["width"]) - LEFT) / WIDE, 2),
            {"#c9d6e6": "watched", "#3f9c6b": "held"}[box["fill"]],
        )
        for box in boxes
    ]


@pytest.mark.parametrize(
    ("bar", "drawn"),
    [
        (Bar(1_100, None, None, 1_200), [(0.1, 0.2, "watched")]),
        (Bar(1_100, 1_200, 1_300, 1_300), [(0.1, 0.3, "watched"), (0.2, 0.3, "held")]),
        (Bar(1_100, 1_200, None, None), [(0.1, 0.5, "watched"), (0.2, 0.5, "held")]),
        (Bar(500, 700, 1_200, 1_200), [(0.0, 0.2, "watched"), (0.0, 0.2, "held")]),
        (Bar(500, 700, 3_000, 3_000), [(0.0, 1.0, "watched"), (0.0, 1.0, "held")]),
        (Bar(500, 600, 900, 900), []),
    ],
    ids=["lapsed", "closed", "goes on", "began before", "longer than the month", "over before"],
)
def test_a_bar_is_where_the_episode_was(bar: Bar, drawn: list[tuple[float, float, str]]):
    assert bars(("BTC: binance / gate", [bar])) == drawn


def test_a_name_cannot_break_the_picture_and_no_pair_is_said_to_be_none():
    assert bars(("<script>&", [Bar(1_100, None, None, None)])) == [(0.1, 0.5, "watched")]
    assert ">none<" in svg([], WINDOW, "none yet", NOW)
