"""Many workers on the same candles: one commit, nothing asked twice, and nobody waits for who is gone."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.config import open_lake
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Series
from qmd_platform.model.spans import State, in_state, united
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from tests.coordination.stores import racing, together
from tests.ingest.accounts import SPOT
from tests.services import fresh_schema

pytestmark = pytest.mark.slow

NOW = "2026-03-05T12:00:30Z"
SERIES = Series.candles(SPOT, Timeframe.M1)
WORKERS = 8


def windows_asked(sandbox: Sandbox) -> list[Window]:
    """The windows of candles that were asked for, but for those of the market's first candle."""
    return sorted(Window(one["start"], one["end"]) for one in sandbox.requests() if one.get("start"))


def assert_each_once(asked: Sequence[Window], wanted: Window) -> None:
    assert united(asked) == [wanted]
    assert sum(one.end - one.start for one in asked) == wanted.end - wanted.start, "some candle was asked for twice"


def until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something that must come."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def struck(sandbox: Sandbox, kind: str) -> int:
    return sum(int(str(one["struck"])) for one in sandbox.faults_met() if one["kind"] == kind)


def racer(sandbox: Sandbox, window: Window, timeframe: Timeframe = Timeframe.M1, lease_s: float = 60) -> list[str]:
    """The arguments of a worker (``tests.ingest.racer``)."""
    return [sandbox.url, str(SPOT), timeframe.value, str(window.start), str(window.end), str(lease_s)]


RACER = "tests.ingest.racer"


def begun(process: "subprocess.Popen[str]") -> None:
    """Let it begin as soon as it can."""
    assert process.stdout
    assert process.stdin
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


def ended(process: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    """Its receipts, when it is done."""
    assert process.stdout
    said = list(iter(process.stdout.readline, "done\n"))
    process.communicate(timeout=20)
    assert process.returncode == 0
    return list(json.loads(said[0]))


DAY = Window.of("2026-03-04", "2026-03-05T12:00:00Z")


FIRST = f"startTime={DAY.start}"
SECOND = f"startTime={DAY.start + 1000 * MINUTE}"


@pytest.mark.parametrize("ledger", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_of_eight_workers_on_a_month_one_asks_and_all_say_what_is_held(
    ledger: str, own_home: Path, request: pytest.FixtureRequest
):
    if ledger == "postgres":
        os.environ["QMD_POSTGRES_URL"] = fresh_schema(request.getfixturevalue("postgres"))
    # A slow answer, so that all eight are there long before the first is done.
    slow = {"kind": "hang", "path": FIRST, "seconds": 3, "times": 1}
    with serving(now=instant(NOW), faults=[slow]) as sandbox:
        with racing(RACER, lambda _: racer(sandbox, DAY), WORKERS) as workers:
            said = [json.loads(one) for one in together(workers)]
            assert [worker.returncode for worker in workers] == [0] * WORKERS
        candles = DAY.steps(MINUTE)
        assert [[one["present"] for one in receipts] for receipts in said] == [[candles]] * WORKERS
        assert sorted(receipts[0]["new"] for receipts in said) == [0] * (WORKERS - 1) + [candles]
        assert_each_once(windows_asked(sandbox), DAY)
        with open_lake(own_home) as lake:
            (version,) = lake.ledger.versions(SERIES)
            assert (version.version, version.new) == (1, candles)
            assert len(lake.ledger.log()) == 2, "that one, and one of the instruments"
            assert lake.candles(SERIES).equals(sandbox.truth(SPOT, Timeframe.M1, DAY))


def test_of_overlapping_windows_over_three_months_nothing_is_asked_twice(own_home: Path):
    chance = random.Random(20_260_305)  # noqa: S311 - which windows, not a secret
    begin, day = instant("2025-12-01"), Timeframe.D1.step
    starts = sorted(begin + chance.randrange(50) * day for _ in range(WORKERS))
    windows = [Window(start, start + 40 * day) for start in starts]
    series = Series.candles(SPOT, Timeframe.M5)
    chance.shuffle(windows)
    with serving(now=instant(NOW)) as sandbox:
        with racing(RACER, lambda number: racer(sandbox, windows[number], Timeframe.M5), WORKERS) as workers:
            said = together(workers)
            assert [worker.returncode for worker in workers] == [0] * WORKERS
        for window, one in zip(windows, said, strict=True):
            receipts = json.loads(one)
            assert not any(receipt["failures"] for receipt in receipts)
            assert len(receipts) == len({receipt["month"] for receipt in receipts})
            assert sum(receipt["missing"] for receipt in receipts) == 0, window
        (whole,) = united(windows)
        assert_each_once(windows_asked(sandbox), whole)
        with open_lake(own_home) as lake:
            assert lake.candles(series).equals(sandbox.truth(SPOT, Timeframe.M5, whole))
            assert in_state(lake.coverage(series, whole), State.PRESENT) == [whole]
            fetched = [len({one.run_id for one in month}) for month in by_month(lake, series).values()]
            assert max(fetched) > 1, "no month was two workers' work"


def by_month(lake: Lake, series: Series) -> dict[str, list[Any]]:
    """Its versions, month by month."""
    found: dict[str, list[Any]] = {}
    for one in lake.ledger.versions(series):
        found.setdefault(one.partition.month, []).append(one)
    return found


PAGES = Window(DAY.start, DAY.start + 2000 * MINUTE)


def test_who_was_killed_midway_is_succeeded_at_once(own_home: Path):
    """Long before its lease of a minute is over: its process is seen to be gone."""
    hung = {"kind": "hang", "path": SECOND, "seconds": 120, "times": 1}
    with serving(now=instant(NOW), faults=[hung]) as sandbox:
        with racing(RACER, lambda _: racer(sandbox, PAGES), 2) as (killed, successor):
            begun(killed)
            until(lambda: struck(sandbox, "hang") == 1)
            begun(successor)
            time.sleep(2.5)  # it asks for the lease again and again
            assert len(windows_asked(sandbox)) == 1, "it waits for the holder"
            killed.kill()
            killed.wait()
            began = time.monotonic()
            (receipt,) = ended(successor)
            assert time.monotonic() - began < 20
        assert (receipt["new"], receipt["failures"]) == (PAGES.steps(MINUTE), [])
        assert len(windows_asked(sandbox)) == 3, "what the killed one had, and what it lacked, once more"
        with open_lake(own_home) as lake:
            assert len(lake.ledger.versions(SERIES)) == 1
            assert lake.candles(SERIES).equals(sandbox.truth(SPOT, Timeframe.M1, PAGES))


def test_who_stood_still_longer_than_its_lease_takes_nothing_of_its_successors_away(own_home: Path):
    """The first sees a broken candle, and is stopped. The second sees that there is none, and other prices beside it."""
    broken = Window(PAGES.start + 500 * MINUTE, PAGES.start + 501 * MINUTE)
    corrected = Window(PAGES.start + 100 * MINUTE, PAGES.start + 200 * MINUTE)
    then = [{"kind": "hang", "path": SECOND, "seconds": 9, "times": 1}, {"kind": "bad_values", "path": "klines"}]
    now = [
        {"kind": "gap", "market": str(SPOT), "start": broken.start, "end": broken.end},
        {"kind": "restated", "market": str(SPOT), "start": corrected.start, "end": corrected.end},
    ]
    with serving(now=instant(NOW), faults=then) as sandbox, open_lake(own_home) as lake:
        with racing(RACER, lambda _: racer(sandbox, PAGES, lease_s=2), 2) as (stopped, successor):
            begun(stopped)
            until(lambda: struck(sandbox, "hang") == 1 and struck(sandbox, "bad_values") >= 4)
            time.sleep(0.5)
            stopped.send_signal(signal.SIGSTOP)
            try:
                sandbox.plan_faults(now)
                begun(successor)
                (newer,) = ended(successor)
                assert (newer["new"], newer["failures"]) == (PAGES.steps(MINUTE) - 1, [])
                told, rows = lake.coverage(SERIES, PAGES), lake.candles(SERIES)
                assert in_state(told, State.VERIFIED_EMPTY) == [broken]
                assert rows.equals(sandbox.truth(SPOT, Timeframe.M1, PAGES))
                before = lake.ledger.last_commit()
            finally:
                stopped.send_signal(signal.SIGCONT)
            (late,) = ended(stopped)
        assert lake.ledger.last_commit() > before, "it has committed what it had"
        assert (late["new"], late["changed"], late["rejected"]) == (0, 0, 1)
        assert lake.coverage(SERIES, PAGES) == told
        assert lake.candles(SERIES).equals(rows)
        assert len({commit for commit, _ in lake.evidence(SERIES, PAGES)}) == 2, "and its evidence is kept"
        (kept,) = lake.ledger.rejected_of([late_partition(lake)]).values()
        assert [one.open_at for one in kept] == [broken.start]


def late_partition(lake: Lake) -> Any:
    (state,) = lake.states(SERIES)
    return state.partition
