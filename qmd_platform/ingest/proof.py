"""What a page's answers prove, and which question would prove more. Pure.

What lives here: the rules of belief. What does not: asking (``ingest.pages``), the records (``ingest.fetched``).

When is "there is none" believed? An answer *speaks about* the time between its first and its last row; the answer to
"where do you go on after this time" speaks about the time up to its row. A candle no answer has is verified empty once
enough answers speak about its time: one from a venue that omits candles without trades, two from a venue that prints
flat ones. A hole at a page's edge is asked about again together with candles around it, so that a cut or empty answer
cannot pass for an empty market; of a market that is over, two answers that stop at the same row prove that nothing comes
after it. What stays unproven stays MISSING, with the reason, and is asked again later. Only the
last few candles before now, which nothing can follow yet, are left undecided where a venue omits empty ones: nothing is
said of them until the next run.
"""

from collections.abc import Sequence

from qmd_platform.coverage.causes import AGREED, OMITTED, UNPROVEN
from qmd_platform.ingest.fetched import Fetched, Question
from qmd_platform.model.spans import Run, State, intersected, subtracted, united, windows_of
from qmd_platform.model.window import Window

PAD = 10
"""Candles asked for on each side of a hole, so that the answer can speak about it; four times as many each round."""

YOUNG = 60
"""Candles at the very end that may wait for a later one to prove them empty, before they count as MISSING."""


def needed(question: Question) -> int:
    """How many answers must speak about a time without a row before it is believed to be empty."""
    return 1 if question.venue.omits_empty(question.market) else 2


def unexplained(question: Question, fetched: Fetched) -> list[Window]:
    """The parts of the page of which neither a row came nor a proof that there is none."""
    rows = windows_of(fetched.candles.open_at, question.timeframe.step)
    return subtracted([fetched.window], [*rows, *_proven_empty(question, fetched)])


def in_doubt(question: Question, fetched: Fetched) -> list[Window]:
    """The unexplained parts that it makes sense to ask about now: not those that nothing can follow yet.

    Of the candles that no venue can say more about, because two answers stop before them or say that nothing follows,
    nothing is asked a third time.
    """
    holes = [hole for hole in unexplained(question, fetched) if not _is_young(question, hole)]
    last = int(fetched.candles.open_at[-1]) if len(fetched.candles) else fetched.window.start
    ends = [Window(last, fetched.window.end)] if fetched.nowhere > 1 else []
    return subtracted(holes, [*_after_the_last(question, fetched), *ends])


def half_proven(question: Question, fetched: Fetched) -> Window | None:
    """The time of an answer that speaks about what is in doubt, where a second one would prove it; None where none would.

    So where a page begins or ends deep in a gap: only the widest question reaches candles beyond it.
    """
    holes = subtracted(in_doubt(question, fetched), _rejected(question, fetched))
    return next((spoken for spoken in reversed(fetched.spoken) if intersected([spoken], holes)), None)


def _rejected(question: Question, fetched: Fetched) -> list[Window]:
    """The candles of which a row came that is not believed."""
    step = question.timeframe.step
    begins = [one.open_at // step * step for one in fetched.rejected]
    return [Window(begin, begin + step) for begin in begins]


def _is_young(question: Question, hole: Window) -> bool:
    is_last = hole.end == question.closed and hole.steps(question.timeframe.step) <= YOUNG
    return needed(question) == 1 and is_last and not question.is_over


def _after_the_last(question: Question, fetched: Fetched) -> list[Window]:
    """The time from the last row of two answers, both asked up to the last closed candle, to that."""
    last = max(fetched.stops, default=question.closed)
    return [Window(last, question.closed)] if fetched.stops.count(last) > 1 and last < question.closed else []


def next_question(question: Question, holes: Sequence[Window], number: int) -> Window | None:
    """One window over the holes and candles on both sides, more each time, cut to a page on alternate sides.

    Where the venue can say where it goes on, no candles around are needed once they do not fit into a page any more.
    """
    if not holes:
        return None
    if outgrown(question, holes, number):
        return Window(holes[0].start, holes[-1].end)
    around, size = _around(question, holes, number), _size(question)
    if around.end - around.start <= size:
        return around
    return Window(around.start, around.start + size) if number % 2 == 0 else Window(around.end - size, around.end)


def outgrown(question: Question, holes: Sequence[Window], number: int) -> bool:
    """Whether to ask the venue where it goes on, if it can say.

    So when candles around the holes do not fit into a page, or were asked for in vain already.
    """
    if not holes or not question.venue.goes_on(question.market):
        return False
    around = _around(question, holes, number)
    return number > 0 or around.end - around.start > _size(question)


def _around(question: Question, holes: Sequence[Window], number: int) -> Window:
    pad = PAD * 4**number * question.timeframe.step
    return Window(max(holes[0].start - pad, question.floor), min(holes[-1].end + pad, question.closed))


def _size(question: Question) -> int:
    return question.venue.page_limit(question.market, question.timeframe) * question.timeframe.step


def explain(question: Question, fetched: Fetched, cause: str = "") -> None:
    """Say of every candle of the page without a row why there is none, or that it is too early to say.

    ``cause`` is why the asking ended; by default what ``fetched.error`` says, if it did not end by itself.
    """
    step = question.timeframe.step
    rows = windows_of(fetched.candles.open_at, step)
    held = set(fetched.candles.open_at.tolist())
    reasons = {row.open_at: row.reason for row in sorted(fetched.rejected)}
    quarantined = [
        Run(Window(at, at + step), State.QUARANTINED, why)
        for at, why in reasons.items()
        if at not in held and at % step == 0
    ]
    empty = subtracted(_proven_empty(question, fetched), rows)
    is_habit = needed(question) == 1
    cause_of_rest = cause or (UNPROVEN if fetched.error is None else str(fetched.error))
    known = [*rows, *empty, *(run.window for run in quarantined)]
    rest = subtracted([fetched.window], known)
    if fetched.error is None:
        fetched.undecided = [hole for hole in rest if _is_young(question, hole)]
    fetched.explained = [
        *quarantined,
        *(Run(hole, State.VERIFIED_EMPTY, OMITTED if is_habit else AGREED) for hole in empty),
        *(Run(hole, State.MISSING, cause_of_rest) for hole in subtracted(rest, fetched.undecided)),
    ]
    # An outage of months is answered for once: what another month was told is the evidence of this one too.
    told = [skip.answer for skip in question.skipped if intersected([skip.window], empty)]
    fetched.evidence += [answer for answer in told if answer not in fetched.evidence]
    fetched.is_done = True


def _proven_empty(question: Question, fetched: Fetched) -> list[Window]:
    """The time of the page that enough answers speak about, less what came as a row that was rejected.

    Of a market that is over, two answers that stop at the same row speak about all the time after it.
    """
    spoken = [*fetched.spoken, *(skip.window for skip in question.skipped)]
    over = _after_the_last(question, fetched) if question.is_over else []
    proven = united(spoken)
    if needed(question) > 1:
        pairs = [(a, b) for position, a in enumerate(spoken) for b in spoken[position + 1 :]]
        proven = united(both for a, b in pairs if (both := a.intersection(b)) is not None)
    return subtracted(intersected([*proven, *over], [fetched.window]), _rejected(question, fetched))
