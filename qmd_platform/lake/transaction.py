"""One commit of the lake, from the heads read to the ledger's word: files first, then compare-and-swap, or again.

What lives here: the order of the steps, and what is undone when they fail. What does not: what a change is made of
(``lake.changes``, ``lake.sealing``, ``lake.repair``), the compare-and-swap itself (``ledger``).
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Protocol

from qmd_platform.errors import Conflict, LakeError
from qmd_platform.lake.changes import Made
from qmd_platform.lake.files import Blobs
from qmd_platform.lake.place import Place
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.lock import held
from qmd_platform.ledger.records import Head, Outcome
from qmd_platform.model.series import Partition

Heads = Mapping[Partition, Head]

TRIES = 20
"""How often a commit is tried against writers that do not share our locks (none on one machine) before it fails."""


class Writable(Protocol):
    """What a commit needs of a lake."""

    @property
    def place(self) -> Place:
        """Its folder."""

    @property
    def ledger(self) -> Ledger:
        """Its ledger."""

    @property
    def blobs(self) -> Blobs:
        """Its files."""

    @property
    def writes_to(self) -> str | None:
        """The world its data must be of."""


def transact(
    lake: Writable,
    partitions: Sequence[Partition],
    make: Callable[[Heads], Sequence[Made]],
    *,
    run_id: str,
    source: str,
    idem_key: str | None = None,
) -> tuple[int, tuple[Outcome, ...]]:
    """Change ``partitions`` to what ``make`` makes of their heads, all or none, durably.

    ``make`` is asked again whenever another writer was faster. Returns and errors as of ``Lake.commit``.
    """
    with ExitStack() as stack:
        # Only to save merges that would lose the race, and to keep vacuum from files that are not committed yet;
        # who may commit is decided by compare-and-swap.
        for stripe in sorted({lake.place.stripe(str(partition)) for partition in partitions}):
            stack.enter_context(held(stripe))
        for _ in range(TRIES):
            if idem_key is not None and (done := lake.ledger.committed(idem_key)):
                return done[0], _in_order(done[1], partitions, idem_key)
            try:
                return _attempt(lake, make(lake.ledger.heads(partitions)), run_id, source, idem_key)
            except Conflict:
                continue
    raise Conflict(f"{TRIES} times in a row another writer was faster", hint="run it again")


def _attempt(
    lake: Writable, found: Sequence[Made], run_id: str, source: str, idem_key: str | None
) -> tuple[int, tuple[Outcome, ...]]:
    changes = [one.change for one in found]
    outcomes = tuple(change.outcome for change in changes)
    if idem_key is None and not any(change.is_change for change in changes):
        return lake.ledger.last_commit(), outcomes
    files = {path: data for one in found for path, data in one.files.items()}
    lake.blobs.data.put_many(files)
    try:
        number = lake.ledger.commit(changes, run_id=run_id, source=source, idem_key=idem_key, world=lake.writes_to)
    except (Conflict, LakeError):
        # No commit names the files written so far: in both cases that is certain. What cannot be deleted now, vacuum will.
        with suppress(LakeError, OSError):
            for path in files:
                lake.blobs.data.delete(path)
        raise
    return number, outcomes


def _in_order(done: Mapping[Partition, Outcome], partitions: Sequence[Partition], idem_key: str) -> tuple[Outcome, ...]:
    if set(done) != set(partitions):
        raise LakeError(f"the key {idem_key!r} was used for a commit to other partitions", hint="use a new key")
    return tuple(done[partition] for partition in partitions)
