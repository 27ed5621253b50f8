"""Coverage as a map, series by month: what each cell holds, its gravest state, and the totals. Pure.

What lives here: the counting. What does not: drawing it (``cli``, ``assets``), reading it (``ingest.survey``).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from qmd_platform.coverage.causes import TOO_OLD
from qmd_platform.coverage.gaps import Gap
from qmd_platform.coverage.plan import believed
from qmd_platform.coverage.summary import Summary
from qmd_platform.model.series import Series
from qmd_platform.model.spans import Run, State, clipped, subtracted
from qmd_platform.model.window import Instant, Window, months


@dataclass(frozen=True, slots=True)
class Cell:
    """Candles that are wanted, by what is known of them; ``never_asked`` ones are in no state."""

    summary: Summary = field(default_factory=Summary)
    never_asked: int = 0

    @property
    def wanted(self) -> int:
        """How many candles ought to be there: all but the unlisted."""
        return self.summary.expected + self.never_asked

    @property
    def settled(self) -> int:
        """How many of the wanted ones are present or known to be empty."""
        return self.summary.present + self.summary.verified_empty

    @property
    def share(self) -> float:
        """Settled ones of the wanted, 0 to 1; 1 only where that is all."""
        return self.settled / self.wanted if self.wanted else 1.0

    @property
    def worst(self) -> State | None:
        """The gravest there is: missing, quarantined, never asked for (None); else what the cell is made of."""
        if self.summary.missing or self.summary.quarantined:
            return State.MISSING if self.summary.missing else State.QUARANTINED
        if self.never_asked:
            return None
        if self.settled:
            return State.PRESENT if self.summary.present else State.VERIFIED_EMPTY
        return State.UNLISTED

    def __add__(self, other: "Cell") -> "Cell":
        return Cell(self.summary + other.summary, self.never_asked + other.never_asked)


@dataclass(frozen=True, slots=True)
class Line:
    """One series: a cell for every month that is looked at, and its gaps, oldest first."""

    series: Series
    cells: dict[str, Cell]
    gaps: Sequence[Gap]

    @property
    def total(self) -> Cell:
        """All months together."""
        return sum(self.cells.values(), Cell())

    @property
    def oldest_gap(self) -> Instant | None:
        """Where the first candle is missing that is not verified empty; None when none is."""
        return min((gap.window.start for gap in self.gaps if gap.state is not State.VERIFIED_EMPTY), default=None)

    @property
    def next_ask(self) -> Instant | None:
        """When the first of the gaps is due; None when none ever is."""
        return min((gap.due_at for gap in self.gaps if gap.due_at is not None), default=None)


def line(series: Series, meant: Window, listed: Window | None, runs: Iterable[Run], gaps: Sequence[Gap]) -> Line:
    """Count one series.

    Args:
        series: of candles.
        meant: what is looked at, on the grid of the series.
        listed: the part in which the venue lists the market; the rest counts as unlisted. None when it never does.
        runs: coverage, sorted and disjoint.
        gaps: of the series.
    """
    step = series.timeframe.step
    counts: dict[str, dict[State | None, int]] = {month: defaultdict(int) for month, _ in months(meant)}
    for month, part in months(meant):
        counts[month][None] = part.steps(step)
    inside = [] if listed is None else clipped(believed(runs, None), listed)
    outside = [Run(part, State.UNLISTED) for part in subtracted([meant], [] if listed is None else [listed])]
    for run in (*inside, *outside):
        for month, part in months(run.window):
            counts[month][run.state] += part.steps(step)
            counts[month][None] -= part.steps(step)
    return Line(series, {month: _cell(found) for month, found in counts.items()}, gaps)


def _cell(counts: dict[State | None, int]) -> Cell:
    by_state = {state.value: counts.get(state, 0) for state in State}
    summary = Summary(expected=sum(by_state.values()) - by_state[State.UNLISTED], **by_state)
    return Cell(summary, counts[None])


def months_of(lines: Iterable[Line]) -> list[str]:
    """Every month any of the lines has a cell for, and those between, oldest first."""
    found = {month for one in lines for month in one.cells}
    if not found:
        return []
    window = Window.of(f"{min(found)}-01", f"{max(found)}-02")
    return [month for month, _ in months(window)]


def worst_first(lines: Collection[Line]) -> list[Line]:
    """The lines by how many candles they lack, most first; by name where that is the same."""
    return sorted(lines, key=lambda one: (one.total.settled - one.total.wanted, str(one.series)))


def gravest(lines: Iterable[Line]) -> list[tuple[Series, Gap]]:
    """Every gap of the lines: the unexplained before those nobody asked for, no API has or are empty; the longest first."""
    found = [(one.series, gap) for one in lines for gap in one.gaps]
    return sorted(found, key=lambda one: (_rank(one[1]), one[1].window.start - one[1].window.end, one))


def _rank(gap: Gap) -> int:
    if gap.state is State.VERIFIED_EMPTY:
        return 4
    if gap.cause == TOO_OLD:
        return 3
    if gap.state is State.QUARANTINED:
        return 1
    return 0 if gap.asks or gap.cause else 2
