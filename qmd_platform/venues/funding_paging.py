"""Asking on until nothing is left: which window of funding is asked for next, and what came of all of them.

What lives here: pure functions and one small state without I/O. What does not: asking (``funding_asking``), how long
intervals are (``funding.intervals``).

Candles have a grid, so a page that leaves some out is seen to. Funding has none that is known beforehand: contracts
settle every 8, 4 or 1 hours, and change. So no page size is turned into a span of time (ccxt does that with 8 hours, and
loses half the rows of a contract of 4). Instead:

1. Where an answer stopped is where the next request begins: after its newest row, or before its oldest one at venues
   that keep the newest of a window.
2. A short answer is not the end. The end is a rest of the window that was answered with no row, twice; once where the
   rest is shorter than any two rows on the way to it were apart, so that none is expected. A rest of less than an hour,
   the shortest interval there is, is not asked for.
3. Stamps are some milliseconds late, so windows are asked a little wider and cut by the minute afterwards.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import BadPage
from qmd_platform.model.settlements import COLUMNS, Settlements
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues import facts
from qmd_platform.venues.funding_parsing import FundingRows
from qmd_platform.venues.funding_snapshots import SHORTEST, collapsed

_SLACK = MINUTE // 2
_BESIDE = 2 * Timeframe.H1.step
"""A settlement is proven by snapshots on both sides of it: so much more is asked for on either side."""


@dataclass(frozen=True, slots=True)
class _Rest:
    """A part of the window that is not known yet.

    ``apart`` is how far rows beside it are from each other, in ms, ``closest`` how far the closest two are that came on the
    way to it: beside a hole of ten hours there may be rows every hour.
    """

    window: Window
    apart: int | None = None
    closest: int | None = None
    empties: int = 0

    @property
    def expects(self) -> bool:
        """Whether a row ought to be inside, as far as is known."""
        return self.closest is None or self.window.end - self.window.start > self.closest + MINUTE

    @property
    def holds_more(self) -> bool:
        """Whether it is longer than rows that come irregularly are from each other."""
        return self.apart is None or self.window.end - self.window.start > 2 * self.apart


@dataclass(slots=True)
class Walk:
    """The way through one window of the venue's stamps. ``rest`` is what has to be asked for next; None at the end.

    ``least`` is how many ms a rest must be longer than to have room for a row beside the ones that are known. ``sent`` counts
    the rows of all answers.
    """

    venue: str
    limit: int
    keeps: Literal["oldest", "newest"]
    least: int = MINUTE
    sent: int = 0
    found: list[FundingRows] = field(default_factory=list)
    _rests: list[_Rest] = field(default_factory=list)
    _whole: Window | None = None

    def __post_init__(self) -> None:
        self._whole = self.rest

    @property
    def rest(self) -> Window | None:
        """See the class."""
        return self._rests[-1].window if self._rests else None

    def checked(self, rows: FundingRows) -> FundingRows:
        """``rows``, unless none of them is an answer to the request for ``rest``: then BadPage."""
        if len(rows) and self.rest is not None and not len(_inside(rows, self.rest)):
            raise BadPage(self.venue, "all rows of a page of funding are outside of the window that was asked for")
        return rows

    def heard(self, rows: FundingRows) -> None:
        """Take the answer to the request for ``rest``."""
        rest = self._rests.pop()
        self.sent += len(rows)
        inside = _inside(rows, rest.window)
        if len(inside):
            self.found.append(inside)
            self._go_on(rest, inside, is_full=len(rows) >= self.limit)
        elif rest.empties < rest.expects:
            self._rests.append(replace(rest, empties=rest.empties + 1))

    def _go_on(self, rest: _Rest, inside: FundingRows, *, is_full: bool) -> None:
        first, last = int(inside.at[0]), int(inside.at[-1])
        older = self._rest(rest.window.start, first, rest, _apart(inside.at[:2]))
        newer = self._rest(last + 1, rest.window.end, rest, _apart(inside.at[-2:]))
        on, beside = (newer, older) if self.keeps == "oldest" else (older, newer)
        # A full page may have been cut on the other side too, whatever the documentation says of it; and up to an end of the
        # whole window no row has shown how far apart they are there.
        if is_full and beside is not None and (beside.holds_more or self._is_outermost(beside.window)):
            self._rests.append(beside)
        if on is not None:
            self._rests.append(on)

    def _is_outermost(self, part: Window) -> bool:
        return self._whole is not None and (part.start == self._whole.start or part.end == self._whole.end)

    def _rest(self, start: Instant, end: Instant, before: _Rest, apart: int) -> _Rest | None:
        """What is left of ``before`` from ``start`` to ``end``, rows beside it being ``apart``; None where no row has room."""
        if end - start <= self.least:
            return None
        closest = min((one for one in (apart, before.closest) if one), default=None)
        return _Rest(Window(start, end), apart or before.apart, closest)

    def rows(self) -> FundingRows:
        """All rows so far, sorted by time."""
        return FundingRows.concat(self.found)


def walk(venue: str, window: Window) -> Walk:
    """The way through ``window`` of times of settlement at ``venue``."""
    known = facts.funding_of(venue, "perpetual")
    beside, least = (_SLACK, SHORTEST - MINUTE) if known.rows == "settlements" else (_BESIDE, MINUTE)
    asked = Window(max(window.start - beside, 0), window.end + beside)
    return Walk(venue, known.page_limit, known.keeps, least, _rests=[_Rest(asked)])


def _inside(rows: FundingRows, window: Window) -> FundingRows:
    return rows.take((rows.at >= window.start) & (rows.at < window.end))


def _apart(two: NDArray[np.int64]) -> int:
    return int(two[-1] - two[0])


def accounted(venue: str, walk: Walk, window: Window, settlements: Settlements) -> tuple[int, int, int]:
    """What was sent, and of it what was sent again and what is outside of ``window``; see ``port.FundingPage``."""
    if facts.funding_of(venue, "perpetual").rows == "snapshots":
        return len(settlements), 0, 0
    at = _to_the_minute(walk.rows().at)
    inside = int(((at >= window.start) & (at < window.end)).sum())
    return walk.sent, inside - len(settlements), walk.sent - inside


def _to_the_minute(at: NDArray[np.int64]) -> NDArray[np.int64]:
    return (at + MINUTE // 2) // MINUTE * MINUTE


def settlements_of(venue: str, rows: FundingRows, window: Window) -> Settlements:
    """The settlements inside ``window``: to the minute, sorted, each once.

    A settlement that was sent twice with different numbers is there twice: who judges it needs to see both.
    """
    if facts.funding_of(venue, "perpetual").rows == "snapshots":
        return collapsed(rows).within(window)
    found = Settlements.of(_to_the_minute(rows.at), rows.rate, rows.mark).within(window)
    keys = np.stack([getattr(found, name).view(np.int64) for name in COLUMNS[:3]])
    order = np.lexsort(keys[::-1])
    is_new = np.r_[True, (np.diff(keys[:, order]) != 0).any(axis=0)] if len(found) else np.empty(0, bool)
    return found.take(np.sort(order[is_new]))
