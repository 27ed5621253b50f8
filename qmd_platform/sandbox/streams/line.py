"""The way from a venue to one client, with everything that can go wrong on it.

What lives here: the faults of WebSockets, done to messages. What does not: which faults there are and when they strike
(``sandbox.faults``), sockets (``connection``).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from qmd_platform.model.window import Instant
from qmd_platform.sandbox.faults import MESSAGES, OF_STREAMS, Fault, FaultPlan
from qmd_platform.sandbox.streams.dialect import Dialect, Kind, Said, Topic

_TO_CONNECTIONS = frozenset({"ws_refused", "ws_restart"})
_TO_TIMES = frozenset({"ws_skew"})
_TO_MESSAGES = OF_STREAMS - _TO_CONNECTIONS - _TO_TIMES - {"ws_stall"}


@dataclass(frozen=True, slots=True)
class Mischief:
    """The fault plan as WebSockets see it. ``plan`` tells the one there is now, ``count`` counts what struck."""

    plan: Callable[[], FaultPlan]
    count: Callable[[str], None]

    def refuses(self, venue: str, path: str, now: Instant) -> bool:
        """Whether a connection to ``path`` is refused."""
        return self._struck(_TO_CONNECTIONS, venue, path, now, "") is not None

    def restarts(self, venue: str, now: Instant) -> bool:
        """Whether the venue's server restarts at ``now``; counted by ``ended``."""
        return any(one.kind == "ws_restart" and one.is_about(venue, "", now) for one in self.plan().faults)

    def ended(self, venue: str, now: Instant) -> None:
        """Count a connection that a restart has ended."""
        self._struck({"ws_restart"}, venue, "", now, "")

    def ahead(self, venue: str, target: str, now: Instant, kind: Kind) -> int:
        """How many ms ahead the time is that a message says."""
        fault = self._struck(_TO_TIMES, venue, target, now, kind)
        return 0 if fault is None else round(fault.seconds * 1000)

    def befalls(self, venue: str, target: str, now: Instant, kind: Kind) -> Fault | None:
        """The fault that befalls a message with data."""
        return self._struck(_TO_MESSAGES, venue, target, now, kind)

    def silences(self, venue: str, target: str, now: Instant, kind: Kind) -> bool:
        """Whether a stall keeps a message back for ever."""
        for fault in self.plan().faults:
            if fault.kind == "ws_stall" and fault.is_about(venue, target, now) and _is_silent(fault, kind):
                fault.met += 1
                fault.struck += 1
                self.count(fault.kind)
                return True
        return False

    def is_dead(self, venue: str, now: Instant) -> bool:
        """Whether connections are open and nothing comes, not even frames."""
        stalls = (one for one in self.plan().faults if one.kind == "ws_stall" and one.is_about(venue, "", now))
        return any(not (one.heartbeats or one.message or one.path) for one in stalls)

    def _struck(
        self, kinds: frozenset[str] | set[str], venue: str, target: str, now: Instant, kind: str
    ) -> Fault | None:
        fault = self.plan().strike_stream(kinds, venue, target, now, kind)
        if fault is not None:
            self.count(fault.kind)
        return fault


def _is_silent(fault: Fault, kind: Kind) -> bool:
    """Whether the stall is about a message of this kind: with ``heartbeats``, ``path`` or ``message`` data only."""
    if fault.message is not None:
        return kind == fault.message
    return kind in MESSAGES or not (fault.heartbeats or fault.path)


class Line:
    """One client's line. ``path`` is the venue's own, below its name."""

    def __init__(self, mischief: Mischief, dialect: Dialect) -> None:
        self._mischief = mischief
        self._dialect = dialect
        self._late: dict[str, list[tuple[int, Said]]] = {}

    def ahead(self, topic: Topic, kind: Kind, now: Instant) -> int:
        """See ``Mischief``."""
        return self._mischief.ahead(self._dialect.VENUE, self._target(topic), now, kind)

    def is_dead(self, now: Instant) -> bool:
        """See ``Mischief``."""
        return self._mischief.is_dead(self._dialect.VENUE, now)

    def through(self, said: Said, now: Instant) -> list[Said]:
        """What becomes of a message, in order. One of kind ``CUT`` is the end of the connection."""
        venue, target = self._dialect.VENUE, self._target(said.topic)
        if self._mischief.silences(venue, target, now, said.kind):
            return []
        if said.kind not in MESSAGES:
            return [said]
        fault = self._mischief.befalls(venue, target, now, said.kind)
        if fault is not None and fault.kind == "ws_reorder":
            self._late.setdefault(target, []).append((fault.within, said))
            return []
        told = [said] if fault is None else self._spoiled(fault, said, now)
        return [*told, *self._overdue(target)]

    def _spoiled(self, fault: Fault, said: Said, now: Instant) -> list[Said]:
        if fault.kind == "ws_duplicate":
            return [said, said]
        if fault.kind == "ws_truncated":
            return [replace(said, text=said.text[: len(said.text) // 2])]
        if fault.kind == "ws_unknown":
            return [Said(self._dialect.novelty(now), Kind.ANSWER), said]
        return [replace(said, kind=Kind.CUT)] if fault.kind == "ws_cut" else []

    def _overdue(self, target: str) -> list[Said]:
        """The late ones of this topic that have been overtaken as often as they were to be."""
        late = [(left - 1, said) for left, said in self._late.pop(target, [])]
        waiting = [(left, said) for left, said in late if left > 0]
        if waiting:
            self._late[target] = waiting
        return [said for left, said in late if left <= 0]

    def _target(self, topic: Topic | None) -> str:
        """What ``path`` of a fault is looked for in: address, topic, market."""
        return self._dialect.path if topic is None else f"{self._dialect.path} {topic.wire} {topic.listing.market}"
