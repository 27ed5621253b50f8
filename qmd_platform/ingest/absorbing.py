"""Heard candles committed to the lake.

What lives here: partitions taken in together, and the account of each. What does not: the judgement of rows
(``ingest.heard``), which partitions, and asking the venue (``ingest.absorbed``).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import Conflict, Outdated
from qmd_platform.ingest.asking import machine_clock
from qmd_platform.ingest.confirming import SPOKEN, unconfirmed
from qmd_platform.ingest.following import follow, overtaken
from qmd_platform.ingest.heard import Judged, compared, disputed, first_heard, rounds
from qmd_platform.ingest.pages import SUPERSEDED
from qmd_platform.ingest.rollup import TRIES
from qmd_platform.lake.rows import FETCHED_AT
from qmd_platform.lake.segments import stored_of
from qmd_platform.lake.store import Lake, Outcome, Rejected, Write
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import united, windows_of
from qmd_platform.model.tables import CANDLES
from qmd_platform.model.window import Window


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What became of the heard rows of one partition.

    rows = new + changed + unchanged + duplicates + quarantined + refused.

    Attributes:
        partition: whose.
        rows: closed candles heard, repeats and all.
        new, changed, unchanged: stored, in the place of another row, as the lake has them.
        duplicates: heard again with the same values.
        quarantined: kept apart because they break a rule, contradict each other, or the lake has an answer that came later.
        refused: not over by the venue's own clock.
        disputes: candles of which the lake had another row, or two versions were heard, found now: the venue is to be asked.
        unconfirmed: candles the venue is to be asked about that it has not been since (``ingest.confirming``).
    """

    partition: Partition
    rows: int
    new: int
    changed: int
    unchanged: int
    duplicates: int
    quarantined: int
    refused: int
    disputes: tuple[Window, ...] = ()
    unconfirmed: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class _Fought:
    """Of rows that the lake had otherwise: how many took their place, are kept apart; where the venue is to be asked."""

    changed: int
    apart: int
    disputes: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Taking:
    """Partitions of one venue taken in together."""

    lake: Lake
    run_id: str
    source: str

    def all(self, found: Sequence[tuple[Judged, int]]) -> list[Absorbed]:
        """Commit the judged rows, told with how many were heard; the account of each partition, in order."""
        ends = [at for one, _ in found if len(one.candles) for at in one.candles.open_at[[0, -1]].tolist()]
        span = Window(min(ends), max(ends) + 1) if ends else None
        series = [one.partition.series for one, _ in found]
        held = {one: it.candles for one, it in self.lake.held_of(series, span).items()} if span else {}
        parts = [(one, compared(one.candles, held.get(one.partition.series, Candles.empty()))) for one, _ in found]
        told = self.lake.ledger.rejected_of([one.partition for one, _ in found])
        writes = [self._write(one, it.new, self._fresh(one.rejected, told.get(one.partition, ()))) for one, it in parts]
        torn = {write.partition: _superseded(write.rejected, write.partition.series.timeframe.step) for write in writes}
        made = self._committed([write for write in writes if len(write.rows) or write.rejected])
        done = [
            self._account(
                one,
                rows,
                made.get(one.partition),
                self._fought(one, it.other, told.get(one.partition, ())),
                torn[one.partition],
            )
            for (one, rows), (_, it) in zip(found, parts, strict=True)
        ]
        told = self.lake.ledger.rejected_of([one.partition for one, _ in found])
        return [
            replace(one, unconfirmed=tuple(unconfirmed(self.lake, mine, told.get(one.partition, ()))))
            for one, (mine, _) in zip(done, found, strict=True)
        ]

    @staticmethod
    def _fresh(rejected: Sequence[Rejected], told: Sequence[Rejected]) -> tuple[Rejected, ...]:
        return tuple(one for one in rejected if not any(one.is_same(other) for other in told))

    def _write(self, one: Judged, rows: NDArray[np.intp], rejected: Sequence[Rejected]) -> Write:
        step = one.partition.series.timeframe.step
        candles = one.candles.take(rows)
        apart = [Window(row.open_at, row.open_at + step) for row in rejected if not row.open_at % step]
        there = windows_of(candles.open_at, step)
        # Not after now, whatever the clock was then: an answer that is asked for because of this row comes later.
        at = min(first_heard(one, rows), machine_clock())
        return Write(
            one.partition,
            candles.to_arrow(),
            asked=tuple(united([*there, *apart])),
            rejected=tuple(rejected),
            fetched_at=at if len(rows) else None,
            evidence=tuple(self._evidence(candles.within(window), window, at) for window in there),
        )

    @staticmethod
    def _evidence(candles: Candles, window: Window, at: int) -> Answered:
        digest = hashlib.sha256(b"".join(getattr(candles, name).tobytes() for name in COLUMNS)).hexdigest()
        return Answered(window, at, SPOKEN, digest, len(candles))

    def _fought(self, one: Judged, rows: NDArray[np.intp], told: Sequence[Rejected]) -> _Fought:
        """What becomes of the rows that the lake has otherwise. What was found and settled before is left alone."""
        settled = [row.open_at for row in disputed(one.candles.take(rows)) if any(row.is_same(other) for other in told)]
        late = rows[~np.isin(one.candles.open_at[rows], settled)]
        if not len(late):
            return _Fought(0, len(rows), ())
        candles, series = one.candles.take(late), one.partition.series
        for rows_together in self._together(one, late):
            self._committed([self._write(one, rows_together, ())])
        after = self.lake.candles(series, Window(int(candles.open_at[0]), int(candles.open_at[-1]) + 1))
        lost = late[compared(one.candles.take(late), after).other]
        if len(lost):
            self._committed([self._write(one, lost[:0], disputed(one.candles.take(lost)))])
        windows = windows_of(candles.open_at, series.timeframe.step)
        return _Fought(len(late) - len(lost), len(settled) + len(lost), tuple(windows))

    def _together(self, one: Judged, late: NDArray[np.intp]) -> list[NDArray[np.intp]]:
        """``late`` in parts that are each heard before, or each after, what the lake has: a write has one time for all its rows."""
        at, series = one.candles.open_at[late], one.partition.series
        held = self.lake.held(series, Window(int(at[0]), int(at[-1]) + 1))
        stored = stored_of(CANDLES, self.lake.blobs.data, held.segments)
        there, got = Candles.from_arrow(stored.select(list(COLUMNS))).open_at, stored[FETCHED_AT].to_numpy()
        got_at = dict(zip(there.tolist(), got.tolist(), strict=True))
        return rounds(late, np.array([got_at.get(open_at, 0) for open_at in at.tolist()], np.int64), one.heard_at[late])

    def _committed(self, writes: Sequence[Write]) -> dict[Partition, Outcome]:
        """Commit, and make the longer candles again that this makes wrong."""
        for _ in range(TRIES if writes else 0):
            wrong = [it for one in writes for it in overtaken(self.lake, one.partition, Candles.from_arrow(one.rows))]
            try:
                _, outcomes = self.lake.commit([*writes, *wrong], run_id=self.run_id, source=self.source)
            except Outdated:
                continue  # one of the longer ones was rolled up meanwhile
            for one in writes:
                mine = [it for it in wrong if it.partition.series.market == one.partition.series.market]
                follow(self.lake, one.partition, mine, run_id=self.run_id)
            return {outcome.partition: outcome for outcome in outcomes}
        if writes:
            raise Conflict(f"{TRIES} times in a row candles made of heard ones changed first", hint="run it again")
        return {}

    @staticmethod
    def _account(one: Judged, rows: int, made: Outcome | None, fought: _Fought, torn: Sequence[Window]) -> Absorbed:
        new = made.new if made else 0
        return Absorbed(
            one.partition,
            rows,
            new=new,
            changed=fought.changed,
            unchanged=len(one.candles) - new - fought.changed - fought.apart,
            duplicates=one.duplicates,
            quarantined=len(one.rejected) + fought.apart,
            refused=one.refused,
            disputes=tuple(united([*fought.disputes, *torn])),
        )


def _superseded(rejected: Sequence[Rejected], step: int) -> list[Window]:
    """The candles of which one closed version took another's place."""
    at = [row.open_at for row in rejected if row.reason == SUPERSEDED and not row.open_at % step]
    return united(Window(one, one + step) for one in at)
