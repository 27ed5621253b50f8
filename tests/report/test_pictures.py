"""A picture a month for the UI: it stands alone, is well formed and stays small."""

from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from qmd_platform.ingest.arbitrage import NAMES, derive_arbitrage, partition
from qmd_platform.lake.store import Lake
from qmd_platform.report.pictures import MOST, markdown_of

SVG = "{http://www.w3.org/2000/svg}"
LARGEST = 24_000
"""Characters of Markdown: Dagster keeps them with every materialisation."""


def drawn(markdown: str) -> ET.Element:
    return ET.fromstring(b64decode(markdown.rpartition(",")[2].removesuffix(")")))  # noqa: S314 - our own


@pytest.mark.parametrize("name", NAMES)
def test_each_table_has_a_picture_that_needs_nothing_else(lake: Lake, name: str):
    made = markdown_of(lake, partition(name, "2026-04"))
    assert made is not None
    assert made.startswith("![")
    assert len(made) < LARGEST
    root = drawn(made)
    assert list(root.iter(f"{SVG}path")), "lines"
    assert "".join(root.itertext()).count("04-") >= 3, "days along the bottom"
    assert not [one for one in root.iter() if {"href", "src"} & set(one.attrib)]


def test_funding_is_drawn_by_venue_a_colour_each(lake: Lake):
    root = drawn(markdown_of(lake, partition("funding_carry", "2026-04")) or "")
    named = {one.text for one in root.iter(f"{SVG}text") if one.get("class", "").startswith("k")}
    lines = [one for one in root.iter(f"{SVG}path") if "k" in one.get("class", "")]
    assert named == {"binance", "gate", "bybit"}
    assert len(lines) == len(named) <= MOST


def test_entries_and_exits_of_the_rules_are_marked_on_the_spread(lake: Lake):
    marks = [
        one.get("class")
        for name in ("venue_spreads", "cash_and_carry")
        for one in drawn(markdown_of(lake, partition(name, "2026-04")) or "").iter(f"{SVG}path")
    ]
    assert {"open", "close"} <= set(marks)


def test_a_month_without_rows_has_no_picture(tmp_path: Path):
    lake = Lake.open(tmp_path / "lake")
    derive_arbitrage(lake, [], ["2026-04"], run_id="make")
    assert [markdown_of(lake, partition(name, "2026-04")) for name in NAMES] == [None] * len(NAMES)
