"""The scripts of ``examples/`` run as they are copied, against a sandbox by today's clock."""

import importlib.util
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.ingest.asking import Asking
from qmd_platform.ingest.candles import backfill
from qmd_platform.lake.store import Lake
from qmd_platform.live.log import Log
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, iso
from qmd_platform.reader import Outcome, Provenance, Range, Read, Reason, Source
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from tests.acceptance.programs import environment
from tests.reader.test_live_tail import said

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SERIES = Series.parse("binance:BTC/USDT:1m")
HOUR, DAY = 3_600_000, 86_400_000


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serving() as served:
        yield served


def run(name: str, *arguments: str, home: Path, sandbox: Sandbox) -> str:
    command = [sys.executable, ROOT / "examples" / name, *arguments]
    done = subprocess.run(
        command, env=environment(home, sandbox.url), capture_output=True, text=True, check=False, timeout=240, cwd=home
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_research_says_where_its_data_came_from_and_reads_the_lake_the_second_time(tmp_path: Path, sandbox: Sandbox):
    said_ = run("research_read.py", "gate:SOL/USDT:USDT", "--days", "1.5", home=tmp_path, sandbox=sandbox)
    assert "gate:SOL/USDT:USDT:1h: 36 rows, 100.0% there" in said_ or "35 rows, 100.0% there" in said_
    assert "from backfill in process" in said_
    assert "volatility: " in said_
    assert re.search(
        r"^funding: (longs paid shorts|shorts paid longs), \d.*% of the notional in \d+ settlements$",
        said_,
        re.MULTILINE,
    )
    again = run("research_read.py", "gate:SOL/USDT:USDT", "--days", "1.5", home=tmp_path, sandbox=sandbox)
    assert "from lake" in again


def test_a_live_loop_names_the_range_its_newest_candle_is_of_and_why_it_does_not_decide():
    spec = importlib.util.spec_from_file_location("live_strategy", ROOT / "examples" / "live_strategy.py")
    assert spec is not None
    assert spec.loader is not None
    loop = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loop)
    windows = [Window(minute * 60_000, (minute + 1) * 60_000) for minute in range(3)]
    ranges = (
        Range(windows[0], Source.LAKE, 1, 1),
        Range(windows[1], Source.LIVE, 1, 0, "log"),
        Range(windows[2], Source.NOWHERE, 0),
    )
    outcome = Outcome(Reason.LIVE_LATE, 2 / 3, failures=("binance cannot be reached",))
    told = Provenance(SERIES, Window(0, 180_000), "seamless", 1, ranges, (), outcome)
    found = Read(Candles(np.array([0, 60_000]), *np.ones((5, 2))), told)
    assert loop.source(found) == "live log"
    assert loop.why(found) == f"{Reason.LIVE_LATE.sentence}; binance cannot be reached"


def test_research_without_a_venue_ends_with_a_sentence(tmp_path: Path, sandbox: Sandbox):
    command = [sys.executable, ROOT / "examples" / "research_read.py"]
    away = environment(tmp_path, "http://127.0.0.1:9")
    done = subprocess.run(command, env=away, capture_output=True, text=True, check=False, timeout=240, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "no candles, so nothing to reckon: the venue did not answer or refused\n"


def test_a_backtest_says_the_same_after_the_venue_has_restated_its_candles(tmp_path: Path, sandbox: Sandbox):
    today = int(time.time() * 1000) // DAY * DAY
    window = Window(today - 2 * DAY, today - DAY)
    options = ("run-1", "--series", str(SERIES), "--start", iso(window.start), "--end", iso(window.end))
    first = run("backtest_with_pin.py", *options, home=tmp_path, sandbox=sandbox)
    assert first.startswith("pinned binance:BTC/USDT:1m as run-1\n1,440 candles as of commit")
    restated = {"start": iso(window.start), "end": iso(window.start + HOUR), "ticks": 50}
    sandbox.plan_faults([{"kind": "restated", "market": str(SERIES.market), **restated}])
    with Lake.open(tmp_path / "lake") as lake:
        asking = Asking(again=(window,), archive=False)
        receipts = backfill(lake, [SERIES.market], Timeframe.M1, window, run_id="r", url=sandbox.url, asking=asking)
        assert sum(one.changed for one in receipts) == 60
        assert len(lake.ledger.revisions(SERIES, since="run-1")) == 60
    sandbox.plan_faults(None)
    again = run("backtest_with_pin.py", *options, home=tmp_path, sandbox=sandbox)
    assert again == first.split("\n", 1)[1]


def test_a_live_loop_decides_on_what_was_heard_and_on_the_venue_where_nothing_was(tmp_path: Path, sandbox: Sandbox):
    now = int(time.time() * 1000) // 60_000 * 60_000
    window = Window(now - 2 * HOUR, now - 5 * 60_000)
    with Lake.open(tmp_path / "lake") as lake:
        backfill(lake, [SERIES.market], Timeframe.M1, window, run_id="r", url=sandbox.url)
    by_rest = run("live_strategy.py", str(SERIES), "--looks", "2", "--every", "0.2", home=tmp_path, sandbox=sandbox)
    # On a busy machine the first look may be cut off; what it was sent for is in the lake by the second.
    assert "from live venue: close " in by_rest or ("no decision" in by_rest and ": close " in by_rest)
    home = tmp_path / "heard"
    with Lake.open(home / "lake") as lake:
        backfill(lake, [SERIES.market], Timeframe.M1, window, run_id="r", url=sandbox.url)
    later = int(time.time() * 1000) // 60_000 * 60_000
    heard = sandbox.truth(SERIES.market, Timeframe.M1, Window(window.end, later))
    Log(home / "live", world="sandbox").append(said(heard))
    told = run("live_strategy.py", str(SERIES), "--looks", "1", home=home, sandbox=sandbox)
    # Should a candle have closed since, it came from the venue.
    assert "from live log: close " in told or int(time.time() * 1000) // 60_000 * 60_000 > later
