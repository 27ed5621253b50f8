"""Minutes made of a replay's trade bars, and what of its window they cover. Pure.

What lives here: which bars are whole, which times are holes. What does not: asking for a replay (``machine``), minutes made of
trades (``bars``), what becomes of them (``ingest.tardis``). Source: tardis-node, src/computable/tradebar.ts and computable.ts, read
on 2026-11-21: a bar is sent when the first trade of a later minute has come; one that is being made when the connection breaks
is dropped. A trade that comes late, after one of a later minute, is counted to that one; a bar shows it where that trade is its last.
"""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from qmd_platform.errors import VenueDown
from qmd_platform.model.candles import Candles
from qmd_platform.model.spans import subtracted, united
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant, Window, iso
from qmd_platform.venues.tardis.exchanges import NAME
from qmd_platform.venues.tardis.messages import Disconnect, Message, TradeBar, instant


@dataclass(slots=True)
class HeardBars:
    """Minutes made of a replay's trade bars, and what of its window they cover.

    A bar is whole when nothing broke while it was made. After a break the first bar may have begun before the connection was
    back, and whatever came before the break and was not sent yet is lost: all from the last bar before a break to the end
    of the first bar after it is a hole. ``rows`` messages came: minutes, ``disconnects``, ``duplicates``, those ``outside``: bars that
    are not whole or not of the window, as the first one never is; and ``refused`` ones, which contradict what came before.
    ``broken`` are the minutes of these, and why.
    """

    window: Window
    rows: int = 0
    disconnects: int = 0
    refused: int = 0
    outside: int = 0
    duplicates: int = 0
    broken: dict[Instant, str] = field(default_factory=dict)
    holes: list[Window] = field(default_factory=list)
    _bars: dict[Instant, TradeBar] = field(default_factory=dict)
    _newest: Instant = -1
    _reached: Instant = 0
    _is_broken: bool = False

    def __post_init__(self) -> None:
        # Trades of the first minute may have come before the window began, if the venue's clock ran ahead.
        self._reached = self.window.start + MINUTE

    def add(self, message: Message) -> None:
        """Take one message in.

        Raises:
            VenueDown: a bar is not of a minute, or of an earlier one than the bar before.
        """
        self.rows += 1
        if isinstance(message, Disconnect):
            self._is_broken = True
            self.disconnects += 1
        elif isinstance(message, TradeBar):
            self._bar(message)
        else:
            self.outside += 1

    def _bar(self, bar: TradeBar) -> None:
        if bar.kind != "time" or bar.interval != MINUTE or bar.at % MINUTE:
            raise VenueDown(NAME, f"a bar {bar.name!r} that ends at {iso(bar.at)} is not of a minute")
        open_at = bar.at - MINUTE
        if open_at <= self._newest:
            self._again(open_at, bar)
            return
        if self._is_broken:
            self._hole(bar.at)
        is_whole = not self._is_broken and open_at >= self.window.start + MINUTE and bar.at <= self.window.end
        self._is_broken = False
        self._reached = max(self._reached, bar.at)
        if not is_whole:
            self.outside += 1
            return
        self._newest = open_at
        if (late := _minute_of(bar.close_timestamp)) == open_at == _minute_of(bar.open_timestamp):
            self._bars[open_at] = bar
        else:
            self._break(f"the bar of {iso(open_at)} has a trade of {iso(late)} in it", open_at, late)

    def _again(self, open_at: Instant, bar: TradeBar) -> None:
        """A bar of a minute that is over already: the same once more, or one that says that the minute is not whole."""
        before = self._bars.get(open_at)
        if before == bar:
            self.duplicates += 1
            return
        how = "came after that of a later minute" if before is None else "came a second time, and is another one"
        self._break(f"the bar of {iso(open_at)} {how}", open_at)

    def _break(self, why: str, *minutes: Instant) -> None:
        """Refuse the message; these minutes are not whole."""
        self.refused += 1
        for at in minutes:
            self.broken.setdefault(at, f"message {self.rows} of the replay: {why}")

    def _hole(self, end: Instant) -> None:
        if end > self._reached:
            self.holes = united([*self.holes, Window(self._reached, end)])

    @property
    def covered(self) -> list[Window]:
        """The minutes of the window of which all is known: up to the last bar, but for the holes."""
        end = min(self._reached, self.window.end)
        if end <= self.window.start + MINUTE:
            return []
        return subtracted([Window(self.window.start + MINUTE, end)], self.holes)

    @property
    def breaks(self) -> list[Window]:
        """The holes, and, if the last thing said was a break, the rest of the window."""
        is_open = self._is_broken and self._reached < self.window.end
        return united([*self.holes, *([Window(self._reached, self.window.end)] if is_open else [])])

    @property
    def candles(self) -> Candles:
        """The minutes, sorted; volume in the venue's own unit."""
        bars = [self._bars[at] for at in sorted(self._bars)]
        numbers = (
            np.array([getattr(one, name) for one in bars], np.float64)
            for name in ("open", "high", "low", "close", "volume")
        )
        return Candles(np.array(sorted(self._bars), np.int64), *numbers)


def _minute_of(moment: datetime) -> Instant:
    return instant(moment) // MINUTE * MINUTE
