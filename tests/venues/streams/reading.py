"""Readers of messages for tests: streams without a venue to ask.

What lives here: helpers for this folder. What does not: listening to a server (``listeners``).
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import TypeVar

from qmd_platform.model.series import Market, Series
from qmd_platform.venues.streams.dialects import TABLE, Reader
from qmd_platform.venues.streams.messages import Event
from qmd_platform.venues.streams.wanted import EVER, Stream, subject

AT = 1_700_000_000_000
"""Our clock when a message comes."""

T = TypeVar("T")


def streams(wanted: str, venue_symbol: str, contract_size: str = "1") -> list[Stream]:
    """The streams of a series or, without a timeframe, of a perpetual's prices."""
    about = Series.parse(wanted) if wanted.rsplit(":", 1)[-1][:1].isdigit() else Market.parse(wanted)
    sizes = [(Fraction(contract_size), EVER[0][1])]
    return list(TABLE[about.venue].streams(subject(about, {"id": venue_symbol}, sizes)))


def reader(*some: Sequence[Stream]) -> Reader:
    """A reader of these streams' venue."""
    every = [stream for streams_ in some for stream in streams_]
    return TABLE[every[0].subject.market.venue].reader(every)


def read(one: Reader, *texts: str) -> list[Event]:
    """Everything in the messages, in order."""
    return [event for text in texts for event in one.read(text, AT)]


def only(kind: type[T], events: Sequence[Event]) -> T:
    """The one event there is, which must be of ``kind``."""
    assert len(events) == 1, events
    assert isinstance(events[0], kind), events
    return events[0]
