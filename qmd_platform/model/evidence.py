"""Evidence: which answers of a source speak about a candle, and how often what is not there was asked for. Pure.

What lives here: the records, and how a new question changes what is known of earlier ones. What does not: what an
answer proves (``ingest.pages``), when to ask again (``coverage.recheck``), where it is kept (``ledger``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from qmd_platform.model.spans import intersected, parts_inside, parts_outside, subtracted, united
from qmd_platform.model.window import Instant, Window


@dataclass(frozen=True, slots=True, order=True)
class Answered:
    """One question to a source, and what came of it.

    Attributes:
        window: the candles that were asked for (open times, half-open).
        at: when it was asked, epoch ms of this machine's clock.
        what: whom or what was asked: a method of the venue (``publicGetKlines``), a file of an archive.
        digest: sha256 of the answer's bytes, hex; empty where there was no answer.
        rows: candles in the answer, whatever became of them.
        error: why there was no answer, in words; empty where there was one.
    """

    window: Window
    at: Instant
    what: str
    digest: str = ""
    rows: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Attempt:
    """Every candle in ``window`` was asked for ``asks`` times, last at ``last_at`` (epoch ms), and is not there yet."""

    window: Window
    asks: int
    last_at: Instant


def attempted(
    before: Iterable[Attempt], asked: Sequence[Window], at: Instant, absent: Sequence[Window]
) -> tuple[Attempt, ...]:
    """What is to be remembered after ``asked`` was asked at ``at``, and the candles in ``absent`` are still not there.

    What is there now, or never will be, is forgotten. Windows are on the grid; the result is sorted and disjoint.
    """
    after: list[Attempt] = []
    gone, again = united(absent), intersected(asked, absent)
    known = list(before)
    for old in known:
        left = (part for inside in parts_inside(old.window, gone) for part in parts_outside(inside, again))
        after += [replace(old, window=part) for part in left]
        after += [Attempt(part, old.asks + 1, max(at, old.last_at)) for part in parts_inside(old.window, again)]
    first = subtracted(again, united(old.window for old in known))
    return _joined([*after, *(Attempt(part, 1, at) for part in first)])


def _joined(attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    """Sorted; touching neighbours that say the same are one."""
    result: list[Attempt] = []
    for one in sorted(attempts):
        last = result[-1] if result else None
        if last and last.window.end == one.window.start and (last.asks, last.last_at) == (one.asks, one.last_at):
            result[-1] = replace(last, window=Window(last.window.start, one.window.end))
        else:
            result.append(one)
    return tuple(result)
