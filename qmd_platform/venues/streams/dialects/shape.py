"""What a dialect is: one venue's way of being listened to.

What lives here: the protocols, what every dialect needs. What does not: any venue's way (one module each beside this one).

A dialect opens no socket and has no clock. Its reader belongs to one connection and is made anew for the next.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.venues.streams.messages import Event
from qmd_platform.venues.streams.wanted import Stream, Subject


@dataclass(frozen=True, slots=True)
class Request:
    """One subscription message; ``number`` is in it where the venue repeats it in its answer."""

    number: int
    text: str
    streams: Sequence[Stream]


class Reader(Protocol):
    """Reads the messages of one connection."""

    def read(self, text: str, received_at: Instant) -> Sequence[Event]:
        """What ``text`` says; never an exception, whatever it is."""
        ...


class Dialect(Protocol):
    """One venue's way."""

    @property
    def venue(self) -> str:
        """Its name."""
        ...

    @property
    def candles(self) -> Mapping[str, Sequence[Timeframe]]:
        """By kind of market, the timeframes that are streamed."""
        ...

    def streams(self, subject: Subject) -> Sequence[Stream]:
        """The subscriptions that tell of ``subject``."""
        ...

    def opening(self) -> Sequence[str]:
        """What is said first on a new connection."""
        ...

    def requests(self, streams: Sequence[Stream], first: int, batch: int, at: Instant) -> Sequence[Request]:
        """The messages that subscribe to ``streams``, numbered from ``first``, at most ``batch`` streams each."""
        ...

    def ping(self, place: str, at: Instant) -> str | None:
        """What says at ``place`` that we are there; None where a ping of the protocol does."""
        ...

    def reader(self, streams: Sequence[Stream]) -> Reader:
        """A reader for a new connection that carries ``streams``."""
        ...


FAULTS = (msgspec.MsgspecError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a message that is not what it should be can raise; anything can come over a wire."""


def words(error: Exception) -> str:
    """``error`` for people."""
    return f"there is no {error}" if isinstance(error, LookupError) else str(error)


def number(value: object) -> float:
    """The number in ``value``, a number or text.

    Raises:
        ValueError: it is none.
    """
    if type(value) is str or type(value) is float or type(value) is int:
        return float(value)
    raise ValueError(f"{value!r} is no number")


def whole(value: object) -> int:
    """The whole number in ``value``; see ``number``."""
    if type(value) is str or type(value) is int:
        return int(value)
    raise ValueError(f"{value!r} is no whole number")


def price(value: object) -> float | None:
    """A positive number, None where the venue leaves it out.

    Raises:
        ValueError: there is something, and it is no such number.
    """
    if value is None or value == "":
        return None
    found = number(value)
    if not 0 < found < float("inf"):
        raise ValueError(f"{value!r} is no positive number")
    return found


def rate(value: object) -> float | None:
    """A finite number, None where the venue leaves it out; see ``price``."""
    if value is None or value == "":
        return None
    found = number(value)
    if not abs(found) < float("inf"):
        raise ValueError(f"{value!r} is no finite number")
    return found


def settles(value: object, unit_ms: int = 1) -> Instant | None:
    """When the next settlement is, epoch ms; None where the venue leaves it out or says 0; see ``price``."""
    if value is None or value in {"", 0, "0"}:
        return None
    return whole(value) * unit_ms


def asking(
    parts: Iterable[Sequence[Stream]], first: int, said: Callable[[int, Sequence[Stream]], object]
) -> list[Request]:
    """A request for each of ``parts``, numbered from ``first``; ``said`` gives what is in it, for JSON."""
    return [
        Request(place, msgspec.json.encode(said(place, some)).decode(), some) for place, some in enumerate(parts, first)
    ]


def batches(streams: Sequence[Stream], most: int) -> list[Sequence[Stream]]:
    """``streams`` in runs of ``most`` at most."""
    return [streams[start : start + most] for start in range(0, len(streams), most)]
