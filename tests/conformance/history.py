"""Was there an order? Operations with their start and end, and the version each made or saw.

What lives here: the checker. What does not: where the operations come from (``jobs``). Pure.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Operation(NamedTuple):
    """Something that took effect between ``start`` and ``end`` (s, of one clock) and made or saw ``version``."""

    start: float
    end: float
    version: int


def broken(writes: Sequence[Operation], reads: Sequence[Operation] = ()) -> list[str]:
    """Everything that no order of the operations explains, in words; empty where each took effect at one instant.

    Each write makes the next version, from 1 on. An operation that ended before another began comes before it.
    """
    found = _of_writes(sorted(writes, key=lambda one: one.version))
    for read in reads:
        least = max((one.version for one in writes if one.end < read.start), default=0)
        most = max((one.version for one in writes if one.start < read.end), default=0)
        if not least <= read.version <= most:
            found.append(f"a read saw version {read.version}, not one of {least} to {most}")
    return found + _of_reads(sorted(reads))


def _of_writes(writes: Sequence[Operation]) -> list[str]:
    found = []
    if [one.version for one in writes] != list(range(1, len(writes) + 1)):
        found.append(f"{len(writes)} writes made the versions {[one.version for one in writes]}")
    latest = Operation(float("-inf"), 0, 0)
    for one in writes:
        if latest.start > one.end:
            found.append(f"version {one.version} was made before version {latest.version} was begun")
        latest = max(latest, one)
    return found


def _of_reads(reads: Sequence[Operation]) -> list[str]:
    """Reads in order of their start."""
    found = []
    for number, one in enumerate(reads):
        found += [
            f"version {one.version} was seen, and later version {later.version}"
            for later in reads[number + 1 : number + 50]
            if later.start > one.end and later.version < one.version
        ]
    return found
