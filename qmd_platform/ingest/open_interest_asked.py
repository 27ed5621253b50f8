"""One page of a market's open interest asked for, until two answers agree on what is not there.

What lives here: the page, its holes, what came of one market. What does not: which windows to ask (``ingest.open_interest``),
sending (``venues.snapshot_asking``), the commit.

A short page proves as little as an empty one: the instants of the venue's grid that it lacks are asked for again, until an
answer brings none of them. Only then are they answered, and stay absent.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.errors import VenueDown
from qmd_platform.ingest.asking import machine_clock
from qmd_platform.ingest.snapshot_rows import history_rows
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market
from qmd_platform.model.spans import windows_of
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues import facts, snapshot_asking
from qmd_platform.venues.ccxt_client import CcxtVenue


@dataclass(slots=True)
class Gained:
    """What came of one market."""

    rows: list[pa.Table] = field(default_factory=list)
    evidence: list[Answered] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Page:
    """What is known of one page: the instants that are ``lacking``, the times of rows that came, the answers."""

    lacking: NDArray[np.int64]
    came: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    answers: list[Answered] = field(default_factory=list)


async def page_of(asked: CcxtVenue, market: Market, window: Window, published: Instant, got: Gained) -> None:
    """Ask for one page of ``market``; of one that fails later on, what came is kept, and answered is only that.

    Args:
        asked: who is asked.
        market: a perpetual of that venue.
        window: on the venue's grid, and not longer than a page.
        published: rows of this time or later may still come: their absence is not asked for again, nor answered.
        got: where all of it goes.

    Raises:
        UnknownMarket, Refused, Banned: the venue will not answer.
    """
    step = facts.open_interest_of(asked.name).step
    grid = np.arange(window.start, min(window.end, published), step)
    page = _Page(grid)
    try:
        await _convinced(asked, market, window, page, got)
    except VenueDown as error:
        got.failures.append(f"{market.symbol} {window}: {error}")
        there = windows_of(grid[np.isin(grid, page.came)], step)
    else:
        there = [Window(window.start, min(window.end, published))] if len(grid) else []
    for answer in page.answers:
        parts = [part for one in there if (part := one.intersection(answer.window)) is not None]
        got.evidence += [
            Answered(part, answer.at, f"{answer.what} {market.symbol}", answer.digest, answer.rows) for part in parts
        ]


async def _convinced(asked: CcxtVenue, market: Market, window: Window, page: _Page, got: Gained) -> None:
    step = facts.open_interest_of(asked.name).step
    while True:
        at = machine_clock()
        told = await snapshot_asking.open_interest(asked, market, window)
        rows = told.rows.take(np.isfinite(told.rows.contracts) & ~np.isin(told.rows.at, page.came))
        got.rows.append(history_rows(market, rows, told.asked))
        page.came = np.r_[page.came, rows.at]
        page.answers.append(Answered(window, at, told.asked, told.digest, len(told.rows)))
        left = page.lacking[~np.isin(page.lacking, rows.at)]
        if not len(left) or (len(page.answers) > 1 and len(left) == len(page.lacking)):
            return
        page.lacking = left
        window = Window(int(left[0]), int(left[-1]) + step)
