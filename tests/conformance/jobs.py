"""What the nursery's children do: write, seal, vacuum, pin until they are killed; look at what is left.

What lives here: functions ``job(emit, backend, ...)``; each says through ``emit`` what was acknowledged to it. What
does not: starting and killing (``forks``, the tests), what must hold (``checks``).
"""

import os
import random
import secrets
import time
from collections.abc import Mapping

from qmd_platform.errors import Conflict, LakeError, LedgerError
from qmd_platform.lake.rebuild import rebuild
from qmd_platform.lake.sealing import seal
from qmd_platform.lake.store import Lake, Outcome, Write
from qmd_platform.lake.vacuum import vacuum
from qmd_platform.model.window import Instant
from tests.conformance import checks, making, oldlake
from tests.conformance.backends import Backend
from tests.conformance.forks import Emit

OPENED = "opened"

MOMENT_MS = 3000
"""Longer than any read of a race takes, shorter than the race."""


def write_generations(emit: Emit, backend: Backend, last: int, seed: int) -> None:
    """Generations after ``last``, for ever. Says each number that was acknowledged."""
    lake = backend.open()
    emit(OPENED)
    while True:
        last += 1
        lake.commit(making.generation(last), run_id="storm", source="storm", idem_key=f"{last}" if last % 2 else None)
        emit(last)


def keep_house(emit: Emit, backend: Backend, last: int, seed: int) -> None:
    """Tails after ``last``, sealed, vacuumed and pinned as it goes, for ever.

    Says each tail's number; ``["pin", name, number]`` once a pin is there; ``["drop", name]`` before it goes.
    """
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    lake = backend.open()
    emit(OPENED)
    pins: list[str] = []
    while True:
        chance = rng.random()
        if chance < 0.5:
            last += 1
            lake.commit(making.tail(last), run_id="storm", source="storm")
            emit(last)
        elif chance < 0.7:
            seal(lake, run_id="storm", now=far_future())
        elif chance < 0.8:
            vacuum(lake, run_id="storm", now=far_future(), keep_ms=0, grace_ms=0)
        elif chance < 0.93 or not pins:
            pins.append(f"p{rng.getrandbits(40):x}")
            lake.ledger.pin(pins[-1])
            emit(["pin", pins[-1], last])
        else:
            name = pins.pop()
            emit(["drop", name])
            lake.ledger.unpin(name)


def look_at_generations(emit: Emit, backend: Backend, acked: int, pins: Mapping[str, int]) -> None:
    """Says what ``checks`` counts after a storm of generations."""
    with backend.open() as lake:
        emit({**checks.generations(lake, acked), "damaged": len(checks.damage(lake))})


def look_at_tails(emit: Emit, backend: Backend, acked: int, pins: Mapping[str, int]) -> None:
    """Says what ``checks`` counts after a storm of house-keeping; ``pins`` are those that were acknowledged."""
    with backend.open() as lake:
        sight = checks.tails(lake, acked)
        wrong = sum(pinned["generation"] != number or pinned["torn"] for number, pinned in _pinned(lake, pins))
        emit({**sight, "pins": wrong, "damaged": len(checks.damage(lake))})


def _pinned(lake: Lake, pins: Mapping[str, int]) -> list[tuple[int, checks.Sight]]:
    return [(number, checks.tails(lake, number, as_of=name)) for name, number in pins.items()]


def clock() -> Instant:
    """Now."""
    return time.time_ns() // 1_000_000


def far_future() -> Instant:
    """An instant at which every month of this room has ended and everything is old."""
    return clock() + 400 * making.DAY


def write_rows(emit: Emit, backend: Backend, start_at: float, part: int, steps: list[int]) -> None:
    """One commit a step to the ``part``-th partition, from ``start_at`` on. Says start, end and version of each."""
    with backend.open() as lake:
        _write_rows(emit, lake, start_at, part, steps)


def write_rows_elsewhere(emit: Emit, backend: Backend, start_at: float, part: int, steps: list[int]) -> None:
    """As ``write_rows``, on a machine of its own: no other writer shares its merge locks."""
    with backend.open() as lake:
        own = lake.root / "locks" / f"of-{os.getpid()}"
        lake.place.stripe = lambda partition: own  # type: ignore[method-assign]
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
        rounds += 1
        emit(rounds)


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


def make_lake(emit: Emit, backend: Backend) -> None:
    """Make the lake, empty."""
    backend.open().close()


def tell_rows(emit: Emit, backend: Backend, part: int) -> None:
    """Says which steps of the ``part``-th partition there are, and whether coverage and files agree."""
    partition = list(making.GENERATION)[part]
    step = partition.series.timeframe.step
    with backend.open() as lake:
        held = lake.held(partition.series, partition.window)
        rows = ((held.candles.open_at - partition.window.start) // step).tolist()
        wrong = checks.disagrees(partition.series, held.candles, held.runs)
        emit({"rows": rows, "coverage": int(wrong), "damaged": len(checks.damage(lake))})


def look_at_the_end_of_a_race(emit: Emit, backend: Backend) -> None:
    """Says what ``checks`` counts once all writers have ended."""
    with backend.open() as lake:
        emit({**checks.generations(lake, 0, with_causes=False), "damaged": len(checks.damage(lake))})


def write_until_refused(emit: Emit, backend: Backend, last: int) -> None:
    """Generations after ``last`` until a server is gone. Says each number that was acknowledged, then the refusal."""
    with backend.open() as lake:
        emit(OPENED)
        try:
            while True:
                last += 1
                lake.commit(making.generation(last), run_id="storm", source="storm")
                emit(last)
        except (LakeError, LedgerError) as error:
            emit([type(error).__name__, error.message])


def migrate(emit: Emit, backend: Backend) -> None:
    """Open an old lake, which brings its ledger forward, and seal it, which brings its files forward."""
    with backend.open() as lake:
        seal(lake, run_id="migration", now=far_future())


def look_at_old(emit: Emit, backend: Backend) -> None:
    """Says in what the lake differs from the old one."""
    with backend.open() as lake:
        emit(oldlake.differences(lake) + checks.damage(lake))


def tell_contents(emit: Emit, backend: Backend) -> None:
    """Says all there is to know of every partition."""
    with backend.open() as lake:
        emit(checks.contents(lake))


def make_ledger(emit: Emit, backend: Backend) -> None:
    """Make a lost ledger again."""
    rebuild(backend.root, now=clock(), postgres=backend.postgres, files=backend.files)


def tidy_up(emit: Emit, backend: Backend) -> None:
    """Unpin and vacuum everything; AssertionError if a file is left that nobody can reach."""
    with backend.open() as lake:
        for pin in lake.ledger.pins():
            lake.ledger.unpin(pin.name)
        for _ in range(2):
            vacuum(lake, run_id="end", now=far_future(), keep_ms=0, grace_ms=0)
        assert set(lake.blobs.data.paths()) == {segment.path for segment in lake.ledger.segments()}
