"""The pages of one month asked for, each until it convinces or fails.

What lives here: which failure stops what, the halving at the end of a venue's history, the deadline. What does not: one
page (``ingest.pages``), the month's lease and commit (``ingest.months``).

A permanent refusal stops its market, a ban stops the venue, anything transient costs only its page.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from qmd_platform.coverage.causes import OUT_OF_TIME, TOO_OLD
from qmd_platform.errors import Banned, BeyondHistory, OutOfTime, Refused, UnknownMarket, VenueError
from qmd_platform.ingest import proof
from qmd_platform.ingest.fetched import Fetched, Question
from qmd_platform.ingest.pages import convinced
from qmd_platform.ingest.shared import Shared
from qmd_platform.model.spans import Run, State, subtracted, united
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues.port import Traffic


@dataclass(slots=True)
class MarketState:
    """What the months of one market learn from each other: the end of the venue's history, a refusal."""

    question: Question
    too_old: Instant = 0
    stopped: VenueError | None = None


@dataclass(slots=True)
class Asked:
    """The pages of one month. What came is in ``arrived`` at any moment, whoever ends the asking."""

    shared: Shared
    state: MarketState
    traffic: Traffic
    tell: Callable[[int], None]
    arrived: list[Fetched] = field(default_factory=list)

    async def pages(self, pages: Sequence[Window], until: float) -> list[Fetched]:
        """Ask for all ``pages``; what is not there at ``until`` (the loop's clock) is MISSING for that reason."""
        try:
            async with asyncio.timeout_at(until) as limit:
                await asyncio.gather(*(self._page(page) for page in pages))
        except TimeoutError:
            if not limit.expired():
                raise
            self._give_up(pages)
        return self.arrived

    async def _page(self, window: Window) -> None:
        async with self.shared.gate:
            stopped = self.state.stopped or self.shared.banned
            if stopped:
                self.arrived.append(unfetched(window, str(stopped)))
                return
            await self._asked(window)
        self.tell(window.steps(self.state.question.timeframe.step))

    async def _asked(self, window: Window) -> None:
        """The page, or why it brought nothing, in one part or more that together are ``window``."""
        if window.end <= self.state.too_old:
            self.arrived.append(unfetched(window, TOO_OLD))
            return
        fetched = Fetched(window)
        self.arrived.append(fetched)
        try:
            await convinced(self.state.question, fetched, self.traffic)
        except BeyondHistory as error:
            self.arrived.remove(fetched)
            await self._served(window, fetched, error.oldest)
            return
        except VenueError as error:
            fetched.error = error
            proof.explain(self.state.question, fetched)
        if isinstance(fetched.error, Banned):
            self.shared.banned = fetched.error
        elif isinstance(fetched.error, (Refused, UnknownMarket)) and not isinstance(fetched.error, BeyondHistory):
            self.state.stopped = fetched.error

    async def _served(self, window: Window, refused: Fetched, oldest: Instant | None) -> None:
        """The part of ``window`` that is young enough for the venue, which refuses the whole.

        It is found by halving where the venue does not tell its ``oldest`` candle.
        """
        step = self.state.question.timeframe.step
        candles = window.steps(step)
        known = None if oldest is None else min(max(oldest, window.start + step), window.end)
        if candles == 1 or known is not None:
            old = Window(window.start, window.end if known is None else known)
            self.state.too_old = max(self.state.too_old, old.end)
            self.arrived.append(unfetched(old, TOO_OLD))
            self.arrived[-1].evidence += refused.evidence
            if old.end < window.end:
                await self._asked(Window(old.end, window.end))
            return
        middle = window.start + candles // 2 * step
        # The newer half first: it finds where the history ends, and nothing older is asked for any more.
        await self._asked(Window(middle, window.end))
        await self._asked(Window(window.start, middle))

    def _give_up(self, pages: Sequence[Window]) -> None:
        """Say of everything that did not come in time that it did not."""
        late = OutOfTime(self.state.question.venue.name, OUT_OF_TIME)
        for fetched in self.arrived:
            if not fetched.is_done:
                fetched.error = late
                proof.explain(self.state.question, fetched, OUT_OF_TIME)
        for window in subtracted(united(pages), [fetched.window for fetched in self.arrived]):
            fetched = unfetched(window, OUT_OF_TIME)
            fetched.error = late
            self.arrived.append(fetched)


def unfetched(window: Window, why: str) -> Fetched:
    """A page that brought nothing: its candles are MISSING for the reason ``why``."""
    return Fetched(window, explained=[Run(window, State.MISSING, why)], is_done=True)
