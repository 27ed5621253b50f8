"""Asking for one page until the answer convinces.

What lives here: the questions, and the account of every row that came. What does not: what the answers prove and which
question is next (``ingest.proof``), transport and its retries (``venues``), the structural judgement of one answer
(``venues.paging``), commits (``ingest.months``).
"""

from collections.abc import Awaitable, Sequence
from dataclasses import replace

import numpy as np

from qmd_platform.errors import VenueError
from qmd_platform.ingest import proof
from qmd_platform.ingest.fetched import Fetched, Question, Skip
from qmd_platform.lake.store import Rejected
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.evidence import Answered
from qmd_platform.model.window import Window
from qmd_platform.quality.offenders import row_offenders
from qmd_platform.venues import paging
from qmd_platform.venues.port import Page, Traffic

ROUNDS = 4
"""Answers asked for one page and what is around it; one more where that one would prove what is left."""

SUPERSEDED = "the venue's next answer says otherwise"


async def convinced(question: Question, fetched: Fetched, traffic: Traffic) -> None:
    """Ask for the candles of ``fetched.window`` until all are there or explained, or nothing more can be learnt.

    ``fetched`` grows with every answer, so that whoever ends this early has what had come by then.

    Raises:
        VenueError: whatever ``Venue.page`` raises for the first question. A later question that fails ends the
            asking: what had arrived is kept, its holes stay MISSING for that reason, and ``error`` says so.
    """
    ask: Window | None = fetched.window
    for number in range(ROUNDS + 1):
        if number == ROUNDS:
            ask = proof.half_proven(question, fetched)
        if ask is None or fetched.error is not None:
            break
        coming = question.venue.page(question.market, question.timeframe, ask, traffic)
        page = await _answer(question, fetched, coming, ask, is_first=number == 0)
        if page is not None:
            before = len(fetched.spoken)
            absorb(fetched, question, page, ask)
            fetched.stops += [one.end for one in fetched.spoken[before:] if ask.end == question.closed]
        if proof.outgrown(question, proof.in_doubt(question, fetched), number):
            await _onward(question, fetched, traffic)
        ask = proof.next_question(question, proof.in_doubt(question, fetched), number)
    proof.explain(question, fetched)


async def _onward(question: Question, fetched: Fetched, traffic: Traffic) -> None:
    """Ask where the venue goes on after holes that no page spans, as often as it takes to believe it.

    What it says holds for the pages after this one too: an outage of months costs two questions, not two a page. A
    candle that is there after all ends it: then the page that lacked it is to be asked again.
    """
    for _ in range(proof.needed(question)):
        for hole in proof.in_doubt(question, fetched):
            if fetched.error is not None or not await _skipped(question, fetched, hole, traffic):
                return


async def _skipped(question: Question, fetched: Fetched, hole: Window, traffic: Traffic) -> bool:
    """Whether the venue, asked where it goes on from the start of ``hole``, skips anything of it."""
    coming = question.venue.onward(question.market, question.timeframe, hole.start, traffic)
    page = await _answer(question, fetched, coming, hole, is_first=False)
    if page is None or not (len(page.candles) or question.is_over):
        fetched.nowhere += page is not None
        return False
    step = question.timeframe.step
    goes_on = last = question.closed
    if len(page.candles):
        goes_on = min(int(page.candles.open_at[0]), question.closed) // step * step
        last = min(int(page.candles.open_at[-1]) // step * step + step, question.closed)
    # The answer is evidence up to its last row: later gaps were not asked for by it.
    said = Window(hole.start, max(hole.end, last))
    fetched.evidence[-1] = replace(fetched.evidence[-1], window=said)
    absorb(fetched, question, page, Window(hole.start, question.closed))
    if goes_on <= hole.start:
        return False
    question.skipped.append(Skip(Window(hole.start, goes_on), fetched.evidence[-1]))
    return True


async def _answer(
    question: Question, fetched: Fetched, coming: Awaitable[Page | None], asked: Window, *, is_first: bool
) -> Page | None:
    """What came, on record; None when nothing did, which is then ``fetched.error``, or there was nothing to ask."""
    at = question.clock()
    try:
        page = await coming
    except VenueError as error:
        fetched.evidence.append(Answered(asked, at, "", error=str(error)))
        if is_first:
            raise
        fetched.error = error
        return None
    if page is not None:
        fetched.evidence.append(Answered(asked, at, page.asked, page.digest, len(page.candles)))
    return page


def absorb(fetched: Fetched, question: Question, page: Page, asked: Window) -> None:
    """Take one answer in: good rows by open time (the later answer wins), the others to their account.

    Rows around the page were only asked for to see whether the answer speaks; their own page takes them.
    """
    answer, step = page.candles, question.timeframe.step
    judgement = paging.judged(answer, asked, step, question.closed)
    if len(judgement.candles):
        at = judgement.candles.open_at
        fetched.spoken.append(Window(int(at[0]), int(at[-1]) + step))
    _reject(fetched, answer, judgement.rejected)
    inside = judgement.candles.within(fetched.window)
    fetched.duplicates += judgement.duplicates + len(judgement.candles) - len(inside)
    fetched.refused += judgement.outside + judgement.forming
    bad = np.zeros(len(inside), bool)
    for rule, mask in row_offenders(inside, step).items():
        _reject(fetched, inside, [(int(row), rule) for row in np.flatnonzero(mask & ~bad)])
        bad |= mask
    fetched.candles = _joined(fetched, _whole(fetched, inside.take(~bad), answer))


def _whole(fetched: Fetched, later: Candles, answer: Candles) -> Candles:
    """Of ``later``, and of the rows held, those that cannot be one half of two rows of the same time that contradict.

    An answer that is cut between the two has only one of them, as its first row or its last: nothing shows it there.
    """
    edges = {int(at) for at in answer.open_at[[0, -1]]} if len(answer) else set()
    contested = {row.open_at for row in fetched.rejected if row.reason == paging.CONTRADICTS}
    fetched.candles = _without(fetched, fetched.candles, contested & fetched.edges)
    fetched.edges |= edges
    return _without(fetched, later, contested & edges)


def _without(fetched: Fetched, rows: Candles, halves: set[int]) -> Candles:
    is_half = np.isin(rows.open_at, list(halves))
    _reject(fetched, rows, [(int(row), paging.CONTRADICTS) for row in np.flatnonzero(is_half)])
    return rows.take(~is_half)


def _joined(fetched: Fetched, later: Candles) -> Candles:
    """Both answers' rows, sorted; of a time that both have, the later row, the earlier one to its account."""
    earlier = fetched.candles
    if not len(earlier) or not len(later):
        return later if len(later) else earlier
    again, mine, theirs = np.intersect1d(earlier.open_at, later.open_at, assume_unique=True, return_indices=True)
    same = np.ones(len(again), bool)
    for name in COLUMNS[1:]:
        same &= getattr(earlier, name)[mine] == getattr(later, name)[theirs]
    fetched.duplicates += int(same.sum())
    _reject(fetched, earlier, [(int(row), SUPERSEDED) for row in mine[~same]])
    kept = np.ones(len(earlier), bool)
    kept[mine] = False
    both = Candles.concat([earlier.take(kept), later])
    return both.take(np.argsort(both.open_at, kind="stable"))


def _reject(fetched: Fetched, rows: Candles, why: Sequence[tuple[int, str]]) -> None:
    """Keep the rows at these positions apart. One that was rejected before, or is not of this page, is a repeat."""
    for row, reason in why:
        values = {name: float(getattr(rows, name)[row]) for name in COLUMNS[1:]}
        rejected = Rejected(int(rows.open_at[row]), values, reason)
        is_repeat = any(rejected.is_same(other) for other in fetched.rejected)
        if is_repeat or not fetched.window.contains(rejected.open_at):
            fetched.duplicates += 1
        else:
            fetched.rejected.append(rejected)
