"""How a collector goes, as a file beside its log: for people, for health checks, for the terminal view.

What lives here: the shape of the file, writing and reading it, whether it tells of a collector that is well. What does not:
what happens (``live.collector``), drawing it (``cli.live``).

| path below QMD_HOME/live | has |
|---|---|
| ``<venue>/state.json`` | the newest word of the venue's collector, written anew every second |
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from qmd_platform.errors import QmdError
from qmd_platform.model.window import Instant
from qmd_platform.venues.streams.state import StreamState

NAME = "state.json"

STALE_MS = 15_000
"""A collector that has written nothing for so long is not running, whatever its last word was."""


class Connection(msgspec.Struct, frozen=True):
    """One WebSocket connection. Times are epoch ms; ``phase`` as in ``venues.streams.state``."""

    name: str
    phase: str
    since: Instant
    streams: int
    heard_at: Instant | None
    connects: int
    stalls: int
    unreadable: int
    why: str
    silent: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()


class Newest(msgspec.Struct, frozen=True):
    """The newest candle of a series: where it opens, its close so far, when it was heard (epoch ms)."""

    open_at: Instant
    close: float
    received_at: Instant


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A collector as it is at ``at`` (our clock, epoch ms).

    Attributes:
        venue: whom it listens to.
        pid: its process.
        started_at: since when.
        at: when this was written.
        is_over: whether it has ended, and written what waited.
        is_failed: whether an error ended it, which ``trouble`` tells.
        series, perpetuals: how many it listens to.
        connections: each as it told last.
        closed: the newest closed candle by series.
        forming: the newest candle in progress by series; kept nowhere else.
        queue: counters of what waited: ``put``, ``coalesced``, ``taken``, ``dropped`` by kind (each with count, total_s,
            worst_s), ``deepest``; ``waiting`` and ``age_s`` now.
        written: candles and marks that are durable.
        appends: writes they took; each ended with one wait for the disk a file.
        age_s: from the arrival of the newest written closed candle to its being durable; ``worst_age_s`` at most.
        repeated: closed candles heard again just as they were, not written again.
        contradicted: closed candles heard again with other values.
        early: candles called closed that were not over, and prices dated ahead, not written (``live.early``).
        unwritten: records that the disk refused.
        cut: bytes of torn appends found when files were opened.
        trouble: what the disk last said, or the error that ended it; empty when all was well.
        holes: by series, windows [start, end) after the first heard candle of which none was heard: for REST.
    """

    venue: str
    pid: int
    started_at: Instant
    at: Instant
    is_over: bool
    series: int
    perpetuals: int
    connections: Sequence[Connection]
    closed: Mapping[str, Newest]
    forming: Mapping[str, Newest]
    queue: Mapping[str, object]
    written: int
    appends: int
    age_s: float
    worst_age_s: float
    repeated: int
    contradicted: int
    early: int
    unwritten: int
    cut: int
    trouble: str
    holes: Mapping[str, Sequence[tuple[Instant, Instant]]]
    is_failed: bool = False

    @property
    def heard_at(self) -> Instant | None:
        """When anything was heard last."""
        return max((one.heard_at for one in self.connections if one.heard_at is not None), default=None)

    @property
    def reconnects(self) -> int:
        """Sockets that took the place of another one."""
        return sum(max(one.connects - 1, 0) for one in self.connections)

    @property
    def dropped(self) -> int:
        """Closed candles there was no room for."""
        dropped = self.queue.get("dropped")
        closed = dropped.get("closed") if isinstance(dropped, dict) else None
        return int(closed["count"]) if isinstance(closed, dict) else 0

    @property
    def refused(self) -> tuple[str, ...]:
        """What the venue refuses to tell at present, one word a subscription."""
        return tuple(why for one in self.connections for why in one.refusals)

    @property
    def silent(self) -> int:
        """Streams that have said nothing for longer than they should; one without trades does so at some venues."""
        return sum(len(one.silent) for one in self.connections)

    def phase(self, now: Instant) -> str:
        """One word for all: ``failed``, ``ended``, ``gone``, ``trouble`` (the disk), or the worst phase of its connections.

        ``refused`` where all of them tell, but not all that they were asked for.
        """
        if self.is_failed:
            return "failed"
        if self.is_over:
            return "ended"
        if now - self.at > STALE_MS:
            return "gone"
        if self.trouble:
            return "trouble"
        phases = {one.phase for one in self.connections}
        worst = next((one for one in _WORST_FIRST if one in phases), "starting")
        return "refused" if worst == "live" and self.refused else worst

    def is_well(self, now: Instant) -> bool:
        """Whether it runs, all its connections tell, nothing is refused, and the disk takes what they say."""
        return self.phase(now) == "live"


_WORST_FIRST = ("stopped", "stalled", "waiting", "connecting", "live")


def of_error(error: Exception) -> str:
    """``error`` in one line."""
    return error.message if isinstance(error, QmdError) else f"{type(error).__name__}: {error}"


def of_state(state: StreamState) -> Connection:
    """What is told of a connection."""
    counters = {name: count for name, count in state.counters.items() if isinstance(count, int)}
    return Connection(
        name=state.connection,
        phase=state.phase.value,
        since=state.since,
        streams=state.streams,
        heard_at=state.heard_at,
        connects=counters.get("connects", 0),
        stalls=counters.get("stalls", 0),
        unreadable=counters.get("unreadable", 0),
        why=state.why,
        silent=state.silent,
        refusals=tuple(one.message for one in state.refusals),
    )


def write(folder: Path, told: Told) -> None:
    """Put ``told`` in the place of the file; a reader sees the old one or the new one."""
    target = folder / NAME
    draft = target.with_suffix(".tmp")
    draft.write_bytes(msgspec.json.encode(told))
    draft.replace(target)


def read(folder: Path) -> Told | None:
    """What the collector of one venue said last; None when none ever ran, or what is there is of another version."""
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=Told)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def read_all(folder: Path) -> list[Told]:
    """The last words of all collectors of a home, by venue."""
    found = (read(path.parent) for path in sorted(folder.glob(f"*/{NAME}")))
    return [one for one in found if one is not None]
