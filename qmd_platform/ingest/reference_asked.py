"""The hours of one market's mark, index or premium asked for, until two answers agree on what is not there.

What lives here: pages and their holes, rows kept apart, the end of a venue's history, the deadline. What does not: which
hours to ask for (``ingest.reference``), sending (``venues``), the commit (``ingest.reference_commits``).

An empty or a short page proves nothing: its holes are asked for again, until an answer brings nothing that the one before
did not. Only then are they answered, and stay holes.
"""

import asyncio
from dataclasses import dataclass, field, replace

import numpy as np

from qmd_platform.coverage.causes import OUT_OF_TIME, TOO_OLD
from qmd_platform.errors import BeyondHistory, VenueDown
from qmd_platform.ingest.asking import Clock
from qmd_platform.lake.store import Rejected
from qmd_platform.model.candles import PRICES, Candles
from qmd_platform.model.evidence import Answered
from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.model.series import Market
from qmd_platform.model.spans import subtracted, windows_of
from qmd_platform.model.window import Instant, Window
from qmd_platform.quality.reference_rules import kept_out
from qmd_platform.venues import facts, paging
from qmd_platform.venues.funding_asking import Asking
from qmd_platform.venues.port import Traffic
from qmd_platform.venues.reference_asking import reference_page


@dataclass(slots=True)
class Came:
    """What came of one market: rows sorted within each part, the answers they are from, and the account of all others."""

    parts: list[Candles] = field(default_factory=list)
    evidence: list[Answered] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    traffic: Traffic = field(default_factory=Traffic)
    duplicates: int = 0
    refused: int = 0

    @property
    def rows(self) -> Candles:
        """All rows, sorted."""
        every = Candles.concat(self.parts)
        return every.take(np.argsort(every.open_at, kind="stable"))


@dataclass(slots=True)
class Questions:
    """The questions about one market's ``wanted`` candles.

    ``closed`` is the end of what the venue's clock has closed; ``until`` the deadline, by the event loop's clock;
    ``too_old`` before which time the venue serves nothing, as far as it was heard.
    """

    client: Asking
    market: Market
    wanted: Reference
    closed: Instant
    clock: Clock
    until: float
    came: Came = field(default_factory=Came)
    too_old: Instant = 0

    async def ask(self, windows: list[Window]) -> Came:
        """Ask for all of ``windows``, newest first; what ends one page early costs only that page.

        Raises:
            UnknownMarket, Refused, Banned: the venue will not answer.
        """
        limit = facts.reference_of(self.client.name, self.market.kind, self.wanted).page_limit
        for window in reversed(paging.pages(windows, STEP.step, limit)):
            if asyncio.get_running_loop().time() >= self.until:
                self.came.failures.append(f"{window}: {OUT_OF_TIME}")
            else:
                await self._page(window)
        return self.came

    async def _page(self, window: Window) -> None:
        if window.end <= self.too_old:
            self._is_too_old(window)
            return
        try:
            await self._convinced(window)
        except BeyondHistory as error:
            await self._served(window, error.oldest)
        except VenueDown as error:
            self.came.failures.append(f"{window}: {error}")

    async def _convinced(self, window: Window) -> None:
        """One page, and its holes until two answers agree on them. Of one that fails later on, what came is kept."""
        holes, answers = [window], list[tuple[Answered, list[Window]]]()
        try:
            while holes:
                answers.append(await self._answered(Window(holes[0].start, holes[-1].end), holes))
                left = subtracted(holes, answers[-1][1])
                if len(answers) > 1 and left == holes:
                    break
                holes = left
        except VenueDown:
            self.came.evidence += [replace(answer, window=one) for answer, there in answers for one in there]
            raise
        self.came.evidence += [answer for answer, _ in answers]

    async def _answered(self, asked: Window, holes: list[Window]) -> tuple[Answered, list[Window]]:
        """Ask once: the answer, and which windows inside ``holes`` have rows now."""
        at = self.clock()
        page = await reference_page(self.client, self.market, self.wanted, asked, self.came.traffic)
        found = paging.judged(page.candles, asked, STEP.step, self.closed)
        self._apart(page.candles, list(found.rejected))
        self.came.duplicates += found.duplicates
        self.came.refused += found.outside + found.forming
        bad = kept_out(found.candles, self.wanted)
        self._apart(found.candles, sorted(bad.items()))
        good = found.candles.take(~np.isin(np.arange(len(found.candles)), list(bad)))
        fresh = [good.within(hole) for hole in holes]
        self.came.duplicates += len(good) - sum(map(len, fresh))
        self.came.parts += [one for one in fresh if len(one)]
        there = [window for one in fresh for window in windows_of(one.open_at, STEP.step)]
        return Answered(asked, at, page.asked, page.digest, len(page.candles)), there

    def _apart(self, rows: Candles, why: list[tuple[int, str]]) -> None:
        for row, reason in why:
            values = {name: float(getattr(rows, name)[row]) for name in PRICES}
            one = Rejected(int(rows.open_at[row]), values, reason)
            if any(one.is_same(other) for other in self.came.rejected):
                self.came.duplicates += 1
            else:
                self.came.rejected.append(one)

    async def _served(self, window: Window, oldest: Instant | None) -> None:
        """The part of ``window`` that the venue still serves, found by halving where it does not say from when on it does."""
        hours = window.steps(STEP.step)
        if hours == 1 or oldest is not None:
            end = window.end if oldest is None else min(max(oldest, window.start + STEP.step), window.end)
            self.too_old = max(self.too_old, end)
            self._is_too_old(Window(window.start, end))
            if end < window.end:
                await self._page(Window(end, window.end))
            return
        middle = window.start + hours // 2 * STEP.step
        # The newer half first: it finds where the history ends, and nothing older is asked for any more.
        await self._page(Window(middle, window.end))
        await self._page(Window(window.start, middle))

    def _is_too_old(self, window: Window) -> None:
        self.came.evidence.append(Answered(window, self.clock(), TOO_OLD))
