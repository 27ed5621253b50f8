"""What the nursery's children do in storms: write, seal, vacuum, pin, move house, until they are killed.

What lives here: functions ``job(emit, backend, ...)``; each says through ``emit`` what was acknowledged to it. What
does not: starting and killing (``forks``, ``storms``), racing (``racers``), looking at what is left (``looks``).
"""

import random

from qmd_platform.errors import LakeError, LedgerError
from qmd_platform.lake.moving import to_postgres
from qmd_platform.lake.rebuild import rebuild
from qmd_platform.lake.sealing import seal
from qmd_platform.lake.vacuum import vacuum
from tests.conformance import making
from tests.conformance.backends import Backend
from tests.conformance.forks import Emit
from tests.conformance.making import clock, far_future

OPENED = "opened"

MOST_PINS = 3
"""At once: every look at a lake reads them all."""


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
    pins = [pin.name for pin in lake.ledger.pins()]
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
        elif len(pins) < MOST_PINS:
            pins.append(f"p{rng.getrandbits(40):x}")
            lake.ledger.pin(pins[-1])
            emit(["pin", pins[-1], last])
        else:
            name = pins.pop(0)
            emit(["drop", name])
            lake.ledger.unpin(name)


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


def move(emit: Emit, backend: Backend, moved: Backend) -> None:
    """Move a lake on this machine to the servers of ``moved``."""
    assert moved.postgres is not None
    to_postgres(backend.root, moved.postgres, moved.files, lambda what, done, total: None)
