"""Asking for one page until the answer convinces.

What lives here: turning a page's window into rows to keep and runs that explain every candle without a row.
What does not: transport and its retries (``venues``), the structural judgement of one answer
(``venues.paging``), commits (``ingest.candles``).

When is "there is none" believed? An answer *speaks about* the time between its first and its last row. A candle
no answer has is verified empty once enough answers speak about its time: one from a venue that omits candles
without trades, two from a venue that prints flat ones. A hole at a page's edge is asked about again together
with candles around it, so that a cut or empty answer cannot pass for an empty market. What stays unproven stays
MISSING, with the reason, and is asked again by the next run. Only the last few candles before now, which nothing
can follow yet, are left undecided where a venue omits empty ones: nothing is said of them until the next run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qmd_platform.errors import VenueError
from qmd_platform.lake.store import Rejected
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market
from qmd_platform.model.spans import Run, State, intersected, subtracted, united, windows_of
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.quality.offenders import row_offenders
from qmd_platform.venues import paging
from qmd_platform.venues.port import Traffic, Venue

ROUNDS = 4
"""Answers asked for one page before what is left unexplained stays MISSING."""

PAD = 10
"""Candles asked for on each side of a hole, so that the answer can speak about it; four times as many each round."""

YOUNG = 60
"""Candles at the very end that may wait for a later one to prove them empty, before they count as MISSING."""

OMITTED = "the venue omits candles without trades, and its answer speaks about this time"
AGREED = "two answers of the venue speak about this time, and both leave it out"
UNPROVEN = "the venue sent none, and no answer proves that there is none"
SUPERSEDED = "the venue's next answer says otherwise"


@dataclass(frozen=True, slots=True)
class Question:
    """Of whom what is asked.

    All windows, those around a hole too, lie between ``floor`` (the listing) and ``closed`` (the end of what the
    venue's clock has closed).
    """

    venue: Venue
    market: Market
    timeframe: Timeframe
    floor: Instant
    closed: Instant


@dataclass(slots=True)
class Fetched:
    """What one page brought. Every row that came in is in ``candles``, in ``rejected`` or in a count."""

    window: Window
    candles: Candles = field(default_factory=Candles.empty)
    explained: list[Run] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    spoken: list[Window] = field(default_factory=list)
    duplicates: int = 0
    refused: int = 0
    error: VenueError | None = None
    undecided: list[Window] = field(default_factory=list)


async def convinced(question: Question, window: Window, traffic: Traffic) -> Fetched:
    """The candles of ``window``, and an explanation for each candle that is not there.

    Raises:
        VenueError: whatever ``Venue.page`` raises for the first question. A later question that fails ends the
            asking: what had arrived is kept, its holes stay MISSING for that reason, and ``error`` says so.
    """
    fetched = Fetched(window)
    step = question.timeframe.step
    needed = 1 if question.venue.omits_empty(question.market) else 2
    ask: Window | None = window
    for number in range(ROUNDS):
        if ask is None:
            break
        try:
            page = await question.venue.page(question.market, question.timeframe, ask, traffic)
        except VenueError as error:
            if number == 0:
                raise
            fetched.error = error
            break
        _absorb(fetched, page.candles, paging.judged(page.candles, ask, step, question.closed), step)
        holes = _unexplained(fetched, step, needed)
        ask = _next_question(question, holes, number)
    _explain(fetched, question, needed)
    return fetched


def _absorb(fetched: Fetched, answer: Candles, judgement: paging.Judgement, step: int) -> None:
    """Take one answer in: good rows by open time (the later answer wins), the others to their account.

    Rows around the page were only asked for to see whether the answer speaks; their own page takes them.
    """
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
    fetched.candles = _joined(fetched, inside.take(~bad))


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


def _unexplained(fetched: Fetched, step: int, needed: int) -> list[Window]:
    rows = windows_of(fetched.candles.open_at, step)
    return subtracted([fetched.window], [*rows, *_proven_empty(fetched, step, needed)])


def _proven_empty(fetched: Fetched, step: int, needed: int) -> list[Window]:
    """The time of the page that enough answers speak about, less what came as a row that was rejected."""
    spoken = fetched.spoken
    proven = united(spoken)
    if needed > 1:
        pairs = [(a, b) for position, a in enumerate(spoken) for b in spoken[position + 1 :]]
        proven = united(both for a, b in pairs if (both := a.intersection(b)) is not None)
    sent = [Window(r.open_at // step * step, r.open_at // step * step + step) for r in fetched.rejected]
    return subtracted(intersected(proven, [fetched.window]), sent)


def _next_question(question: Question, holes: Sequence[Window], number: int) -> Window | None:
    """One window over the holes and candles on both sides, more each time, cut to a page on alternate sides."""
    if not holes:
        return None
    step = question.timeframe.step
    size = question.venue.page_limit(question.market, question.timeframe) * step
    pad = PAD * 4**number * step
    start = max(holes[0].start - pad, question.floor)
    end = min(holes[-1].end + pad, question.closed)
    if end - start <= size:
        return Window(start, end)
    return Window(start, start + size) if number % 2 == 0 else Window(end - size, end)


def _explain(fetched: Fetched, question: Question, needed: int) -> None:
    """Say of every candle of the page without a row why there is none, or that it is too early to say."""
    step = question.timeframe.step
    rows = windows_of(fetched.candles.open_at, step)
    held = set(fetched.candles.open_at.tolist())
    reasons = {row.open_at: row.reason for row in sorted(fetched.rejected)}
    quarantined = [
        Run(Window(at, at + step), State.QUARANTINED, why)
        for at, why in reasons.items()
        if at not in held and at % step == 0
    ]
    empty = subtracted(_proven_empty(fetched, step, needed), rows)
    cause = OMITTED if needed == 1 else AGREED
    cause_of_rest = UNPROVEN if fetched.error is None else str(fetched.error)
    known = [*rows, *empty, *(run.window for run in quarantined)]
    rest = subtracted([fetched.window], known)
    if needed == 1 and fetched.error is None:
        fetched.undecided = [hole for hole in rest if hole.end == question.closed and hole.steps(step) <= YOUNG]
    fetched.explained = [
        *quarantined,
        *(Run(hole, State.VERIFIED_EMPTY, cause) for hole in empty),
        *(Run(hole, State.MISSING, cause_of_rest) for hole in subtracted(rest, fetched.undecided)),
    ]
