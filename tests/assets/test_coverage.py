"""The coverage asset, run by Dagster on a lake: its numbers are those of the ledger, and its map is a picture."""

import base64
import re
import time
from pathlib import Path

import dagster as dg
import numpy as np

from assets.coverage import coverage_of
from qmd_platform.config import load_universe
from qmd_platform.coverage.causes import TOO_OLD, UNPROVEN
from qmd_platform.coverage.expected import closed_before
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from resources.lake import LakeResource

DAY = 86_400_000
PARTITION = Partition(Series.candles(Market("gate", "BTC/USDT"), Timeframe.D1), "2026-01")
JANUARY = PARTITION.window
UNIVERSE = """
start = "2026-01-01"
[venues.gate]
base = "1d"
markets = ["BTC/USDT", "ETH/USDT"]
"""


def filled(home: Path) -> None:
    """January of one of the two markets: two days missing, one out of reach, the rest there."""
    gone = [Run(Window(JANUARY.start, JANUARY.start + 2 * DAY), State.MISSING, UNPROVEN)]
    gone.append(Run(Window(JANUARY.start + 2 * DAY, JANUARY.start + 3 * DAY), State.MISSING, TOO_OLD))
    at = np.arange(JANUARY.start + 3 * DAY, JANUARY.end, DAY)
    flat = np.full(len(at), 10.0)
    rows = Candles(at, flat, flat, flat, flat, flat).to_arrow()
    asked = (Answered(JANUARY, JANUARY.end, "publicSpotGetCandlesticks", "00" * 32, len(at)),)
    with Lake.open(home / "lake") as lake:
        write = Write(PARTITION, rows, asked=(JANUARY,), explained=tuple(gone), evidence=asked)
        lake.commit([write], run_id="r", source="live:gate")


def told(home: Path) -> dict[str, dg.MetadataValue]:
    path = home / "universe.toml"
    path.write_text(UNIVERSE)
    universe = load_universe(path)
    with dg.DagsterInstance.ephemeral() as instance:
        asset = coverage_of(universe.venues["gate"], universe)
        run = dg.materialize([asset], instance=instance, resources={"lake": LakeResource(home=str(home))})
    return run.asset_materializations_for_node("gate__coverage")[0].metadata


def test_the_numbers_are_those_of_every_candle_that_is_wanted(tmp_path: Path):
    filled(tmp_path)
    before = closed_before(time.time_ns() // 1_000_000, DAY)
    metadata = told(tmp_path)
    found = {name: value.value for name, value in metadata.items()}
    assert before == closed_before(time.time_ns() // 1_000_000, DAY), "midnight passed during the test"
    days = (before - JANUARY.start) // DAY
    assert found["series"] == 2
    assert found["wanted"] == 2 * days
    assert (found["present"], found["missing"]) == (28, 3)
    assert found["never asked"] == 2 * days - 31
    assert found["percent"] == round(28 / (2 * days) * 100, 2)
    assert (found["oldest gap"], found["next recheck"]) == ("2026-01-01T00:00:00Z", "due")
    gravest = metadata["gravest gaps"].records
    counts = [str(row.data["candles"]).partition(" ")[0] for row in gravest]
    assert counts == [f"{count:,}" for count in (2, days, days - 31, 1)]
    known = [f"missing, asked for once ({UNPROVEN})", "never asked for", "never asked for"]
    assert [row.data["known"] for row in gravest] == [*known, f"missing, asked for once ({TOO_OLD})"]
    assert [row.data["next"] for row in gravest] == ["due", "due", "due", "no API has it"]
    assert [bool(row.data["last asked"]) for row in gravest] == [True, False, False, True]


def test_the_map_is_a_picture_with_a_line_a_market(tmp_path: Path):
    filled(tmp_path)
    address = re.fullmatch(r"!\[gate\]\(data:image/svg\+xml;base64,(.+)\)", str(told(tmp_path)["map"].value))
    assert address
    picture = base64.b64decode(address[1]).decode()
    assert "BTC/USDT" in picture
    assert "ETH/USDT" in picture


def test_an_empty_lake_is_told_as_one_in_which_nothing_was_asked_for(tmp_path: Path):
    Lake.open(tmp_path / "lake").close()
    found = told(tmp_path)
    assert found["percent"].value == 0
    assert found["never asked"].value == found["wanted"].value
