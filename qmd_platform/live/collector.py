"""From a venue's WebSocket to the log: hear, let wait, write, tell.

What lives here: the three tasks of a collector and how it ends. What does not: connections (``venues.streams``), what waits
(``live.queue``), what is worth writing (``live.keeping``), the log (``live.log``), its process (``live.child``).

Who writes begins before anybody hears. Writing waits for the disk in a thread, at most once a second or when much waits,
so that a candle counts within about a second, and the disk is waited for once for all of a minute's candles. When it ends,
however it ends, what waited is written first.
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol

from qmd_platform.errors import LakeError
from qmd_platform.live import told
from qmd_platform.live.keeping import REMEMBERED, Keeping
from qmd_platform.live.log import Log
from qmd_platform.live.places import DAY
from qmd_platform.live.queue import Batch, Queue
from qmd_platform.live.tasks import first_of, to_its_end
from qmd_platform.live.told import Told
from qmd_platform.model.series import Market, Series
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues.streams.records import Heard
from qmd_platform.venues.streams.state import StreamState

BATCH_SECONDS = 1.0
"""So often the disk is waited for at most, unless ``BATCH_RECORDS`` wait."""

BATCH_RECORDS = 5_000

TELL_SECONDS = 1.0

KEPT_DAYS = 7
"""Files that nobody wrote to for so many days go, whether the lake has taken them in or not: REST has what is older."""

TIDY_SECONDS = 3600.0


class Listen(Protocol):
    """What ``venues.streams.listening.listen`` is called like."""

    def __call__(
        self,
        venue: str,
        wanted: Sequence[Series | Market],
        /,
        *,
        on_heard: Callable[[Heard], None],
        on_state: Callable[[StreamState], None] | None,
        url: str | None,
    ) -> Awaitable[None]:
        """Listen for ever."""


def _now() -> Instant:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Written:
    """What became durable, and how long it took from its arrival."""

    records: int = 0
    appends: int = 0
    age_s: float = 0.0
    worst_age_s: float = 0.0
    unwritten: int = 0
    trouble: str = ""


@dataclass(slots=True)
class Collector:
    """Collects what ``venue`` says of ``wanted`` into ``log``.

    Attributes:
        venue: one venue.
        wanted: series for their closed candles, perpetuals for their marks.
        log: where to; nobody else writes to its files of the venue.
        listen: who hears.
        url: a sandbox in place of the venue.
        room: records that may wait.
        batch_seconds: how often the disk is waited for at most.
        marks_seconds: how often a perpetual's prices are kept.
    """

    venue: str
    wanted: Sequence[Series | Market]
    log: Log
    listen: Listen
    url: str | None = None
    room: int = 20_000
    batch_seconds: float = BATCH_SECONDS
    marks_seconds: float = 60.0
    written: Written = field(default_factory=Written, init=False)
    keeping: Keeping = field(init=False)
    queue: Queue = field(init=False)
    _states: dict[str, StreamState] = field(default_factory=dict, init=False)
    _tidy_at: float = field(default=0.0, init=False)
    _untold: str = field(default="", init=False)
    _started_at: Instant = field(default_factory=_now, init=False)

    def __post_init__(self) -> None:
        self.keeping = Keeping(self.marks_seconds, is_live=self.log.claims == "live")
        self.queue = Queue(self.room, on_hole=self.keeping.lost)

    async def run(self) -> None:
        """Until cancelled. What ends listening is raised, after what waited is written."""
        self._resume()
        self.queue.open()
        writer = asyncio.create_task(self._write())
        teller = asyncio.create_task(self._tell())
        try:
            hearing = asyncio.ensure_future(
                self.listen(self.venue, self.wanted, on_heard=self.queue.put, on_state=self._state, url=self.url)
            )
            await first_of(hearing, writer, teller)
        finally:
            error = sys.exception()
            failure = told.of_error(error) if isinstance(error, Exception) else ""  # to be cancelled is none
            await to_its_end(self._end(writer, teller, failure))

    async def _end(self, writer: "asyncio.Task[None]", teller: "asyncio.Task[None]", failure: str) -> None:
        """Write what waits, and say the last word."""
        writer.cancel()
        teller.cancel()
        await asyncio.gather(writer, teller, return_exceptions=True)
        try:
            await self._take(self.queue.drained(), is_last=True)
        finally:
            self._say(is_over=True, failure=failure)

    def _resume(self) -> None:
        """Know what an earlier collector has heard. Its rows are read by a log of their own, to be forgotten again."""
        earlier = Log(self.log.folder)
        for one in self.wanted:
            if isinstance(one, Series) and (end := earlier.heard_until(one)) is not None:
                window = Window(end - REMEMBERED * one.timeframe.step, end)
                self.keeping.resume(one, earlier.heard(one, window))

    def _state(self, state: StreamState) -> None:
        self._states[state.connection] = state

    async def _write(self) -> None:
        while True:
            await self.queue.some()
            began = time.monotonic()
            # Not to be cancelled in the middle: what was taken is neither waiting nor written then.
            await to_its_end(self._take(self.queue.drained()))
            await self.queue.some(BATCH_RECORDS, max(self.batch_seconds - (time.monotonic() - began), 0))

    async def _take(self, batch: Batch, *, is_last: bool = False) -> None:
        """Write what of ``batch`` is worth it; the disk is waited for in a thread."""
        records = self.keeping.worth(batch, time.monotonic(), is_last=is_last)
        if not records:
            return
        try:
            await asyncio.to_thread(self._append, records)
        except LakeError as error:
            self.written.unwritten += len(records)
            self.written.trouble = error.message
            self.keeping.refused(records)
            return
        self.keeping.kept(records)
        self.written.records += len(records)
        self.written.appends += 1
        self.written.trouble = ""
        if batch.since is not None:
            self.written.age_s = time.monotonic() - batch.since
            self.written.worst_age_s = max(self.written.worst_age_s, self.written.age_s)

    def _append(self, records: Sequence[Heard]) -> None:
        self.log.append(records)
        if time.monotonic() >= self._tidy_at:
            self.log.expire(_now() - KEPT_DAYS * DAY, self.venue)
            self._tidy_at = time.monotonic() + TIDY_SECONDS

    async def _tell(self) -> None:
        while True:
            self._say()
            await asyncio.sleep(TELL_SECONDS)

    def _say(self, *, is_over: bool = False, failure: str = "") -> None:
        """Tell. A disk without room for the word ends nothing: the next word says that this one was refused."""
        folder = self.log.folder / self.venue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            told.write(folder, self.told(is_over=is_over, failure=failure))
        except OSError as error:
            self._untold = f"cannot write {folder / told.NAME}: {error.strerror}"
        else:
            self._untold = ""

    def told(self, *, is_over: bool = False, failure: str = "") -> Told:
        """How it goes; ``failure``: what ended it."""
        written, keeping = self.written, self.keeping
        figures = {**asdict(self.queue.figures), "waiting": len(self.queue), "age_s": self.queue.age_s}
        return Told(
            venue=self.venue,
            pid=os.getpid(),
            started_at=self._started_at,
            at=_now(),
            is_over=is_over,
            is_failed=bool(failure),
            series=sum(isinstance(one, Series) for one in self.wanted),
            perpetuals=sum(isinstance(one, Market) for one in self.wanted),
            connections=[told.of_state(one) for one in self._states.values()],
            closed={str(series): one for series, one in keeping.closed.items()},
            forming={str(series): one for series, one in keeping.forming.items()},
            queue=figures,
            written=written.records,
            appends=written.appends,
            age_s=written.age_s,
            worst_age_s=written.worst_age_s,
            repeated=keeping.repeated,
            contradicted=keeping.contradicted,
            early=keeping.early,
            unwritten=written.unwritten,
            cut=self.log.cut,
            trouble=failure or written.trouble or self._untold,
            holes={
                str(series): [(it.start, it.end) for it in holes] for series, holes in keeping.holes.items() if holes
            },
        )
