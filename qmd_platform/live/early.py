"""Which of the heard cannot be so yet.

What lives here: the rule for what is written down. What does not: the stricter one for what is stored (``ingest.heard``).

A venue's own clock says what is over. At real venues ours bounds it: a word dated far ahead of its arrival is a slip of the
venue, and would make all that is true look old. At a venue without a word for a candle's end (``UNSAID``) that tells no time
either, a later candle is the only sign of the end, and ours is the only clock. A sandbox has a clock of its own.
"""

from qmd_platform.model.window import Instant
from qmd_platform.venues.streams.records import Heard, HeardCandle

UNSAID = frozenset({"bitfinex", "kraken"})
"""Venues without a word for a candle's end (``venues.streams.closing`` infers it)."""

AHEAD_MS = 86_400_000
"""How far ahead of its arrival a word of a real venue may be dated: further than any clock of ours is wrong."""

END_OF_TIME = 253_402_300_800_000
"""The end of the year 9999: no calendar goes further."""


def is_early(one: Heard, *, is_live: bool) -> bool:
    """Whether ``one`` is dated where neither the venue's clock nor ours has come to. ``is_live``: the venue is a real one."""
    latest = _latest(one, is_live=is_live)
    if isinstance(one, HeardCandle):
        return not 0 <= one.open_at <= latest - one.series.timeframe.step
    return one.venue_at is not None and not 0 <= one.venue_at <= latest


def has_begun(one: HeardCandle, *, is_live: bool) -> bool:
    """Whether there is such a candle, closed or not."""
    return 0 <= one.open_at <= _latest(one, is_live=is_live)


def _latest(one: Heard, *, is_live: bool) -> Instant:
    """The latest it can have been by the venue's clock when it said so."""
    told = END_OF_TIME if one.venue_at is None or not isinstance(one, HeardCandle) else one.venue_at
    if not is_live:
        return min(told, END_OF_TIME)
    is_inferred = isinstance(one, HeardCandle) and one.venue_at is None and one.series.venue in UNSAID
    return min(told, one.received_at + (0 if is_inferred else AHEAD_MS))
