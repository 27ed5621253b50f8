"""What a message can be besides a candle or a mark price.

What lives here: one record each, and the checks that every dialect makes of a candle. What does not: reading messages (the
dialects), what is done about them (``machine``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from qmd_platform.errors import BadMessage
from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant, iso
from qmd_platform.venues.streams.records import Heard, HeardCandle
from qmd_platform.venues.streams.wanted import Subject

SAMPLE = 200
"""Characters of an unreadable message that are kept as evidence."""

_BEYOND_MS = 366 * 86_400_000
"""No clock is as wrong as that: a candle that a real venue dates further ahead of ours is none."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The venue took a subscription: the request ``number``, or the one ``topic``."""

    number: int | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """The venue refused a subscription, in its own ``words``; see ``Accepted``. Neither is known where both are None."""

    words: str
    number: int | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life that says nothing else; of the one ``topic`` where the venue beats for each."""

    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message of a kind that is known and not read; ``name`` is what the venue calls it."""

    name: str


@dataclass(frozen=True, slots=True)
class Farewell:
    """The venue asks to connect anew, or messages of this connection are known to be lost."""

    why: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message, or a row of one, that is not what the venue documents."""

    error: BadMessage


Event = Heard | Accepted | Denied | Beat | Ignored | Farewell | Unreadable


class Prices(NamedTuple):
    """What a message says of one candle; ``flag`` is the venue's word that it is closed, None where it has none.

    ``order`` tells which of two messages of one connection was sent later, whatever came first; 0 where none does.
    """

    open_at: Instant
    open: float
    high: float
    low: float
    close: float
    volume: float
    flag: bool | None = None
    venue_at: Instant | None = None
    order: int = 0


def unreadable(venue: str, why: str, text: str) -> Unreadable:
    """``text`` is not what it should be."""
    return Unreadable(BadMessage(venue, f"a message cannot be read: {why}: {text[:SAMPLE]!r}", sample=text))


def fault(told: Prices, subject: Subject, received_at: Instant) -> str:
    """Why ``told`` is no candle of ``subject``; empty where it is one."""
    step = subject.step
    if told.open_at % step or told.open_at <= 0:
        return f"a candle opens at {told.open_at}, off the grid of {step} ms"
    # An infinite number makes the sum infinite or NaN.
    if not isfinite(told.open + told.high + told.low + told.close + told.volume):
        return f"the candle of {iso(told.open_at)} has a value that is no number"
    if subject.is_live and told.open_at > received_at + _BEYOND_MS:
        return f"a candle of {iso(told.open_at)}, which came at {iso(received_at)}"
    return ""


def heard(series: Series, told: Prices, is_closed: bool, received_at: Instant) -> HeardCandle:  # noqa: FBT001 - the verdict
    """``told`` as a record."""
    return HeardCandle(
        series,
        told.open_at,
        told.open,
        told.high,
        told.low,
        told.close,
        told.volume,
        is_closed,
        told.venue_at,
        received_at,
    )


def flagged(subject: Subject, told: Prices, received_at: Instant, text: str) -> Sequence[HeardCandle | Unreadable]:
    """A candle of a venue that says itself whether it is closed.

    One that is called closed before its end by the clock of the same message is told as forming, and the contradiction too.
    """
    venue, series = subject.market.venue, subject.series
    if why := fault(told, subject, received_at):
        return (unreadable(venue, why, text),)
    is_early = told.venue_at is not None and told.venue_at < told.open_at + subject.step
    if not (told.flag and is_early):
        return (heard(series, told, bool(told.flag), received_at),)
    why = f"the candle of {iso(told.open_at)} is called closed before its end by the venue's own clock"
    return (heard(series, told, is_closed=False, received_at=received_at), unreadable(venue, why, text))
