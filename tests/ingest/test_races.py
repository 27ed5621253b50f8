"""Many workers on the same candles: one commit, nothing asked twice, and nobody waits for who is gone."""

import json
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
from tests.coordination.crew import Process, begun, crew, ended, together
from tests.ingest.accounts import SPOT, Fault
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


RACER = "tests.ingest.racer"


@pytest.fixture(scope="module")
def workers() -> Iterator[list[Process]]:
    with crew(RACER, WORKERS) as started:
        yield started


@dataclass(frozen=True)
class Place:
    """A lake that any process can open."""

    home: Path
    postgres: str

    def errand(
        self, sandbox: Sandbox, window: Window, timeframe: Timeframe = Timeframe.M1, lease_s: float = 60
    ) -> list[str]:
        """The arguments of a worker (``tests.ingest.racer``)."""
        question = [str(SPOT), timeframe.value, str(window.start), str(window.end), str(lease_s)]
        return [str(self.home), self.postgres, sandbox.url, *question]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A fresh lake's, with the ledger in a file or in PostgreSQL; for this process too."""
    url = fresh_schema(request.getfixturevalue("postgres")) if request.param == "postgres" else ""
    monkeypatch.setenv("QMD_POSTGRES_URL", url)
    return Place(own_home, url)


def receipts_of(said: str) -> list[dict[str, Any]]:
    return list(json.loads(said))


DAY = Window.of("2026-03-04", "2026-03-05T12:00:00Z")


FIRST = f"startTime={DAY.start}"
SECOND = f"startTime={DAY.start + 1000 * MINUTE}"


def test_of_eight_workers_on_a_month_one_asks_and_all_say_what_is_held(place: Place, workers: list[Process]):
    # A slow answer, so that all eight are there long before the first is done.
    slow = {"kind": "hang", "path": FIRST, "seconds": 2, "times": 1}
    with serving(now=instant(NOW), faults=[slow]) as sandbox:
        said = [receipts_of(one) for one in together(workers, lambda _: place.errand(sandbox, DAY))]
        candles = DAY.steps(MINUTE)
        assert [[one["present"] for one in receipts] for receipts in said] == [[candles]] * WORKERS
        assert sorted(receipts[0]["new"] for receipts in said) == [0] * (WORKERS - 1) + [candles]
        assert_each_once(windows_asked(sandbox), DAY)
        with open_lake(place.home) as lake:
            (version,) = lake.ledger.versions(SERIES)
            assert (version.version, version.new) == (1, candles)
            assert len(lake.ledger.log()) == 2, "that one, and one of the instruments"
            assert lake.candles(SERIES).equals(sandbox.truth(SPOT, Timeframe.M1, DAY))


def test_of_overlapping_windows_over_three_months_nothing_is_asked_twice(own_home: Path, workers: list[Process]):
    chance = random.Random(20_260_305)  # noqa: S311 - which windows, not a secret
    begin, day = instant("2025-12-01"), Timeframe.D1.step
    starts = sorted(begin + chance.randrange(50) * day for _ in range(WORKERS))
    windows = [Window(start, start + 40 * day) for start in starts]
    series = Series.candles(SPOT, Timeframe.M5)
    chance.shuffle(windows)
    place = Place(own_home, "")
    with serving(now=instant(NOW)) as sandbox:
        said = together(workers, lambda number: place.errand(sandbox, windows[number], Timeframe.M5))
        for window, one in zip(windows, said, strict=True):
            receipts = receipts_of(one)
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


def test_who_was_killed_midway_is_succeeded_at_once(place: Place, workers: list[Process]):
    """Long before its lease of a minute is over: its process is seen to be gone."""
    hung = {"kind": "hang", "path": SECOND, "seconds": 120, "times": 1}
    with serving(now=instant(NOW), faults=[hung]) as sandbox, crew(RACER, 1) as holders:
        successors = workers[:1]
        begun(holders, lambda _: place.errand(sandbox, PAGES))
        until(lambda: struck(sandbox, "hang") == 1)
        begun(successors, lambda _: place.errand(sandbox, PAGES))
        time.sleep(2)  # it asks for the lease again and again
        assert len(windows_asked(sandbox)) == 1, "it waits for the holder"
        holders[0].kill()
        holders[0].wait()
        began = time.monotonic()
        ((receipt,),) = map(receipts_of, ended(successors))
        assert time.monotonic() - began < 45
        assert (receipt["new"], receipt["failures"]) == (PAGES.steps(MINUTE), [])
        assert len(windows_asked(sandbox)) == 3, "what the killed one had, and what it lacked, once more"
        with open_lake(place.home) as lake:
            assert len(lake.ledger.versions(SERIES)) == 1
            assert lake.candles(SERIES).equals(sandbox.truth(SPOT, Timeframe.M1, PAGES))


BROKEN = Window(PAGES.start + 500 * MINUTE, PAGES.start + 501 * MINUTE)
THEN: list[Fault] = [
    {"kind": "hang", "path": SECOND, "seconds": 8, "times": 1},
    {"kind": "bad_values", "path": "klines"},
]
"""The first sees a broken candle, and is stopped."""

SINCE: list[Fault] = [
    {"kind": "gap", "market": str(SPOT), "start": BROKEN.start, "end": BROKEN.end},
    {
        "kind": "restated",
        "market": str(SPOT),
        "start": PAGES.start + 100 * MINUTE,
        "end": PAGES.start + 200 * MINUTE,
    },
]
"""The second sees that there is none, and other prices beside it."""


def test_who_stood_still_longer_than_its_lease_takes_nothing_of_its_successors_away(
    place: Place, workers: list[Process]
):
    stopped, successor = workers[:1], workers[1:2]
    with serving(now=instant(NOW), faults=THEN) as sandbox, open_lake(place.home) as lake:
        begun(stopped, lambda _: place.errand(sandbox, PAGES, lease_s=2))
        until(lambda: struck(sandbox, "hang") == 1 and struck(sandbox, "bad_values") >= 4)
        time.sleep(0.5)
        stopped[0].send_signal(signal.SIGSTOP)
        try:
            sandbox.plan_faults(SINCE)
            ((newer,),) = map(receipts_of, together(successor, lambda _: place.errand(sandbox, PAGES, lease_s=2)))
            assert (newer["new"], newer["failures"]) == (PAGES.steps(MINUTE) - 1, [])
            told, rows = lake.coverage(SERIES, PAGES), lake.candles(SERIES)
            assert in_state(told, State.VERIFIED_EMPTY) == [BROKEN]
            assert rows.equals(sandbox.truth(SPOT, Timeframe.M1, PAGES))
            before = lake.ledger.last_commit()
        finally:
            stopped[0].send_signal(signal.SIGCONT)
        ((late,),) = map(receipts_of, ended(stopped))
        assert lake.ledger.last_commit() > before, "it has committed what it had"
        assert (late["new"], late["changed"], late["rejected"]) == (0, 0, 1)
        assert lake.coverage(SERIES, PAGES) == told
        assert lake.candles(SERIES).equals(rows)
        assert len({commit for commit, _ in lake.evidence(SERIES, PAGES)}) == 2, "and its evidence is kept"
        (kept,) = lake.ledger.rejected_of([late_partition(lake)]).values()
        assert [one.open_at for one in kept] == [BROKEN.start]


def late_partition(lake: Lake) -> Any:
    (state,) = lake.states(SERIES)
    return state.partition
