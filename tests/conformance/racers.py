"""What the nursery's children do in races: write, read, seal, vacuum and pin the same partitions at the same time.

What lives here: functions ``job(emit, backend, start_at, ...)``; those that never end are killed at the end of the race.
What does not: who wins (``history``), storms (``jobs``).
"""

import os
import secrets
import time

from qmd_platform.errors import Conflict
from qmd_platform.lake.sealing import seal
from qmd_platform.lake.store import Lake, Outcome, Write
from qmd_platform.lake.vacuum import vacuum
from tests.conformance import checks, making
from tests.conformance.backends import Backend
from tests.conformance.forks import Emit
from tests.conformance.making import clock, far_future

MOMENT_MS = 3000
"""Longer than any read of a race takes, shorter than the race."""


def write_rows(emit: Emit, backend: Backend, start_at: float, part: int, steps: list[int]) -> None:
    """One commit a step to the ``part``-th partition, from ``start_at`` on. Says start, end and version of each."""
    with backend.open() as lake:
        _write_rows(emit, lake, start_at, part, steps)


def write_rows_elsewhere(emit: Emit, backend: Backend, start_at: float, part: int, steps: list[int]) -> None:
    """As ``write_rows``, on a machine of its own: no other writer shares its merge locks."""
    with backend.open() as lake:
        own = lake.root / "locks" / f"of-{os.getpid()}"
        lake.place.stripe = lambda partition: own
        _write_rows(emit, lake, start_at, part, steps)


def _write_rows(emit: Emit, lake: Lake, start_at: float, part: int, steps: list[int]) -> None:
    partition = list(making.GENERATION)[part]
    _wait_for(start_at)
    for step in steps:
        window = making.steps_of(partition, step, step + 1)
        rows = making.level([window.start], 1.0).to_arrow()
        before = time.monotonic()
        outcome = _at_last(lake, Write(partition, rows, asked=(window,)))
        emit([before, time.monotonic(), outcome.version])


def _at_last(lake: Lake, write: Write) -> Outcome:
    """Commit, however often other writers are faster."""
    while True:
        try:
            return lake.commit([write], run_id="race", source="race")[1][0]
        except Conflict:
            continue


def write_same_key(emit: Emit, backend: Backend, start_at: float, number: int) -> None:
    """Three batches that every writer of the race makes too, each under its key. Says the commits' ids."""
    with backend.open() as lake:
        _wait_for(start_at)
        for key in range(1, 4):
            emit(lake.commit(making.generation(key), run_id=f"{number}", source="race", idem_key=f"{key}")[0])


def race_generations(emit: Emit, backend: Backend, start_at: float, numbers: list[int]) -> None:
    """These generations, from ``start_at`` on. Says start, end and version (of the first partition) of each."""
    lake = backend.open()
    _wait_for(start_at)
    for number in numbers:
        before = time.monotonic()
        _, outcomes = lake.commit(making.generation(number), run_id="race", source="race")
        emit([before, time.monotonic(), outcomes[0].version])
    lake.close()


def read_generations(emit: Emit, backend: Backend, start_at: float) -> None:
    """Read until killed. Says of each read what ``checks`` counts."""
    lake = backend.open()
    _wait_for(start_at)
    while True:
        emit(dict(checks.generations(lake, 0, with_causes=False)))


def read_versions(emit: Emit, backend: Backend, start_at: float, part: int) -> None:
    """Ask for the ``part``-th partition's version until killed. Says start, end and version of each answer."""
    partition = list(making.GENERATION)[part]
    lake = backend.open()
    _wait_for(start_at)
    while True:
        before = time.monotonic()
        state = lake.state(partition)
        emit([before, time.monotonic(), state.version if state else 0])


def seal_and_vacuum(emit: Emit, backend: Backend, start_at: float) -> None:
    """Seal everything and clear away what is older than a moment, until killed. Says how often it got round."""
    lake = backend.open()
    _wait_for(start_at)
    rounds = 0
    while True:
        seal(lake, run_id="race", now=far_future())
        vacuum(lake, run_id="race", now=clock(), keep_ms=0, grace_ms=MOMENT_MS)
        # Files no commit names however young, a writer's at work among them; its locks keep those.
        vacuum(lake, run_id="race", now=clock(), keep_ms=making.DAY, grace_ms=0)
        rounds += 1
        emit(rounds)
        time.sleep(0.02)


def pin_and_read(emit: Emit, backend: Backend, start_at: float) -> None:
    """Pin, read twice, unpin, until killed. Says of each pin whether both readings were the same, and whole."""
    lake = backend.open()
    _wait_for(start_at)
    while True:
        name = f"p{secrets.token_hex(4)}"
        lake.ledger.pin(name)
        first = checks.generations(lake, 0, as_of=name, with_causes=False)
        time.sleep(0.02)
        emit(not first["torn"] and first == checks.generations(lake, 0, as_of=name, with_causes=False))
        lake.ledger.unpin(name)


def _wait_for(start_at: float) -> None:
    time.sleep(max(0.0, start_at - time.monotonic()))
