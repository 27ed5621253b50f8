"""The life of an opportunity: NONE, WATCH, OPEN, HOLD, CLOSE. A pure state machine.

What lives here: the rules, and one step of them. What does not: a whole history of steps (``opportunities``), the figures
they look at (``hedges``), orders.

    NONE --net > watch--> WATCH --k settlements in a row > open, hold > break-even, nothing blocks--> OPEN
    OPEN --next event--> HOLD --net < close m times in a row, a blocking flag, or max hold--> CLOSE --dwell--> NONE
    WATCH --net < close m times in a row--> NONE

A net return that nobody knows, for want of a settlement or of a price, is no reason to stay: it confirms nothing, and counts among
the m events as one below ``close`` does. But it is not said to be below: the reason tells which of the two it was.

An **episode** begins with WATCH and ends with CLOSE or with NONE. Only rules decide: no text, no model's opinion, is read.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from math import isnan
from typing import NamedTuple

from qmd_platform.arbitrage.flags import BLOCKING_MASK, flags_of
from qmd_platform.errors import ConfigError
from qmd_platform.model.window import Instant

HOUR_MS = 3_600_000
RULES = "1"
"""Version of the rules below; it changes when they do."""


class State(StrEnum):
    """Where an opportunity is."""

    NONE = "NONE"
    WATCH = "WATCH"
    OPEN = "OPEN"
    HOLD = "HOLD"
    CLOSE = "CLOSE"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When states change; ``open > watch > close``, all net simple returns a year. Choices of ours, to be set.

    Attributes:
        watch: above it a pair is looked at.
        open: above it a pair may be opened.
        close: below it a pair is closed.
        confirmations: settlements in a row above ``open`` before opening (k).
        closing_events: events in a row below ``close``, or unknown, before closing (m).
        expected_hold_hours: must be more than break-even for a pair to be opened.
        dwell_ms: shortest time a watch lasts before it opens, a position before its return closes it, and a pair stays
            closed before it is watched again.
        max_hold_ms: longest time a position is held.
    """

    watch: float = 0.05
    open: float = 0.10
    close: float = 0.0
    confirmations: int = 3
    closing_events: int = 2
    expected_hold_hours: float = 168.0
    dwell_ms: int = 8 * HOUR_MS
    max_hold_ms: int = 30 * 24 * HOUR_MS

    def __post_init__(self) -> None:
        if not self.open > self.watch > self.close:
            raise ConfigError(
                f"thresholds must fall: open {self.open} > watch {self.watch} > close {self.close}",
                hint="else a pair would be opened and closed by the same return",
            )
        if self.confirmations < 1 or self.closing_events < 1 or self.dwell_ms < 0 or self.max_hold_ms <= 0:
            raise ConfigError("confirmations, closing events and the longest hold are at least 1, the dwell at least 0")

    @property
    def version(self) -> str:
        """The rules' version and a mark of these figures: two runs with the same version decide alike."""
        return _version(self)


@lru_cache(maxsize=64)
def _version(rules: Thresholds) -> str:
    return f"{RULES}-{sha256(repr(sorted(asdict(rules).items())).encode()).hexdigest()[:8]}"


class Event(NamedTuple):
    """What was known of a pair at an instant.

    Attributes:
        at: epoch ms, ever later.
        net_per_year: for the expected hold, a fraction; NaN (unknown) is above no threshold and below all.
        break_even_hours: infinite where it never breaks even.
        flags: bits (``flags``).
        is_settlement: whether a leg settled; only those count as confirmations.
    """

    at: Instant
    net_per_year: float
    break_even_hours: float
    flags: int = 0
    is_settlement: bool = True


class Standing(NamedTuple):
    """Where a pair stands between events. ``above`` and ``below`` count events in a row; ``episode`` counts from 1.

    ``below`` counts also those of which the return is not known; ``unknown`` is how many of them these are.
    """

    state: State = State.NONE
    since: Instant = 0
    opened_at: Instant = 0
    episode: int = 0
    above: int = 0
    below: int = 0
    unknown: int = 0


NOWHERE = Standing()


def step(standing: Standing, event: Event, rules: Thresholds) -> tuple[Standing, str]:
    """Where the pair stands after ``event``, and why the state changed: empty where it did not."""
    counted = _counted(standing, event, rules)
    after, reason = _DECISIONS[standing.state](counted, event, rules)
    if after is standing.state:
        return counted, ""
    moved = counted._replace(state=after, since=event.at)
    if after is State.WATCH:
        moved = moved._replace(episode=standing.episode + 1, above=int(_confirms(event, rules)), below=0, unknown=0)
    if after is State.OPEN:
        moved = moved._replace(opened_at=event.at, below=0, unknown=0)
    return moved, reason


def _confirms(event: Event, rules: Thresholds) -> bool:
    return event.is_settlement and event.net_per_year > rules.open


def _counted(standing: Standing, event: Event, rules: Thresholds) -> Standing:
    above = standing.above
    if not event.net_per_year > rules.open:
        above = 0
    elif event.is_settlement:
        above += 1
    if event.net_per_year >= rules.close:
        below = unknown = 0
    else:
        below, unknown = standing.below + 1, standing.unknown + isnan(event.net_per_year)
    if (above, below) == (standing.above, standing.below):
        return standing
    return standing._replace(above=above, below=below, unknown=unknown)


def _fell(standing: Standing, rules: Thresholds) -> str:
    """Why the events counted in ``below`` end it: never that a return was below when nobody knew it."""
    low, unknown = standing.below - standing.unknown, standing.unknown
    if not unknown:
        return f"net return below {rules.close:.2%} a year for {low} events"
    why = "a settlement or a price is missing"
    if not low:
        return f"net return unknown for {unknown} events: {why}"
    return (
        f"net return below {rules.close:.2%} a year for {low} of {standing.below} events, unknown for {unknown}: {why}"
    )


Decision = tuple[State, str]


def _from_none(standing: Standing, event: Event, rules: Thresholds) -> Decision:
    if event.net_per_year > rules.watch:
        return State.WATCH, f"net return above {rules.watch:.2%} a year"
    return State.NONE, ""


def _from_watch(standing: Standing, event: Event, rules: Thresholds) -> Decision:
    if standing.below >= rules.closing_events:
        return State.NONE, _fell(standing, rules)
    if (
        standing.above >= rules.confirmations
        and event.at - standing.since >= rules.dwell_ms
        and event.break_even_hours < rules.expected_hold_hours
        and not event.flags & BLOCKING_MASK
    ):
        return State.OPEN, f"net return above {rules.open:.2%} a year for {standing.above} settlements in a row"
    return State.WATCH, ""


def _from_open(standing: Standing, event: Event, rules: Thresholds) -> Decision:
    after, reason = _from_hold(standing, event, rules)
    return (after, reason) if after is State.CLOSE else (State.HOLD, "opened at the event before")


def _from_hold(standing: Standing, event: Event, rules: Thresholds) -> Decision:
    blocking = event.flags & BLOCKING_MASK
    if blocking:
        return State.CLOSE, f"flag {', '.join(flags_of(blocking))}"
    held = event.at - standing.opened_at
    if held >= rules.max_hold_ms:
        return State.CLOSE, f"held {held / HOUR_MS:g} hours, the longest allowed"
    if standing.below >= rules.closing_events and held >= rules.dwell_ms:
        return State.CLOSE, _fell(standing, rules)
    return State.HOLD, ""


def _from_close(standing: Standing, event: Event, rules: Thresholds) -> Decision:
    if event.at - standing.since >= rules.dwell_ms:
        return State.NONE, "closed long enough to be looked at again"
    return State.CLOSE, ""


_DECISIONS = {
    State.NONE: _from_none,
    State.WATCH: _from_watch,
    State.OPEN: _from_open,
    State.HOLD: _from_hold,
    State.CLOSE: _from_close,
}
