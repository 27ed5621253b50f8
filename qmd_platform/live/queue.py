"""The room between who hears and who writes: bounded, with every drop and every age counted.

What lives here: what waits, what goes first when there is no room, the counters. What does not: hearing
(``venues.streams``), writing (``live.collector``).

Of a candle that forms, and of a perpetual's prices, only the newest word matters: a newer one takes the place of the one
that waits, which is counted as coalesced. When there is no room, forming candles go first, then prices; a closed candle
goes only when nothing else is left, the one that has waited longest, and is remembered as a hole that REST is to fill.
Whoever takes must have begun before anything is put.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from qmd_platform.errors import QmdError
from qmd_platform.model.series import Market, Series
from qmd_platform.model.window import Instant
from qmd_platform.venues.streams.records import Heard, HeardCandle, HeardMark

ROOM = 20_000
"""Records that may wait: 200 markets' closed candles of more than an hour and a half."""

KINDS = ("closed", "forming", "marks")

Key = TypeVar("Key")
Value = TypeVar("Value", HeardCandle, HeardMark)

Told = tuple[bool, ...]
"""Which fields of a mark were said: messages of different kinds do not take each other's place."""


@dataclass(slots=True)
class Waited:
    """How long records of one kind have waited, in seconds."""

    count: int = 0
    total_s: float = 0.0
    worst_s: float = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.count += 1
        self.total_s += seconds
        self.worst_s = max(self.worst_s, seconds)


@dataclass(slots=True)
class Figures:
    """Counters of a queue since its start; ``put`` = taken + coalesced + dropped + waiting.

    Attributes:
        put: records by kind: ``closed``, ``forming``, ``marks``.
        coalesced: records whose place a newer one took while they waited.
        taken: how many were taken, and after which time.
        dropped: how many there was no room for, and how old they were.
        deepest: records that waited at most.
    """

    put: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    coalesced: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    taken: dict[str, Waited] = field(default_factory=lambda: {kind: Waited() for kind in KINDS})
    dropped: dict[str, Waited] = field(default_factory=lambda: {kind: Waited() for kind in KINDS})
    deepest: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """What waited, by kind, in the order it was put; and since when the first closed candle did (the queue's clock)."""

    closed: list[HeardCandle]
    forming: list[HeardCandle]
    marks: list[HeardMark]
    since: float | None = None

    def __len__(self) -> int:
        return len(self.closed) + len(self.forming) + len(self.marks)


class Queue:
    """For one event loop: ``put`` never waits; ``some`` waits until there is something, ``drained`` takes it.

    Args:
        room: records that may wait.
        on_hole: told of every closed candle that is dropped: its series and open time.
        clock: seconds, only forward.
    """

    def __init__(
        self,
        room: int = ROOM,
        *,
        on_hole: Callable[[Series, Instant], None] = lambda _series, _at: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._room = room
        self._on_hole = on_hole
        self._clock = clock
        self._closed: deque[tuple[float, HeardCandle]] = deque()
        self._forming: dict[Series, tuple[float, HeardCandle]] = {}
        self._marks: dict[tuple[Market, Told], tuple[float, HeardMark]] = {}
        self._there = asyncio.Event()
        self._wanted = 1
        self._is_open = False
        self.figures = Figures()

    def __len__(self) -> int:
        return len(self._closed) + len(self._forming) + len(self._marks)

    @property
    def age_s(self) -> float:
        """For how long the record has waited that has waited longest."""
        first = [at for at, _ in (*list(self._closed)[:1], *self._forming.values(), *self._marks.values())]
        return self._clock() - min(first) if first else 0.0

    def open(self) -> None:
        """Say that from now on somebody takes."""
        self._is_open = True

    def put(self, heard: Heard) -> None:
        """Have ``heard`` wait. QmdError where nobody takes yet: what is put then would only grow old."""
        if not self._is_open:
            raise QmdError("something was heard before anybody could write it down", hint="open the queue first")
        now = self._clock()
        if isinstance(heard, HeardMark):
            self._newest("marks", self._marks, (heard.market, told_fields(heard)), (now, heard))
        elif heard.is_closed:
            self._put_closed(now, heard)
        else:
            self._newest("forming", self._forming, heard.series, (now, heard))
        self.figures.deepest = max(self.figures.deepest, len(self))
        self._note()

    async def some(self, count: int = 1, within: float | None = None) -> None:
        """Wait until ``count`` records wait, at most ``within`` seconds (None: for ever)."""
        self._wanted = count
        self._note()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._there.wait()

    def drained(self) -> Batch:
        """All that waits; nothing where nothing does."""
        now = self._clock()
        closed, forming, marks = list(self._closed), list(self._forming.values()), list(self._marks.values())
        times = ([at for at, _ in closed], [at for at, _ in forming], [at for at, _ in marks])
        for kind, parts in zip(KINDS, times, strict=True):
            for at in parts:
                self.figures.taken[kind].add(now - at)
        self._closed.clear()
        self._forming.clear()
        self._marks.clear()
        self._note()
        since = closed[0][0] if closed else None
        return Batch([it for _, it in closed], [it for _, it in forming], [it for _, it in marks], since)

    def _note(self) -> None:
        if len(self) >= self._wanted:
            self._there.set()
        else:
            self._there.clear()

    def _newest(self, kind: str, waiting: dict[Key, tuple[float, Value]], key: Key, entry: tuple[float, Value]) -> None:
        self.figures.put[kind] += 1
        if waiting.pop(key, None) is not None:
            self.figures.coalesced[kind] += 1
        elif len(self) >= self._room and not (kind == "marks" and self._gave_way(self._forming, "forming")):
            self.figures.dropped[kind].add(0.0)
            return
        waiting[key] = entry

    def _put_closed(self, now: float, heard: HeardCandle) -> None:
        self.figures.put["closed"] += 1
        if len(self) >= self._room and not (
            self._gave_way(self._forming, "forming") or self._gave_way(self._marks, "marks")
        ):
            at, lost = self._closed.popleft()
            self.figures.dropped["closed"].add(now - at)
            self._on_hole(lost.series, lost.open_at)
        self._closed.append((now, heard))

    def _gave_way(self, waiting: dict[Key, tuple[float, Value]], kind: str) -> bool:
        """Drop the one of ``waiting`` that has waited longest; False where none does."""
        if not waiting:
            return False
        at, _ = waiting.pop(next(iter(waiting)))
        self.figures.dropped[kind].add(self._clock() - at)
        return True


def told_fields(mark: HeardMark) -> Told:
    """Which fields of ``mark`` were said."""
    said = (mark.mark, mark.index, mark.predicted_rate, mark.next_settlement_at, mark.open_interest)
    return tuple(value is not None for value in said)
