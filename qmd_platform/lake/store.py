"""The store: merge, write, commit; read what is committed.

What lives here: ``Lake``, the one door to the data. What does not: the steps it is made of (the other modules of
this room), and where rows come from (``ingest``).

A write goes: read the head, merge in memory, write a new file and make it durable, then commit by
compare-and-swap in the ledger. Stopped at any instant, the lake is as before or as after; at worst a file is left
that no commit names.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from qmd_platform.errors import Conflict, LakeError, Outdated
from qmd_platform.lake.blobs import BlobStore, LocalBlobs
from qmd_platform.lake.place import Place
from qmd_platform.lake.rows import content_hash, merged
from qmd_platform.lake.segments import candles_of, sealed, table_of
from qmd_platform.lake.verify import Finding, verified
from qmd_platform.lake.writes import Write, checked, runs_after
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.lock import held
from qmd_platform.ledger.records import Change, Head, Outcome, PartitionState, Rejected
from qmd_platform.model import tables
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run
from qmd_platform.model.window import Window, month_of

__all__ = ["Finding", "Lake", "Outcome", "PartitionState", "Rejected", "Write"]

TRIES = 20
"""How often a commit is tried against writers that do not share our locks (none on one machine) before it fails."""


class Lake:
    """The data in one folder. Safe to share between threads, and to open in many processes at once."""

    def __init__(self, place: Place, ledger: Ledger, blobs: BlobStore, world: str | None = None) -> None:
        self.root = place.root
        self.ledger = ledger
        self._place = place
        self._blobs = blobs
        self._world = world

    @classmethod
    def open(cls, root: Path, *, world: str | None = None) -> Self:
        """The lake in ``root``, made if absent.

        Args:
            root: a folder on a local disk.
            world: what data will be written, ``live`` or ``sandbox``; claimed by the first commit.

        Raises:
            LakeError: the folder cannot be used, or is of a newer format.
            LedgerTooNew: its ledger is of a newer schema.
            WrongWorld: it holds the other world's data. Nothing was changed in any of these cases.
        """
        place = Place.prepared(root)
        ledger = Ledger.open(place.ledger, place.commit_lock)
        if world is not None:
            place.check(world)
        return cls(place, ledger, LocalBlobs(place.data), world)

    @property
    def world(self) -> str | None:
        """Which world the data is of, ``live`` or ``sandbox``; None before the first commit."""
        return self._place.world

    def check_world(self, world: str) -> None:
        """WrongWorld if the lake holds the other world's data; claims nothing."""
        self._place.check(world)

    def claim_world(self, world: str) -> None:
        """Make this a lake of ``world`` from now on; WrongWorld if it is of another."""
        self._place.claim(world)

    def close(self) -> None:
        """Tidy up after this process's commits. They are durable without it, and the lake stays usable."""
        self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def commit(
        self, writes: Sequence[Write], *, run_id: str, source: str, idem_key: str | None = None
    ) -> tuple[int, tuple[Outcome, ...]]:
        """Write to several partitions, all or none, durably.

        Rows that are there already change nothing; if that is so for all ``writes``, there is no commit.

        Args:
            writes: at most one a partition.
            run_id: who did it.
            source: where the rows are from, ``live:binance``.
            idem_key: a commit under a key that was used before is not made again; the first one's outcome is
                returned.

        Returns:
            the commit's id (the latest one's, if nothing changed), and one outcome a write, in order.

        Raises:
            LakeError: rows of the wrong shape or place; a file cannot be written. Nothing was changed.
            WrongWorld: the lake holds the other world's data.
            Outdated: a partition is not at the version its write has ``seen``. Nothing was changed.
            Conflict: other writers were faster, many times in a row.
        """
        wanted = [checked(write) for write in writes]
        partitions = [write.partition for write in wanted]
        if len(set(partitions)) < len(partitions):
            raise LakeError("a commit writes to the same partition twice", hint="join the rows into one write")
        if self._world is not None:
            self.claim_world(self._world)
        with ExitStack() as stack:
            # Only to save merges that would lose the race; who may commit is decided by compare-and-swap.
            for stripe in sorted({self._place.stripe(str(partition)) for partition in partitions}):
                stack.enter_context(held(stripe))
            for _ in range(TRIES):
                if idem_key is not None and (done := self.ledger.committed(idem_key)):
                    return done[0], _in_order(done[1], partitions, idem_key)
                try:
                    return self._attempt(wanted, run_id, source, idem_key)
                except Conflict:
                    continue
        raise Conflict(f"{TRIES} times in a row another writer was faster", hint="run it again")

    def _attempt(
        self, writes: Sequence[Write], run_id: str, source: str, idem_key: str | None
    ) -> tuple[int, tuple[Outcome, ...]]:
        heads = self.ledger.heads([write.partition for write in writes])
        _refuse_outdated(writes, heads)
        notes: dict[str, str | int] = {"run_id": run_id, "source": source}
        changes: list[Change] = []
        try:
            for write in writes:
                changes.append(self._change(write, heads[write.partition], notes))  # noqa: PERF401 - see below
            outcomes = tuple(change.outcome for change in changes)
            if idem_key is None and not any(change.is_change for change in changes):
                return self.ledger.last_commit(), outcomes
            return self.ledger.commit(changes, run_id=run_id, source=source, idem_key=idem_key), outcomes
        except (Conflict, LakeError):
            # No commit names the files written so far: in both cases that is certain.
            for change in changes:
                if change.segment:
                    self._blobs.delete(change.segment.path)
            raise

    def _change(self, write: Write, head: Head, notes: dict[str, str | int]) -> Change:
        """What ``write`` makes of the partition; its new file, if it needs one, is written and durable."""
        spec = tables.table(write.partition.series.table)
        merge = merged(spec, table_of(spec, self._blobs, head.segments), write.rows, replace=write.replace)
        runs = runs_after(write, head.runs, merge.rows)
        known = self.ledger.rejected(write.partition) if write.rejected else []
        rejected = tuple(row for row in write.rejected if not any(row.is_same(other) for other in known))
        segment = None
        version = head.version + bool(merge.wrote or rejected or runs != head.runs)
        if merge.wrote and len(merge.rows):
            segment, data = sealed(write.partition, merge.rows, version, notes)
            self._blobs.put(segment.path, data)
        stored = (segment,) if segment else () if merge.wrote else head.segments
        outcome = Outcome(
            write.partition,
            version=version,
            rows=len(merge.rows),
            new=merge.new,
            changed=merge.changed,
            unchanged=merge.unchanged,
            bytes=sum(one.bytes for one in stored),
            data_version=content_hash(spec, merge.rows) if merge.wrote or not head.state else head.state.data_version,
            runs=runs,
            wrote=merge.wrote,
        )
        return Change(outcome, head.version, segment, rejected)

    def read(self, series: Series, window: Window | None = None, *, as_of: int | None = None) -> pa.Table:
        """The rows of ``series``, sorted by key.

        Args:
            series: of any table; one the lake does not hold has no rows.
            window: half-open, of open times; candles only. None for all.
            as_of: the state right after this commit (0: before the first); None for now.

        Raises:
            CorruptSegment: a file is not what was committed.
            LedgerError: there is no commit ``as_of``.
        """
        spec = tables.table(series.table)
        if spec is tables.CANDLES:
            return self._candles(series, window, as_of).to_arrow()
        return table_of(spec, self._blobs, self.ledger.segments(series, as_of=as_of))

    def candles(self, series: Series, window: Window | None = None) -> Candles:
        """The candles of ``series`` that open in ``window`` (None for all), sorted. Raises as ``read``."""
        return self._candles(series, window, None)

    def _candles(self, series: Series, window: Window | None, as_of: int | None) -> Candles:
        months = (month_of(window.start), month_of(window.end - 1)) if window else None
        candles = candles_of(self._blobs, self.ledger.segments(series, months, as_of=as_of))
        return candles.within(window) if window else candles

    def coverage(self, series: Series, window: Window) -> list[Run]:
        """What is known about the candles of ``window``; unknown ones are in no run."""
        return self.ledger.runs(series, window)

    def state(self, partition: Partition) -> PartitionState | None:
        """What the partition is now; None if nothing was ever committed to it."""
        return self.ledger.heads([partition])[partition].state

    def states(self, series: Series | None = None) -> list[PartitionState]:
        """All partitions something was committed to (of ``series``), sorted."""
        return self.ledger.states(series)

    def series(self) -> list[Series]:
        """All series something was committed to, sorted."""
        return sorted({state.partition.series for state in self.states()})

    def verify(self, progress: Callable[[int, int], None] | None = None) -> list[Finding]:
        """Read and hash every live file and compare it with the ledger; ``progress`` is told partitions done, of."""
        return verified(self.ledger, self._blobs, progress)


def _refuse_outdated(writes: Sequence[Write], heads: Mapping[Partition, Head]) -> None:
    """Outdated if a partition moved on since its rows were computed."""
    for write in writes:
        if write.seen is not None and write.seen != heads[write.partition].version:
            raise Outdated(f"{write.partition} changed while its rows were being computed")


def _in_order(done: Mapping[Partition, Outcome], partitions: Sequence[Partition], idem_key: str) -> tuple[Outcome, ...]:
    if set(done) != set(partitions):
        raise LakeError(f"the key {idem_key!r} was used for a commit to other partitions", hint="use a new key")
    return tuple(done[partition] for partition in partitions)
