"""Reading a fault plan: from a file, from the body of a request, from a test.

What lives here: ``[[fault]]`` tables checked key by key. What does not: what the kinds do (``faults`` lists them).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from qmd_platform.sandbox.faults import (
    BAD_VALUES,
    KINDS,
    MESSAGES,
    OF_MARKETS,
    OF_STREAMS,
    OPTIONS,
    Fault,
    FaultPlan,
)
from qmd_platform.sandbox.tomlfile import Entry, entries, parsed, tables
from qmd_platform.sandbox.universe import OMITS_EMPTY, VENUES

Faults = Path | str | Sequence[Mapping[str, object]]
"""A plan: a file's path, or its tables as mappings."""

_COUNTED = ("every", "at", "first")
_WHICH = (*_COUNTED, "share")
_SELECTORS = ("kind", "venue", "path", *_COUNTED, "times", "since", "until")
_LASTING = {"ws_stall": {"kind", "venue", "path", "since", "until"}, "ws_restart": {"kind", "venue", "since", "until"}}
"""Kinds that last from ``since`` to ``until`` and count nothing, and what selects for them."""
_KEYS = (*_SELECTORS, *sorted(frozenset[str]().union(*OPTIONS.values()) - set(_SELECTORS)))
_STATUSES = {"throttle": range(400, 500), "server_error": range(500, 600), "outage": range(500, 600)}
_USUAL_STATUS = {"throttle": 429, "ban": 418}
_USUAL_BAN = 120.0


def plan(faults: Faults | None) -> FaultPlan:
    """The plan that ``faults`` is or names; one without faults for None.

    Raises:
        ConfigError: names the place, entry, key and choices.
    """
    if faults is None:
        return FaultPlan()
    if isinstance(faults, Path | str):
        return FaultPlan(_read(entries(Path(faults), "fault", _KEYS)))
    return FaultPlan(_read(tables({"fault": faults}, "faults", "fault", _KEYS)))


def plan_of_text(text: str, where: str) -> FaultPlan:
    """The plan in TOML or JSON ``text``; ``where`` it is from, for messages. ConfigError as of ``plan``."""
    return FaultPlan(_read(tables(parsed(text, where), where, "fault", _KEYS)))


def _read(found: Iterable[Entry]) -> list[Fault]:
    return [_fault(entry) for entry in found]


def _fault(entry: Entry) -> Fault:
    kind = entry.choice("kind", KINDS)
    selectors = {"kind"} if kind in OF_MARKETS else _LASTING.get(kind, set(_SELECTORS))
    if stray := sorted(entry.values.keys() - selectors - OPTIONS[kind]):
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
        since=entry.moment("since"),
        until=entry.moment("until"),
        status=_status(entry, kind),
        retry_after=_or(entry.number("retry_after"), _USUAL_BAN if kind == "ban" else 1),
    )
    _READERS.get(kind, _of_stream if kind in OF_STREAMS else _nothing_else)(entry, fault)
    return fault


def _nothing_else(entry: Entry, fault: Fault) -> None:
    """The kind has no options of its own."""


def _hang(entry: Entry, fault: Fault) -> None:
    fault.seconds = _or(entry.number("seconds"), fault.seconds)


def _clock_skew(entry: Entry, fault: Fault) -> None:
    fault.seconds = _or(entry.number("seconds", least=float("-inf")), fault.seconds)


def _of_stream(entry: Entry, fault: Fault) -> None:
    fault.message = entry.choice("message", MESSAGES) if "message" in entry.values else None
    fault.share = entry.number("share")
    if fault.share is not None and fault.share > 1:
        raise entry.refused(f"share must be at most 1, not {fault.share!r}", "0.1 strikes a tenth of all")
    fault.seed = entry.whole("seed") or 0
    if "seed" in entry.values and fault.share is None:
        raise entry.refused("seed without share decides nothing", "add a share, such as 0.1, or leave seed out")
    fault.within = entry.whole("within", 1) or fault.within
    fault.heartbeats = entry.flag("heartbeats")


def _ws_skew(entry: Entry, fault: Fault) -> None:
    _of_stream(entry, fault)
    if fault.message == "snapshot":
        raise entry.refused("snapshots say no time that could be skewed", "choose another message, or leave it out")
    _clock_skew(entry, fault)


def _lasting(entry: Entry, fault: Fault) -> None:
    _of_stream(entry, fault)
    for key, moment in (("since", fault.since), ("until", fault.until)):
        if moment is None:
            raise entry.refused(f"the key {key} is missing")


def _outage(entry: Entry, fault: Fault) -> None:
    fault.refused = entry.flag("refused")
    if fault.since is None or fault.until is None:
        raise entry.refused(f"the key {'since' if fault.since is None else 'until'} is missing")
    if fault.refused and "status" in entry.values:
        raise entry.refused("status and refused contradict each other", "keep one of them")


def _wrong_market(entry: Entry, fault: Fault) -> None:
    fault.of = entry.market("of") if "of" in entry.values else None


def _bad_values(entry: Entry, fault: Fault) -> None:
    fault.value = entry.choice("value", BAD_VALUES) if "value" in entry.values else fault.value


def _shifted(entry: Entry, fault: Fault) -> None:
    value = entry.values.get("by", 1)
    if value not in (1, -1) or isinstance(value, bool):
        raise entry.refused(f"by must be 1 (late) or -1 (early), not {value!r}")
    fault.by = 1 if value == 1 else -1


def _stated_interval(entry: Entry, fault: Fault) -> None:
    fault.hours = entry.whole("hours", 1) or fault.hours


def _of_market(entry: Entry, fault: Fault) -> None:
    fault.market = entry.market()
    if fault.market.venue not in VENUES:
        raise entry.refused(f"the sandbox plays no venue {fault.market.venue!r}", f"choose from {', '.join(VENUES)}")
    fault.window = entry.window()


def _gap(entry: Entry, fault: Fault) -> None:
    _of_market(entry, fault)
    fault.flat = entry.flag("flat")
    if fault.flat and fault.market is not None and fault.market.venue in OMITS_EMPTY:
        raise entry.refused(f"{fault.market.venue} prints no flat candles", "leave flat out")


def _hole(entry: Entry, fault: Fault) -> None:
    _of_market(entry, fault)
    fault.timeframe = entry.timeframe()


def _restated(entry: Entry, fault: Fault) -> None:
    _of_market(entry, fault)
    fault.ticks = entry.whole("ticks", 1) or 1
    fault.from_request = entry.whole("from_request", 1)
    if fault.since is not None and fault.from_request is not None:
        raise entry.refused("since and from_request contradict each other", "keep one of them")


_READERS = {
    "hang": _hang,
    "clock_skew": _clock_skew,
    "outage": _outage,
    "wrong_market": _wrong_market,
    "bad_values": _bad_values,
    "shifted": _shifted,
    "stated_interval": _stated_interval,
    "gap": _gap,
    "hole": _hole,
    "restated": _restated,
    "ws_skew": _ws_skew,
    "ws_stall": _lasting,
    "ws_restart": _lasting,
}


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
        return _USUAL_STATUS.get(kind, 503)
    valid = _STATUSES[kind]
    if status not in valid:
        raise entry.refused(f"status {status} is not for {kind}", f"between {valid[0]} and {valid[-1]}")
    return status
