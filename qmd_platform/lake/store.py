"""The store: merge, write, commit; read what is committed.

What lives here: ``Lake``, the one door to the data. What does not: the steps it is made of (the other modules of
this room), and where rows come from (``ingest``).

A write goes: read the head, merge in memory, write a new file and make it durable, then commit by
compare-and-swap in the ledger. Stopped at any instant, the lake is as before or as after; at worst a file is left
that no commit names.
"""

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from qmd_platform.errors import LakeError, Outdated
from qmd_platform.lake.changes import Made, Maker
from qmd_platform.lake.files import Blobs
from qmd_platform.lake.opening import opened
from qmd_platform.lake.place import Place
from qmd_platform.lake.records import Records
from qmd_platform.lake.segments import THREADS, candles_of, table_of
from qmd_platform.lake.transaction import Heads, transact
from qmd_platform.lake.verify import Finding, verified
from qmd_platform.lake.writes import Write, checked
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.records import Outcome, PartitionState, Rejected, Segment, View
from qmd_platform.ledger.snapshots import AsOf
from qmd_platform.model import tables
from qmd_platform.model.candles import Candles
from qmd_platform.model.evidence import Answered, Attempt
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run
from qmd_platform.model.window import Window

__all__ = ["Finding", "Held", "Lake", "Outcome", "PartitionState", "Rejected", "Write"]


@dataclass(frozen=True, slots=True)
class Held:
    """What the lake holds of a series in one snapshot: the commit it is of, the rows, what is known of all, the files."""

    commit: int
    candles: Candles
    runs: tuple[Run, ...]
    segments: tuple[Segment, ...] = ()


class Lake:
    """The data in one place. Safe to share between threads, and to open in many processes at once."""

    def __init__(self, place: Place, ledger: Ledger, blobs: Blobs, records: Records, world: str | None = None) -> None:
        self.root = place.root
        self.place = place
        self.ledger = ledger
        self.blobs = blobs
        self.records = records
        self._world = world

    @classmethod
    def open(
        cls, root: Path, *, world: str | None = None, postgres: str | None = None, files: str | None = None
    ) -> Self:
        """The lake in ``root``, made if absent, brought up to today's format if older.

        Args:
            root: a folder on a local disk.
            world: what data will be written, ``live`` or ``sandbox``; claimed by the first commit.
            postgres: the address of the database that has the ledger; None for ``ledger.sqlite`` in ``root``.
            files: the address of the object store that has the files; None for folders in ``root``.

        Raises:
            ConfigError: an address is not one.
            LakeError: the folder cannot be used, or is of a newer format.
            LedgerError: the ledger cannot be used, is of another lake, or has been moved.
            LedgerTooNew: the ledger is of a newer schema.
            WrongWorld: it holds the other world's data. Nothing was changed in any of these cases.
        """
        place, ledger, blobs, records = opened(root, postgres, files)
        lake = cls(place, ledger, blobs, records, world)
        if world is not None:
            lake.check_world(world)
        return lake

    @property
    def writes_to(self) -> str | None:
        """The world this opening of the lake writes data of, if that was said."""
        return self._world

    @property
    def world(self) -> str | None:
        """Which world the data is of, ``live`` or ``sandbox``; None before the first commit."""
        return self.ledger.about("world")

    def check_world(self, world: str) -> None:
        """WrongWorld if the lake holds the other world's data; claims nothing."""
        if self.world is not None:
            self.ledger.claim(world)

    def claim_world(self, world: str) -> None:
        """Make this a lake of ``world`` from now on; WrongWorld if it is of another."""
        self.ledger.claim(world)

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

        def make(heads: Heads) -> list[Made]:
            _refuse_outdated(wanted, heads)
            return self._made(wanted, heads, {"run_id": run_id, "source": source})

        return transact(self, partitions, make, run_id=run_id, source=source, idem_key=idem_key)

    def _made(self, writes: Sequence[Write], heads: Heads, notes: dict[str, str | int]) -> list[Made]:
        refusing = [write.partition for write in writes if write.rejected]
        known = self.ledger.rejected_of(refusing) if refusing else {}
        maker = Maker(self.blobs.data, time.time_ns() // 1_000_000, notes)
        return [maker.made(one, heads[one.partition], known.get(one.partition, ())) for one in writes]

    def read(self, series: Series, window: Window | None = None, *, as_of: AsOf = None) -> pa.Table:
        """The rows of ``series``, sorted by key.

        Args:
            series: of any table; one the lake does not hold has no rows.
            window: half-open, of open times; candles only. None for all.
            as_of: a snapshot: a commit's id (0: before the first), a time as ISO text, a pin's name; None for now.

        Raises:
            CorruptSegment: a file is not what was committed.
            LedgerError: there is no snapshot ``as_of``.
            Vacuumed: its files are gone.
        """
        spec = tables.table(series.table)
        if spec is tables.CANDLES:
            return self.candles(series, window, as_of=as_of).to_arrow()
        return table_of(spec, self.blobs.data, self.ledger.segments(series, as_of=as_of))

    def candles(self, series: Series, window: Window | None = None, *, as_of: AsOf = None) -> Candles:
        """The candles of ``series`` that open in ``window`` (None for all), sorted. As ``read``."""
        return self.held(series, window, as_of=as_of).candles

    def held(self, series: Series, window: Window | None = None, *, as_of: AsOf = None) -> Held:
        """Candles and coverage of one snapshot. As ``read``."""
        view = self.ledger.view(series, window, as_of=as_of)
        return Held(view.commit, candles_of(self.blobs.data, view.segments, window), view.runs, view.segments)

    def held_of(
        self, series: Collection[Series], window: Window | None = None, *, as_of: AsOf = None
    ) -> dict[Series, Held]:
        """Candles and coverage of many series, all in one snapshot; quicker than one after the other. As ``read``."""
        views = self.ledger.views(series, window, as_of=as_of)

        def one(view: View) -> Held:
            found = candles_of(self.blobs.data, view.segments, window, threads=1)
            return Held(view.commit, found, view.runs, view.segments)

        with ThreadPoolExecutor(THREADS) as pool:
            return dict(zip(views, pool.map(one, views.values()), strict=True))

    def coverage(self, series: Series, window: Window, *, as_of: AsOf = None) -> list[Run]:
        """What is known about the candles of ``window``; unknown ones are in no run."""
        return self.ledger.runs(series, window, as_of=as_of)

    def attempts(self, series: Series, window: Window | None = None) -> list[Attempt]:
        """What was asked for in vain in ``window`` (None for all) and is still not there, in order of time."""
        known = self.ledger.attempts([series])[series]
        if window is None:
            return known
        return [replace(one, window=part) for one in known if (part := one.window.intersection(window))]

    def evidence(
        self, series: Series, window: Window | None = None, *, as_of: AsOf = None
    ) -> list[tuple[int, Answered]]:
        """Every answer that speaks about ``window`` (None for all) with the commit it was kept by, oldest first."""
        return self.ledger.evidence(series, window, as_of=as_of)

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
        return verified(self.ledger, self.blobs.data, self.records, progress)


def _refuse_outdated(writes: Sequence[Write], heads: Heads) -> None:
    """Outdated if a partition moved on since its rows were computed."""
    for write in writes:
        if write.seen is not None and write.seen != heads[write.partition].version:
            raise Outdated(f"{write.partition} changed while its rows were being computed")
