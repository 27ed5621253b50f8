"""The picture of a month of funding: a bar a settlement, none where the interval is not known."""

import re
from xml.etree import ElementTree as ET

import pytest

from qmd_platform.funding.chart import markdown_image, svg
from qmd_platform.funding.intervals import intervals
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.window import Window

WINDOW = Window.of("2026-01-01", "2026-02-01")
HOURS = 3_600_000


def picture(rates: list[float], hours: int = 8) -> ET.Element:
    at = [WINDOW.start + (number + 1) * hours * HOURS for number in range(len(rates))]
    rows = Settlements.of(at, rates)
    return ET.fromstring(svg(rows, intervals(rows), WINDOW, "binance:BTC/USDT:USDT"))  # noqa: S314 - our own


def bars(drawn: ET.Element) -> list[ET.Element]:
    return [one for one in drawn.iter("{http://www.w3.org/2000/svg}rect") if "rx" not in one.attrib]


def test_a_settlement_is_a_bar_and_what_is_paid_the_other_way_hangs_below_zero():
    rates = [1e-4, 2e-4, -1e-4, 1e-4]
    drawn = picture(rates)
    up, twice, down, _ = bars(drawn)
    assert float(twice.get("height", 0)) == pytest.approx(2 * float(up.get("height", 0)), abs=0.2)
    assert float(down.get("y", 0)) == pytest.approx(float(up.get("y", 0)) + float(up.get("height", 0)), abs=0.2)
    assert "21.90 %" in "".join(drawn.itertext()), "2 bp per 8 h"


def test_the_same_rate_per_hour_is_the_same_height_whatever_the_interval():
    assert "".join(picture([8e-4] * 4, 8).itertext()).count("87.60 %") == 1
    assert "".join(picture([1e-4] * 4, 1).itertext()).count("87.60 %") == 1


def test_without_a_known_interval_there_is_no_bar_and_the_picture_says_so():
    drawn = picture([1e-4])
    assert bars(drawn) == []
    assert "no settlement of a known interval" in "".join(drawn.itertext())


def test_it_travels_inside_markdown():
    rows = Settlements.empty()
    assert re.fullmatch(
        r"!\[a\(b\)\]\(data:image/svg\+xml;base64,[A-Za-z0-9+/=]+\)",
        markdown_image(rows, intervals(rows), WINDOW, "a[b]"),
    )
