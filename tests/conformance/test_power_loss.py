"""The power fails at any instant: what was acknowledged is there, whole, and nothing is half there."""

import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from qmd_platform.errors import QmdError
from tests.conformance import power, power_states, shim
from tests.conformance.backends import SQLITE_DISK
from tests.conformance.figures import LONG, record, tries
from tests.conformance.power_writer import SCENARIOS, Scenario
from tests.conformance.shim import Call
from tests.conformance.shimmed import HOURS, commit, holds, write

SECONDS = 600 if os.environ.get(LONG) else tries(48)
"""States are drawn until there were as many as asked for, or this time is over."""


@dataclass(frozen=True)
class Recording:
    """A writer's calls, the folder before and after them, and what a lake holds after each of the writer's steps."""

    scenario: Scenario
    folder: Path
    before: power_states.Contents
    calls: list[Call]
    expected: list[object]

    def disk(self) -> power.Disk:
        """The folder as it was."""
        return power.Disk(self.folder, self.before)


def recorded(room: Path, name: str) -> Recording:
    folder, scenario = room / "sea", SCENARIOS[name]
    folder.mkdir()
    if scenario.before:
        scenario.before(folder / "lake")
    before = power_states.contents_of(folder)
    shim.ran(shim.compiled(room), "tests.conformance.power_writer", [str(folder), str(room / "record"), name])
    return Recording(scenario, folder, before, list(shim.calls(room / "record")), scenario.expected(room / "plain"))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Of a writer that does a bit of everything."""
    return recorded(tmp_path_factory.mktemp("power").resolve(), "writer")


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder for thousands of short-lived lakes; nothing in it has to be durable."""
    with tempfile.TemporaryDirectory(dir=shim.in_memory()) as folder:
        yield Path(folder)


@dataclass
class Crashes:
    """Crash states of a recording, looked at one by one."""

    room: Path
    recording: Recording
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)

    def look(self, contents: power_states.Contents, done: int, begun: int, where: str) -> None:
        """Count what one state is; ``done`` steps were acknowledged, ``begun`` begun. Twice the same is looked at once."""
        identity = hash((frozenset(contents.items()), done, begun))
        if identity in self._seen:
            return
        self._seen.add(identity)
        self.counts["trials"] += 1
        self.counts["acked"] += done
        shutil.rmtree(self.room, ignore_errors=True)
        power_states.put_down(contents, self.room)
        for kind, problem in self._problems(done, begun):
            self.counts[kind] += 1
            self.wrong.append(f"{where}, after step {done}: {kind}: {problem}")

    def _problems(self, done: int, begun: int) -> Iterator[tuple[str, str]]:
        expected = self.recording.expected
        try:
            with self.recording.scenario.enter(self.room / "lake") as lake:
                findings = [found for found in lake.verify() if found.is_damage]
                yield from (("damaged", f"{found.path}: {found.problem}") for found in findings)
                seen = holds(lake)
                if seen not in expected[done : begun + 1]:
                    yield ("lost" if seen in expected[:done] else "torn"), f"{seen}"
                number = commit(lake, [write(HOURS, "2026-01", 500, 99.0)])
                if lake.ledger.last_commit() != number:
                    yield "lost", "the next commit"
        except QmdError as error:
            yield "unusable", repr(error)


def instants(calls: Iterable[Call], disk: power.Disk) -> Iterator[tuple[power.Disk, int, int, int]]:
    """The disk after each call that changes something, how many calls, and the last steps done and begun."""
    done = begun = 0
    for number, call in enumerate(calls, 1):
        disk.play(call)
        if call.kind == "!":
            word, step = call.path.split()
            done, begun = (int(step), begun) if word == "done" else (done, int(step))
        if call.kind not in "OX":
            yield disk, number, done, begun


def crash(crashes: Crashes, calls: list[Call], *, many: int, seed: int, to_the_first: bool = False) -> None:
    """Look at about ``many`` crash states, spread over the whole record; perhaps only to the first that is wrong."""
    rng = random.Random(seed)  # noqa: S311 - draws what is tried
    total = sum(call.kind not in "OX" for call in calls)
    for disk, number, done, begun in instants(calls, crashes.recording.disk()):
        if crashes.wrong and to_the_first:
            return
        drawn = rng.random() < many / 2 / total
        for which, draw in enumerate(power_states.draws(rng, drawn)):
            if which >= power_states.PLAIN or rng.random() < many / 2 / total / power_states.PLAIN:
                crashes.look(power_states.left(disk, draw), done, begun, f"call {number}")


def looked_at(crashes: Crashes, many: int, seconds: float) -> Crashes:
    """``many`` states, or as many as there is time for."""
    until = time.monotonic() + seconds
    for seed in count(1):
        crash(crashes, crashes.recording.calls, many=min(many, 100), seed=seed)
        if crashes.counts["trials"] >= many or time.monotonic() > until:
            return crashes
    raise AssertionError


@pytest.mark.parametrize(
    ("many", "seconds"),
    [(12, 20), pytest.param(2000, SECONDS, marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
    ids=["few", "many"],
)
def test_what_was_acknowledged_survives_in_every_state_a_crash_may_leave(
    room: Path, recording: Recording, many: int, seconds: int
):
    crashes = looked_at(Crashes(room / "crash", recording), many, seconds)
    record("power loss, states a crash may leave", SQLITE_DISK, lost=0, torn=0, damaged=0, **crashes.counts)
    assert crashes.wrong == []
    assert crashes.counts["trials"] >= min(many, 100) / 3
    assert crashes.counts["acked"] > crashes.counts["trials"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_lake_of_the_first_format_survives_a_crash_at_any_instant_of_its_upgrade(tmp_path: Path, room: Path):
    crashes = looked_at(Crashes(room / "crash", recorded(tmp_path.resolve(), "upgrade")), 500, SECONDS // 2)
    record("power loss, upgrade of an old lake", SQLITE_DISK, lost=0, torn=0, damaged=0, **crashes.counts)
    assert crashes.wrong == []
    assert crashes.counts["trials"] >= 30


def test_the_record_is_all_that_was_done_to_the_folder(recording: Recording):
    disk = recording.disk()
    for call in recording.calls:
        disk.play(call)
    everything = power_states.left(disk, power_states.Draw(lambda names: names, power_states.everything))
    real = power_states.contents_of(recording.folder)
    assert {path for path in everything if not path.endswith("-shm")} == {
        path for path in real if not path.endswith("-shm")
    }
    assert [path for path, data in real.items() if not path.endswith("-shm") and everything[path] != data] == []


def _without(what: Callable[[str], bool], recording: Recording) -> list[Call]:
    """The record of a writer that does not sync the paths ``what`` is true of."""
    open_: dict[int, str] = {}
    kept = []
    for call in recording.calls:
        if call.kind in "CO":
            open_[call.handle] = call.path
        if call.kind != "S" or not what(open_[call.handle]):
            kept.append(call)
    return kept


FORGOTTEN = {
    "data files": lambda path: path.endswith(".parquet"),
    "folders": lambda path: "." not in Path(path).name,
    "commits": lambda path: "/log/" in path or "ledger.sqlite" in path,
    "anything": lambda path: True,
}


@pytest.mark.parametrize("forgotten", FORGOTTEN)
def test_a_writer_that_forgets_to_sync_is_found_out(room: Path, recording: Recording, forgotten: str):
    calls = _without(FORGOTTEN[forgotten], recording)
    assert len(calls) < len(recording.calls)
    crashes = Crashes(room / "crash", recording)
    crash(crashes, calls, many=100, seed=2, to_the_first=True)
    assert crashes.wrong, f"nobody noticed that {forgotten} were not synced"
