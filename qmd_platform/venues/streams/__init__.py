"""Venues' WebSockets: what to subscribe to, what messages say, how a connection is kept.

What lives here: one dialect a venue, the records they are read into, the connection with its heartbeats and its retries.
What does not: keeping what was heard (``live``).
"""

from typing import TYPE_CHECKING

from qmd_platform.venues.streams.patience import Endurance
from qmd_platform.venues.streams.records import Heard, HeardCandle, HeardMark
from qmd_platform.venues.streams.state import Phase, StreamState

if TYPE_CHECKING:
    from qmd_platform.venues.streams.listening import listen

__all__ = ["Endurance", "Heard", "HeardCandle", "HeardMark", "Phase", "StreamState", "listen"]


def __getattr__(name: str) -> object:
    """``listen``, when it is asked for: who only reads what was heard need not import all venues."""
    if name == "listen":
        from qmd_platform.venues.streams.listening import listen  # noqa: PLC0415 - 0.2 s

        return listen
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
