"""Where wanted candles come from cheapest: a month's file, days' files, or the venue's API. Pure.

What lives here: the arithmetic and the choice. What does not: what an archive has and when (``venues.archive_facts``,
handed in as a function), downloading (``venues.archive``), asking (``ingest``).

Cost is counted in units of request weight:

    API    weight of each page + TRIP a page          + BODY for every thousand candles it carries
    file                         TRIPS_A_FILE * TRIP  + BODY for every thousand candles it carries, wanted or not
                                                      + once a month a page of the API, to compare

Thirty days of Binance's 1m candles are 44 pages: 44 * (2 + 1) + 43.2 * 0.25 = 142.8; the month's file costs
2 + 10.8 + 3.25 = 16.05. Three of the days cost 16.08 by page and 3 * 2.36 + 3.25 = 10.33 by the days' files. An hour
costs 3.015 by page.

A hole of a few candles is always asked for at the API, however many there are: what a file left out the first time it
leaves out again, and only the API's answer says why. Holes close to each other share a page (``bunched``).
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from qmd_platform.model.spans import intersected, subtracted, united
from qmd_platform.model.window import Instant, Window, month_window, months

TRIP = 1.0
"""A round trip costs as much as this much request weight."""

BODY = 0.25
"""A thousand candles on their way cost as much as this much request weight."""

TRIPS_A_FILE = 2
"""A file and its checksum."""

FEW = 100
"""Candles up to which a window is a hole, to be asked for at the API."""

FEWEST_PAGES = 2
"""What so many pages of a month bring is asked for at the API: a file and the page to compare are as many requests."""

DAY = 86_400_000
"""Milliseconds in a day."""


class Source(StrEnum):
    """Who is asked."""

    API = "api"
    DAY = "archive day"
    MONTH = "archive month"


@dataclass(frozen=True, slots=True)
class Api:
    """What asking the API costs: candles a page, and the weight of a page of so many candles."""

    page_limit: int
    weight: Callable[[int], float]

    def pages(self, windows: Iterable[Window], step: int) -> list[int]:
        """Candles on each page of ``windows``, those between two close ones included."""
        sizes: list[int] = []
        for window in bunched(windows, step, self.page_limit):
            whole, rest = divmod(window.steps(step), self.page_limit)
            sizes += [self.page_limit] * whole + ([rest] if rest else [])
        return sizes

    def cost(self, windows: Iterable[Window], step: int) -> float:
        """What it costs to ask for ``windows``, page by page."""
        return sum(self.weight(size) + TRIP + BODY * size / 1000 for size in self.pages(windows, step))


@dataclass(frozen=True, slots=True, order=True)
class Planned:
    """One thing to ask for.

    Attributes:
        window: the file's whole month or day; of the API, from the first wanted candle to the last.
        source: who is asked.
        wanted: the windows in it that are taken; sorted, disjoint.
        why: the reason, in words.
    """

    window: Window
    source: Source
    wanted: tuple[Window, ...]
    why: str = ""


def sources(
    wanted: Sequence[Window],
    step: int,
    now: Instant,
    *,
    api: Api,
    published_at: Callable[[Window], Instant] | None = None,
    unusable: Collection[Window] = (),
) -> list[Planned]:
    """Every wanted candle at exactly one source, as cheap as the arithmetic above says.

    Args:
        wanted: windows on the grid of ``step``, of one market.
        step: a candle's length in ms.
        now: the venue's clock; a file is planned only when it can be expected to be there.
        api: what the API costs.
        published_at: from which instant on the file of a whole month or day is there; None where there is no archive.
        unusable: windows of files that were asked for and are absent or damaged. Planning again with them gives what
            to do instead: days for a month, the API for a day.

    Returns:
        what to ask for, by window.
    """
    pieces = united(wanted)
    small = [window for window in pieces if window.steps(step) <= FEW]
    large = [window for window in pieces if window.steps(step) > FEW]
    if published_at is None or not large:
        return _from_api(pieces, "no archive has it" if published_at is None else "a few candles")
    shelf = _Shelf(step, now, api, published_at, frozenset(unusable))
    planned = [one for month in _months(large) for one in shelf.month(month, intersected(large, [month]))]
    left = subtracted(pieces, [part for one in planned for part in one.wanted])
    return sorted(
        [*planned, *_from_api(subtracted(left, small), "cheaper page by page"), *_from_api(small, "a few candles")]
    )


def bunched(windows: Iterable[Window], step: int, limit: int) -> list[Window]:
    """Windows that hold ``windows`` and fill their pages: what fits a page of ``limit`` candles with its neighbour, joins it.

    Asking for the candles between two holes costs nothing that asking twice would not.
    """
    size = limit * step
    result: list[Window] = []
    for window in united(windows):
        last = result[-1] if result else None
        if last is not None and window.end - _last_page(last, size) <= size:
            result[-1] = Window(last.start, window.end)
        else:
            result.append(window)
    return result


def _last_page(window: Window, size: int) -> Instant:
    """Where the last page of ``window`` begins."""
    return window.start + (window.end - 1 - window.start) // size * size


def file_cost(window: Window, step: int, check: float = 0.0) -> float:
    """What the file of ``window`` costs, whatever is wanted of it; ``check`` is what comparing it costs."""
    return TRIPS_A_FILE * TRIP + BODY * window.steps(step) / 1000 + check


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The files of one market, as far as they can be expected."""

    step: int
    now: Instant
    api: Api
    published_at: Callable[[Window], Instant]
    unusable: frozenset[Window]

    def month(self, month: Window, wanted: Sequence[Window]) -> list[Planned]:
        """The files that ``wanted``, all of it inside ``month``, is to be taken from; the rest is the API's."""
        if len(self.api.pages(wanted, self.step)) <= FEWEST_PAGES:
            return []
        check = self.api.cost([Window(0, self.api.page_limit * self.step)], self.step)
        days = [one for day in _days(wanted) if (one := self._worth(day, Source.DAY, intersected(wanted, [day])))]
        rest = subtracted(wanted, [part for one in days for part in one.wanted])
        by_days = sum(file_cost(one.window, self.step) for one in days) + check + self.api.cost(rest, self.step)
        whole = self._worth(month, Source.MONTH, wanted, check)
        if whole is not None and file_cost(month, self.step, check) < by_days:
            return [whole]
        return days if by_days < self.api.cost(wanted, self.step) else []

    def _worth(self, window: Window, source: Source, wanted: Sequence[Window], check: float = 0.0) -> Planned | None:
        """The file of ``window``, if it can be had and costs less than the pages of what is wanted of it."""
        by_api, by_file = self.api.cost(wanted, self.step), file_cost(window, self.step, check)
        if window in self.unusable or self.now < self.published_at(window) or by_file >= by_api:
            return None
        pages = len(self.api.pages(wanted, self.step))
        return Planned(window, source, tuple(wanted), f"{by_file:.0f} instead of {by_api:.0f} for {pages} pages")


def _from_api(windows: Iterable[Window], why: str) -> list[Planned]:
    return [Planned(window, Source.API, (window,), why) for window in windows]


def _months(windows: Iterable[Window]) -> list[Window]:
    """The whole months that ``windows`` touch, each once, oldest first."""
    return [month_window(month) for month in sorted({month for window in windows for month, _ in months(window)})]


def _days(windows: Iterable[Window]) -> list[Window]:
    """The whole days that ``windows`` touch, each once, oldest first."""
    starts = {start for window in windows for start in range(window.start // DAY * DAY, window.end, DAY)}
    return [Window(start, start + DAY) for start in sorted(starts)]
