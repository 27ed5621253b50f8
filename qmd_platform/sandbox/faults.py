"""The fault plan: which requests go wrong, and how.

What lives here: reading the plan and deciding, request by request, which fault strikes. What does not: doing it to
the answer (``service``). The same requests in the same order meet the same faults.

| kind | what the client sees |
|---|---|
| ``empty_page`` | candles: an empty list with status 200 |
| ``short_page`` | candles: the first half of the rows |
| ``throttle`` | status 429 (or ``status``) with ``Retry-After: retry_after`` and the venue's own body |
| ``server_error`` | status 503 (or ``status``) and the venue's own body |
| ``hang`` | nothing for ``seconds``, then the right answer |
| ``truncated_json`` | status 200, the first half of the body |
| ``html`` | status 200, a page of HTML |
| ``cut_connection`` | the first half of the body, then the connection closes |

Which requests: those of ``venue`` (default all) whose path contains ``path`` (default all); of these every
``every``-th, or those counted in ``at`` (from 1), or the ``first`` so many, or all; at most ``times`` in total.
``empty_page`` and ``short_page`` count requests for candles only.
"""

from dataclasses import dataclass, field
from pathlib import Path

from qmd_platform.sandbox.tomlfile import Entry, entries
from qmd_platform.sandbox.universe import VENUES

_OPTIONS: dict[str, frozenset[str]] = {
    "empty_page": frozenset(),
    "short_page": frozenset(),
    "throttle": frozenset({"retry_after", "status"}),
    "server_error": frozenset({"status"}),
    "hang": frozenset({"seconds"}),
    "truncated_json": frozenset(),
    "html": frozenset(),
    "cut_connection": frozenset(),
}
KINDS = tuple(_OPTIONS)
_WHICH = ("every", "at", "first")
_SELECTORS = ("kind", "venue", "path", *_WHICH, "times")
_KEYS = (*_SELECTORS, "retry_after", "status", "seconds")
_OF_CANDLES = frozenset({"empty_page", "short_page"})
_STATUSES = {"throttle": range(400, 500), "server_error": range(500, 600)}


@dataclass(slots=True)
class Fault:
    """One entry of the plan, and how often it was met and struck so far."""

    kind: str
    venue: str | None = None
    path: str = ""
    every: int | None = None
    at: frozenset[int] | None = None
    first: int | None = None
    times: int | None = None
    retry_after: float = 1
    status: int = 503
    seconds: float = 60
    met: int = field(default=0, init=False)
    struck: int = field(default=0, init=False)

    def matches(self, venue: str, path: str, *, is_candles: bool) -> bool:
        """Whether the entry is about such a request at all."""
        if self.kind in _OF_CANDLES and not is_candles:
            return False
        return self.venue in {None, venue} and self.path in path

    def strikes(self) -> bool:
        """Count one more matching request, and say whether it is one that goes wrong."""
        self.met += 1
        if self.times is not None and self.struck >= self.times:
            return False
        if self.every is not None:
            return self.met % self.every == 0
        if self.at is not None:
            return self.met in self.at
        return self.first is None or self.met <= self.first


class FaultPlan:
    """All entries, in the order written: the first that strikes wins, each counts for itself."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults

    @classmethod
    def load(cls, path: Path) -> "FaultPlan":
        """The plan in the TOML file ``path``: ``[[fault]]`` tables.

        Raises:
            ConfigError: names file, entry, key and choices.
        """
        return cls([_fault(entry) for entry in entries(path, "fault", _KEYS)])

    def strike(self, venue: str, path: str, *, is_candles: bool) -> Fault | None:
        """The fault that befalls this request; None when it may go well."""
        struck: Fault | None = None
        for fault in self.faults:
            if fault.matches(venue, path, is_candles=is_candles) and fault.strikes() and struck is None:
                struck = fault
        if struck is not None:
            struck.struck += 1
        return struck

    def reset(self) -> None:
        """Start counting again."""
        for fault in self.faults:
            fault.met = fault.struck = 0


def _fault(entry: Entry) -> Fault:
    kind = entry.choice("kind", KINDS)
    if stray := sorted(entry.values.keys() - set(_SELECTORS) - _OPTIONS[kind]):
        raise entry.refused(f"{stray[0]} says nothing about {kind}", "leave it out")
    which = [key for key in _WHICH if key in entry.values]
    if len(which) > 1:
        raise entry.refused(f"{which[0]} and {which[1]} contradict each other", "keep one of them")
    fault = Fault(
        kind,
        venue=entry.choice("venue", VENUES) if "venue" in entry.values else None,
        path=entry.text("path") if "path" in entry.values else "",
        every=entry.whole("every", 1),
        at=_counts(entry) if "at" in entry.values else None,
        first=entry.whole("first", 1),
        times=entry.whole("times", 1),
        status=_status(entry, kind),
    )
    fault.retry_after = _or(entry.number("retry_after"), fault.retry_after)
    fault.seconds = _or(entry.number("seconds"), fault.seconds)
    return fault


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _counts(entry: Entry) -> frozenset[int]:
    value = entry.values["at"]
    if not isinstance(value, list) or not value or not all(type(n) is int and n > 0 for n in value):
        raise entry.refused("at must be a list of request numbers, the first being 1")
    return frozenset(value)


def _status(entry: Entry, kind: str) -> int:
    status = entry.whole("status")
    if status is None:
        return 429 if kind == "throttle" else 503
    valid = _STATUSES[kind]
    if status not in valid:
        raise entry.refused(f"status {status} is not for {kind}", f"between {valid[0]} and {valid[-1]}")
    return status
