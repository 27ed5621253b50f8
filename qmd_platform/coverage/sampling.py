"""What of the past to read again, to notice what a venue changed: a sample every night, whole months by the week. Pure.

What lives here: the choice, by date alone, so that it can be made again. What does not: reading it and comparing
(``ingest``), when (``sensors``), the last few candles, which every tail reads again (``ingest.asking``).

Nothing is drawn at random, because then some of the past would never be looked at: both go round. All pages of all
months stand in a fixed, mixed order, and each night takes the next ones; weeks go through a market's months from the
oldest to the newest and begin again.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant, Window, month_window, months

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
MONDAY_MS = 3 * DAY_MS
"""From a Monday to the epoch, which was a Thursday."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of a series: sorted, disjoint windows of candles that are present.

    ``page_limit`` is how many candles a request brings.
    """

    series: Series
    windows: Sequence[Window]
    page_limit: int


def nightly(held: Iterable[Held], at: Instant, requests: int) -> dict[Series, list[Window]]:
    """What to read again in the night of ``at``: at most ``requests`` pages of all that is held.

    The nights of as many days as there are pages for read everything once, as long as nothing is added.

    Args:
        held: all series this venue's sample is from.
        at: any time of the day.
        requests: how many pages, one request each.

    Returns:
        windows by series, sorted; each is inside one month and of one page, and begins and ends with a held candle.
    """
    pages = sorted((page for one in held for page in _pages(one)), key=_mixed)
    first = at // DAY_MS * requests
    chosen = {(first + number) % len(pages) for number in range(min(requests, len(pages)))} if pages else ()
    found: dict[Series, list[Window]] = defaultdict(list)
    for number in sorted(chosen):
        series, _, window = pages[number]
        found[series].append(window)
    return {series: sorted(windows) for series, windows in sorted(found.items())}


def weekly(held: Mapping[Series, Collection[str]], at: Instant) -> dict[Series, Window]:
    """The month of each series to read again as a whole in the week of ``at``.

    Args:
        held: the months held of each series, ``2026-11``; those that have not ended by then are left out.
        at: any time of the week, which begins on Monday.
    """
    chosen = ((series, _in_turn(sorted(months_), at)) for series, months_ in sorted(held.items()))
    return {series: month_window(month) for series, month in chosen if month is not None}


Page = tuple[Series, Instant, Window]
"""Where a page of the series begins, and what of it is held."""


def _pages(one: Held) -> Iterator[Page]:
    """Every page with held candles; the first of a month begins with it, so pages stay the same as history grows."""
    size = one.page_limit * one.series.timeframe.step
    ends: dict[Instant, Instant] = {}
    starts: dict[Instant, Instant] = {}
    for window in one.windows:
        for month, part in months(window):
            begin = month_window(month).start
            for page in range(begin + (part.start - begin) // size * size, part.end, size):
                starts.setdefault(page, max(page, part.start))
                ends[page] = min(page + size, part.end)
    return ((one.series, page, Window(starts[page], ends[page])) for page in starts)


def _mixed(page: Page) -> bytes:
    """A place in the order that is the same every night and far from that of the page before."""
    return hashlib.sha256(f"{page[0]} {page[1]}".encode()).digest()


def _in_turn(held: Sequence[str], at: Instant) -> str | None:
    """Whose turn it is: rounds begin with the oldest month, and each goes through all that had ended when it began."""
    if not held:
        return None
    ends = [month_window(month).end for month in held]
    now = (at + MONDAY_MS) // WEEK_MS
    week, round_ = -(-(ends[0] + MONDAY_MS) // WEEK_MS), 0
    if now < week:
        return None
    while week + round_ <= now:
        week += round_
        round_ = sum(1 for end in ends if end + MONDAY_MS <= week * WEEK_MS)
    return held[now - week]
