"""What the UI says of a month of opportunities: the pairs that matter first, and a lane for each."""

import re
from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from assets.opportunities import metadata
from qmd_platform.ingest.opportunities import derive_opportunities
from qmd_platform.lake.store import Lake
from qmd_platform.model.window import month_window
from tests.ingest.hedgedlake import BINANCE, EIGHT, GATE, hedges, put_hedges

MARCH = month_window("2026-03")


@pytest.fixture
def told(tmp_path: Path) -> dict[str, object]:
    """Of March: a pair that was held and closed as funding turned, and another that is watched."""
    with Lake.open(tmp_path) as lake:
        turning = hedges([0.6] * 40 + [-0.6] * 40, MARCH.start + 60_000)
        watched = hedges([0.2] * 80, MARCH.start + 60_000, ("okx:ETH/USDT:USDT", "gate:ETH/USDT:USDT"), coin="ETH")
        put_hedges(lake, "venue_spreads", [turning, watched])
        (receipt,) = derive_opportunities(lake, ["2026-03"], run_id="r")
        return {name: getattr(value, "value", value) for name, value in metadata(lake, receipt).items()}


def test_what_can_be_acted_on_is_told_first(told: dict[str, object]):
    records = [record.data for record in told["opportunities"].records]  # type: ignore[attr-defined] - a table's value
    assert [(record["state"], record["sold"]) for record in records] == [
        ("HOLD", GATE),
        ("WATCH", "okx:ETH/USDT:USDT"),
        ("NONE", BINANCE),
    ]
    held = records[0]
    assert held["net a year, break-even at the change"] == "47.49 %, 35.04 h"
    assert held["since (UTC)"] == "2026-03-15 08:01"
    assert held["why"] == "net return above 10.00% a year for 3 settlements in a row"
    assert (told["in HOLD"], told["in WATCH"], told["episodes of the month"]) == (1, 1, 3)
    assert told["dagster/partition_row_count"] == 9


def test_the_chart_has_a_lane_a_pair_and_a_bar_for_what_was_held(told: dict[str, object]):
    (picture,) = re.findall(r"base64,([^)]+)\)", str(told["chart"]))
    drawn = ET.fromstring(b64decode(picture))  # noqa: S314 - made by ourselves
    texts = [each.text or "" for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert [text for text in texts if " / " in text][1:] == [
        "BTC: gate / binance",
        "ETH: okx / gate",
        "BTC: binance / gate",
    ]
    boxes = [each for each in drawn.iter("{http://www.w3.org/2000/svg}rect") if each.get("height") == "14"]
    dark = [each for each in boxes if each.get("fill") == "#3f9c6b"]
    assert (len(boxes), len(dark)) == (5, 2)
    # From the third settlement, to the second after funding turned: 39 steps of 8 hours of the month's 93.
    widths = {each.get("y"): float(str(each.get("width"))) for each in dark}
    assert widths["83"] == pytest.approx(426 * 39 * EIGHT / (MARCH.end - MARCH.start), abs=0.1)
