"""When a candle is closed at a venue that has no word for it (Bitfinex, Kraken).

What lives here: the rule, for one connection. What does not: venues that say so themselves (``messages.flagged``), keeping
what was heard (``live``).

1. A candle is closed once a later one of the same series has begun on the same connection: what was said of it last, there,
   is what it is. What an earlier connection said of it does not count: trades between the two were never told. The venue
   says so with the message about the later one: ``venue_at`` of the closed candle is that message's, never before its end.
2. All but the newest of the candles that come in one message (the venue's first answer to a subscription) are closed.
3. A message about a candle that is closed already is a correction, and told as closed again, the later being right. One that
   was sent before the last one about it is late on the way, and dropped.
4. A candle that has not begun by the clock of its own message, or at a real venue by ours, closes nothing: it is unreadable.
   Where no message carries a time (Bitfinex) one candle dated ahead would close the one in progress with each of its messages.
5. There, what is told of a candle that begins in the next seconds of our clock waits for its next message: our clock may be
   slow, and a candle that is closed before its end by every clock there is would not be kept (``live.early``).
"""

from collections.abc import Sequence

from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant, iso
from qmd_platform.venues.streams.messages import Ignored, Prices, Unreadable, fault, heard, unreadable
from qmd_platform.venues.streams.records import HeardCandle
from qmd_platform.venues.streams.wanted import Subject

LATE = Ignored("late on the way")
"""A message that was sent before one that came earlier and says more."""

SOON = Ignored("not begun by our clock")
"""A message about a candle that begins within ``_AHEAD_MS``; the next one about it says as much and more."""

_AHEAD_MS = 5_000
"""How far a real venue's clock may be ahead of ours (as ``ingest.markets.AHEAD_MS``, which judges what was heard)."""

_REMEMBERED = 16
"""Closed candles of a series whose last message is remembered, to tell corrections from messages that are late."""


class Closing:
    """What one connection said of each series."""

    def __init__(self, venue: str) -> None:
        self._venue = venue
        self._newest: dict[Series, Prices] = {}
        self._closed: dict[Series, dict[Instant, int]] = {}

    def told(
        self, subject: Subject, told: Prices, received_at: Instant, text: str
    ) -> Sequence[HeardCandle | Unreadable | Ignored]:
        """What follows from one candle in a message."""
        series = subject.series
        if why := fault(told, subject, received_at) or _is_ahead(told, subject, received_at):
            return (unreadable(self._venue, why, text),)
        if subject.is_live and told.venue_at is None and told.open_at > received_at:
            return (SOON,)
        newest = self._newest.get(series)
        if newest is not None and told.open_at < newest.open_at:
            return self._corrected(series, told, newest.venue_at, received_at)
        if newest is not None and told.open_at == newest.open_at and told.order < newest.order:
            return (LATE,)
        self._newest[series] = told
        forming = heard(series, told, is_closed=False, received_at=received_at)
        if newest is None or told.open_at == newest.open_at:
            return (forming,)
        self._remember(series, newest)
        over = newest._replace(venue_at=told.venue_at)
        return (heard(series, over, is_closed=True, received_at=received_at), forming)

    def _corrected(
        self, series: Series, told: Prices, newest_at: Instant | None, received_at: Instant
    ) -> Sequence[HeardCandle | Unreadable | Ignored]:
        if told.order < self._closed.get(series, {}).get(told.open_at, told.order):
            return (LATE,)
        self._remember(series, told)
        if told.venue_at is not None and newest_at is not None:
            told = told._replace(venue_at=max(told.venue_at, newest_at))
        return (heard(series, told, is_closed=True, received_at=received_at),)

    def _remember(self, series: Series, told: Prices) -> None:
        closed = self._closed.setdefault(series, {})
        closed[told.open_at] = told.order
        if len(closed) > _REMEMBERED:
            del closed[min(closed)]


def _is_ahead(told: Prices, subject: Subject, received_at: Instant) -> str:
    """Why ``told`` has not begun; empty where it has."""
    if told.venue_at is not None and told.venue_at < told.open_at:
        return f"the candle of {iso(told.open_at)} has not begun by the venue's own clock"
    if subject.is_live and told.open_at > received_at + _AHEAD_MS:
        return f"the candle of {iso(told.open_at)} is ahead: it has not begun by our clock"
    return ""
