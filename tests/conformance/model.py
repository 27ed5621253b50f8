"""A lake as a dict: what ``Lake`` must say after any commits, computed the simple way.

What lives here: ``Model``. What does not: the lake beside it (``test_model``). Nothing here is shared with the lake's own
code but the plain values (windows, runs, candles).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from qmd_platform.lake.store import Write
from qmd_platform.lake.writes import NOT_RECEIVED
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run, State

Said = tuple[State, str]
"""A candle's state and its cause."""


class Row(NamedTuple):
    """A candle: where it stands when another one has its time, and its values' bits."""

    rank: int
    fetched_at: int
    bits: bytes

    def is_as_good(self, other: "Row", *, is_timed: bool) -> bool:
        """Whether ``other``, which says the same, is of the same rank (and time)."""
        return self.rank == other.rank and (not is_timed or self.fetched_at == other.fetched_at)


@dataclass
class Model:
    """What is there, what is known of every candle, and all that was there and known after each commit."""

    rows: dict[int, Row] = field(default_factory=dict)
    known: dict[int, Said] = field(default_factory=dict)
    versions: dict[Partition, int] = field(default_factory=dict)
    revised: list[tuple[int, int, bytes, bytes]] = field(default_factory=list)
    rejected: set[tuple[int, str]] = field(default_factory=set)
    asked: dict[int, tuple[int, int]] = field(default_factory=dict)
    """How often a candle that is not there was asked for, and when last."""
    evidence: set[tuple[int, Answered]] = field(default_factory=set)
    past: dict[int, "Model"] = field(default_factory=dict)
    _writes: int = 0

    def commit(self, writes: Iterable[Write], number: int) -> None:
        """What a commit with this number made of it."""
        self._writes += 1
        held = list(writes)
        revised = [one for write in held for one in self._write(write)]
        self.revised += [(number, *one) for one in sorted(revised)]
        self.evidence |= {(number, one) for write in held for one in write.evidence}
        self.keep(number)

    def keep(self, number: int) -> None:
        """Remember everything as it is after a commit."""
        self.past[number] = Model(dict(self.rows), dict(self.known), dict(self.versions))

    def _write(self, write: Write) -> list[tuple[int, bytes, bytes]]:
        before = self._of(write.partition)
        states = {at: said[0] for at, said in before[1].items()}
        fetched_at = 2**50 + self._writes if write.fetched_at is None else write.fetched_at
        written = {at: Row(write.source_rank, fetched_at, bits) for at, bits in bits_of(write).items()}
        if write.replace:
            self._replace(before[0], written, is_timed=write.fetched_at is not None)
        else:
            for at, row in written.items():
                self.rows[at] = better(self.rows.get(at), row, is_timed=write.fetched_at is not None)
        self._account(write)
        after = self._of(write.partition)
        refused = {(one.open_at, one.reason) for one in write.rejected} - self.rejected
        self.rejected |= refused
        self._ask(write, states)
        is_first = bool(write.evidence) and not self.versions.get(write.partition)
        is_more = before != after or bool(refused) or is_first
        self.versions[write.partition] = self.versions.get(write.partition, 0) + is_more
        gone = [(at, bits, b"") for at, bits in before[0].items() if at not in after[0]]
        return gone + [(at, bits, after[0][at]) for at, bits in before[0].items() if after[0].get(at, bits) != bits]

    def _replace(self, before: dict[int, bytes], written: dict[int, Row], *, is_timed: bool) -> None:
        is_same = before == {at: row.bits for at, row in written.items()}
        if is_same and all(self.rows[at].is_as_good(row, is_timed=is_timed) for at, row in written.items()):
            return
        for at in before:
            del self.rows[at]
            del self.known[at]
        self.rows |= written

    def _account(self, write: Write) -> None:
        step = write.partition.series.timeframe.step
        explained = {one.open_at: (State.QUARANTINED, one.reason) for one in sorted(write.rejected)}
        explained |= {at: (run.state, run.cause) for run in write.explained for at in instants(run, step)}
        for window in write.asked:
            for at in range(window.start, window.end, step):
                self.known[at] = explained.get(at, (State.MISSING, NOT_RECEIVED))
        inside = write.partition.window
        self.known |= {at: (State.PRESENT, "") for at in self.rows if inside.contains(at)}

    def _ask(self, write: Write, before: dict[int, State]) -> None:
        inside, step = write.partition.window, write.partition.series.timeframe.step
        for at in range(inside.start, inside.end, step):
            times = [one.at for one in write.evidence if one.window.contains(at)]
            state = self.known.get(at, (State.PRESENT, ""))[0]
            if state in {State.PRESENT, State.UNLISTED} or before.get(at, state) is not state:
                self.asked.pop(at, None)  # what is known is as old as the change
            if state not in {State.PRESENT, State.UNLISTED} and times:
                asks, last_at = self.asked.get(at, (0, 0))
                self.asked[at] = (asks + 1, max(*times, last_at))

    def _of(self, partition: Partition) -> tuple[dict[int, bytes], dict[int, Said]]:
        inside = partition.window
        rows = {at: row.bits for at, row in self.rows.items() if inside.contains(at)}
        return rows, {at: said for at, said in self.known.items() if inside.contains(at)}


def better(old: Row | None, new: Row, *, is_timed: bool) -> Row:
    """Which of two rows for one candle stays. The same values told again change nothing without a time or a rank."""
    if old is None or (old.bits == new.bits and not is_timed):
        return new if old is None or new.rank > old.rank else old
    return new if (new.rank, new.fetched_at) >= (old.rank, old.fetched_at) else old


def bits_of(write: Write) -> dict[int, bytes]:
    """The bits of a write's rows by time; of rows with the same time the last."""
    return bits(Candles.from_arrow(write.rows))


def bits(candles: Candles) -> dict[int, bytes]:
    """The bits of every row's values, by time."""
    columns = [getattr(candles, name) for name in COLUMNS[1:]]
    return {
        int(at): b"".join(column[number].tobytes() for column in columns) for number, at in enumerate(candles.open_at)
    }


def said(runs: Iterable[Run], step: int) -> dict[int, Said]:
    """Runs, candle by candle."""
    return {at: (run.state, run.cause) for run in runs for at in instants(run, step)}


def instants(run: Run, step: int) -> range:
    """The open times of a run's candles."""
    return range(run.window.start, run.window.end, step)
