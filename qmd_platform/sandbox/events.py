"""What befalls a market: silences, holes of the API, restatements, its delisting, its rename.

What lives here: these events as values that a listing carries, so that its candles stay a pure function of listing
and time. What does not: applying them to candles (``market``), reading them from files (``faults``, ``listed``).
"""

from dataclasses import dataclass

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window


@dataclass(frozen=True, slots=True)
class Silence:
    """A window in which nothing traded. The venue leaves its minutes out, or prints them ``flat`` with volume 0.

    Longer candles are made of the minutes that are left.
    """

    window: Window
    flat: bool = False


@dataclass(frozen=True, slots=True)
class Hole:
    """The API has no candles of ``timeframe`` that open in ``window``, though there was trading."""

    window: Window
    timeframe: Timeframe


@dataclass(frozen=True, slots=True)
class Restatement:
    """From ``since`` on (the venue's clock) the prices of the minutes in ``window`` are ``ticks`` higher."""

    window: Window
    ticks: int
    since: Instant


@dataclass(frozen=True, slots=True)
class Events:
    """Everything that befalls one market.

    ``delisted_at``: there are no candles from then on. ``prices_of`` is the name whose prices these are: a renamed
    market goes on where its old name left off; empty for its own.
    """

    silences: tuple[Silence, ...] = ()
    holes: tuple[Hole, ...] = ()
    restatements: tuple[Restatement, ...] = ()
    delisted_at: Instant | None = None
    prices_of: str = ""

    def is_delisted(self, now: Instant) -> bool:
        """Whether the market is gone at ``now``."""
        return self.delisted_at is not None and self.delisted_at <= now


NONE = Events()
"""Nothing befalls the market."""
