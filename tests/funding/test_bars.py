"""The picture of a few numbers by name: a bar each, on one scale, and nothing that a browser could take for markup."""

import re
from base64 import b64decode
from xml.etree import ElementTree as ET

import pytest

from qmd_platform.funding.bars import Bar, markdown_image, svg

BARS = [Bar("gate:A/USDT:USDT", 0.5, "50 %"), Bar("okx:B/USDT:USDT", -0.25, "-25 %"), Bar("<c>", 0.0, "0 %")]


def rectangles(picture: str) -> list[ET.Element]:
    """The bars, without the ground they are on."""
    return [one for one in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}rect") if "rx" not in one.attrib]  # noqa: S314 - our own


def test_bars_are_as_long_as_their_numbers_and_coloured_by_their_sign():
    up, down, none = rectangles(svg(BARS, "title"))
    assert float(up.attrib["width"]) == pytest.approx(2 * float(down.attrib["width"]))
    assert float(none.attrib["width"]) == 0.5, "to be seen all the same"
    assert up.attrib["fill"] == none.attrib["fill"] != down.attrib["fill"]


def test_names_and_titles_are_text():
    assert "&lt;c&gt;" in svg(BARS, "title")
    assert "<b>" not in svg(BARS, "<b>")


def test_without_numbers_the_picture_says_so():
    assert not rectangles(svg([], "title"))
    assert "nothing yet" in svg([], "title")


def test_the_markdown_carries_the_picture_in_its_address():
    told = markdown_image(BARS, "a [title]")
    found = re.fullmatch(r"!\[a \(title\)\]\(data:image/svg\+xml;base64,(.+)\)", told)
    assert found is not None
    assert b64decode(found[1]).decode() == svg(BARS, "a [title]")
