"""What the nursery's children say of a lake that others have left.

What lives here: functions ``look(emit, backend, ...)``. In processes of their own, as the one they are forked from must
never have opened a lake. What does not: what must hold (``checks``).
"""

from collections.abc import Mapping

from qmd_platform.errors import LakeError, LedgerError
from qmd_platform.lake.store import Lake
from tests.conformance import checks, making, oldlake
from tests.conformance.backends import Backend
from tests.conformance.forks import Emit

Pins = Mapping[str, int]
"""The numbers of the tails that were the last ones when a pin was made, by name."""


def look_at_generations(emit: Emit, backend: Backend, acked: int, pins: Pins, number: int = 0) -> None:
    """Says what ``checks`` counts after a storm of generations."""
    with backend.open() as lake:
        emit({**checks.generations(lake, acked), **_proven(lake, number)})


def look_at_tails(emit: Emit, backend: Backend, acked: int, pins: Pins, number: int = 0) -> None:
    """Says what ``checks`` counts after a storm of house-keeping; ``pins`` are those that were acknowledged."""
    with backend.open() as lake:
        sight = checks.tails(lake, acked)
        wrong = sum(pinned["generation"] != number or pinned["torn"] for number, pinned in _pinned(lake, pins))
        emit({**sight, "pins": wrong, **_proven(lake, number)})


def _proven(lake: Lake, number: int) -> dict[str, int]:
    """What ``verify`` says, in every third look: it compares the ledger with all its records, which takes longest.

    Every live file's rows are read in every look, and proven by its hash.
    """
    return {} if number % 3 else {"verified": 1, "damaged": len(checks.damage(lake))}


def _pinned(lake: Lake, pins: Pins) -> list[tuple[int, checks.Sight]]:
    return [(number, checks.tails(lake, number, as_of=name)) for name, number in pins.items()]


def look_at_the_end_of_a_race(emit: Emit, backend: Backend) -> None:
    """Says what ``checks`` counts once all writers have ended."""
    with backend.open() as lake:
        emit({**checks.generations(lake, 0, with_causes=False), **_proven(lake, 0)})


def look_at_old(emit: Emit, backend: Backend) -> None:
    """Says in what the lake differs from the old one."""
    with backend.open() as lake:
        emit(oldlake.differences(lake) + checks.damage(lake))


def look_at_both(emit: Emit, backend: Backend, moved: Backend) -> None:
    """Says in what each of the two lakes differs from the old one, or why it is refused."""
    for one in (backend, moved):
        try:
            with one.open() as lake:
                emit(oldlake.differences(lake) + checks.damage(lake))
        except (LakeError, LedgerError) as error:
            emit(error.message)


def tell_rows(emit: Emit, backend: Backend, part: int) -> None:
    """Says which steps of the ``part``-th partition there are, and whether coverage and files agree."""
    partition = list(making.GENERATION)[part]
    step = partition.series.timeframe.step
    with backend.open() as lake:
        held = lake.held(partition.series, partition.window)
        rows = ((held.candles.open_at - partition.window.start) // step).tolist()
        wrong = checks.disagrees(partition.series, held.candles, held.runs)
        emit({"rows": rows, "coverage": int(wrong), "damaged": len(checks.damage(lake))})


def tell_contents(emit: Emit, backend: Backend) -> None:
    """Says all there is to know of every partition."""
    with backend.open() as lake:
        emit(checks.contents(lake))
