"""What a venue's archive gives of one month, and whether the API agrees with it.

What lives here: files asked for, cut to what is wanted, judged like pages; the one page of a month that the API is asked
for too. What does not: which file is worth it (``coverage.sources``), downloads (``venues.archive``), the API's pages
(``ingest.asked``), commits (``ingest.months``).

A file is asked for once, whatever comes of it. What it lacks, or why it was of no use, is the next file's to mend (the
days' for a month's) and the API's in the end: an archive's silence proves nothing.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np

from qmd_platform.coverage.sources import Api, Planned, Source, bunched, sources
from qmd_platform.errors import VenueError
from qmd_platform.ingest.fetched import Fetched, Question
from qmd_platform.ingest.pages import absorb
from qmd_platform.model.candles import Candles
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Series
from qmd_platform.model.spans import State, intersected, subtracted, united, windows_of
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues import archive_facts, facts, paging
from qmd_platform.venues.archive import Archive, Archived
from qmd_platform.venues.archive_check import Disagreement, compared, is_contradicted, sample_page
from qmd_platform.venues.port import Page, Traffic


@dataclass(slots=True)
class Taken:
    """One file's part of what was wanted, judged."""

    source: Source
    parts: list[Fetched]
    evidence: Answered

    @property
    def candles(self) -> Candles:
        """The rows to keep, sorted, unique."""
        return Candles.concat([part.candles for part in self.parts])


@dataclass(slots=True)
class Shelved:
    """What came from the archive.

    Attributes:
        left: what is the API's.
        taken: the files used.
        failed: which files were of no use, and why.
        sample: the page that the API is asked for too; None when no file was used.
    """

    left: list[Window]
    taken: list[Taken] = field(default_factory=list)
    failed: list[Answered] = field(default_factory=list)
    sample: Window | None = None

    def pages(self, step: int, limit: int) -> list[Window]:
        """The pages to ask the API for, oldest first."""
        wanted = [*self.left, *([self.sample] if self.sample else [])]
        return paging.pages(bunched(wanted, step, limit), step, limit)


async def shelved(
    archive: Archive,
    question: Question,
    windows: Sequence[Window],
    now: Instant,
    traffic: Traffic,
    *,
    until: float | None = None,
) -> Shelved:
    """Take what is cheaper from the archive of ``windows``, which lie inside one month. Raises nothing of the venue's.

    Files that are not there at ``until`` (the loop's clock) are left to the API, which will be late too and say so.
    """
    result = Shelved(list(windows))
    with suppress(TimeoutError):
        async with asyncio.timeout_at(until):
            await _filled(archive, question, result, now, traffic)
    result.sample = _sample(question, result.taken)
    return result


async def _filled(archive: Archive, question: Question, result: Shelved, now: Instant, traffic: Traffic) -> None:
    """Ask for files until none is worth it any more; ``result`` has what came at any moment."""
    known = archive_facts.find(archive.name, question.market.kind, question.timeframe)
    if known is None:
        return
    costs = facts.of(archive.name, question.market.kind)
    api = Api(costs.page_limit, costs.weight)
    tried: set[Window] = set()
    while True:
        plan = sources(
            result.left, question.timeframe.step, now, api=api, published_at=known.published_at, unusable=tried
        )
        files = [one for one in plan if one.source is not Source.API]
        if not files:
            return
        tried |= {one.window for one in files}
        await asyncio.gather(*(_file(archive, question, one, result, traffic) for one in files))


def _sample(question: Question, taken: Sequence[Taken]) -> Window | None:
    """The page to compare: of the longest stretch that came from files, always the same for a month."""
    step = question.timeframe.step
    stretches = united(
        window for one in taken for part in one.parts for window in windows_of(part.candles.open_at, step)
    )
    if not stretches:
        return None
    longest = max(stretches, key=lambda window: window.steps(step))
    limit = question.venue.page_limit(question.market, question.timeframe)
    return sample_page(Series.candles(question.market, question.timeframe), longest, step, limit)


async def _file(archive: Archive, question: Question, one: Planned, result: Shelved, traffic: Traffic) -> None:
    step, at = question.timeframe.step, question.clock()
    try:
        archived = await archive.file(question.market, question.timeframe, one.window, traffic)
    except VenueError as error:
        result.failed.append(Answered(one.window, at, "archive", error=error.message))
        return
    parts = [_judged(question, archived, window) for window in one.wanted]
    there = [window for part in parts for window in windows_of(part.candles.open_at, step)]
    result.left = subtracted(result.left, there)
    result.taken.append(Taken(one.source, parts, replace(archived.evidence, at=at)))


def _judged(question: Question, archived: Archived, window: Window) -> Fetched:
    """The file's rows of one wanted window, judged like a page's. It explains nothing: only rows count."""
    fetched = Fetched(window, is_done=True)
    rows = archived.candles.within(window)
    absorb(fetched, question, Page(window, rows, archived.evidence.digest, archived.file.path), window)
    return fetched


def agreed(shelf: Shelved, answers: Sequence[Fetched], step: int) -> tuple[list[Disagreement], int, list[Window]]:
    """Compare the sample with what the API said of it; where it says otherwise, nothing of the archive is taken.

    Returns:
        the disagreements; how many candles were compared; the windows that are the API's now. Of a single candle that
        disagrees the API's row is committed last, and so has the say.
    """
    if shelf.sample is None:
        return [], 0, []
    answered = _answered(shelf.sample, answers)
    told = _within([one.candles for one in answers], answered)
    found = compared(_within([one.candles for one in shelf.taken], answered), told)
    if not is_contradicted(found, len(told)):
        return found, len(told), []
    dropped = [window for one in shelf.taken for part in one.parts for window in windows_of(part.candles.open_at, step)]
    why = f"the API contradicts it: {len(found)} of {len(told)} candles"
    shelf.failed += [replace(one.evidence, error=why) for one in shelf.taken]
    shelf.taken.clear()
    return found, len(told), subtracted(dropped, [one.window for one in answers])


def _answered(sample: Window, answers: Sequence[Fetched]) -> list[Window]:
    """The parts of the sample of which the API said what there is, or that there is nothing."""
    known = intersected([sample], [one.window for one in answers])
    unsaid = [run.window for one in answers for run in one.explained if run.state is not State.VERIFIED_EMPTY]
    return subtracted(known, [*unsaid, *(window for one in answers for window in one.undecided)])


def _within(parts: Sequence[Candles], windows: Sequence[Window]) -> Candles:
    """The rows of ``parts`` inside ``windows``, sorted. No open time is in two parts."""
    rows = Candles.concat([part.within(window) for part in parts for window in windows])
    return rows.take(np.argsort(rows.open_at, kind="stable"))
