"""The agenda: which gaps to ask for now, in the fewest ranges of partitions, and why the others are not. Pure.

What lives here: the choice. What does not: what a gap is (``coverage.gaps``), when one is due (``coverage.recheck``),
reading lake and universe (``ingest.agenda``), launching anything (``sensors``).

Newest months first: they are what people look at. A partition is asked for as a whole or not at all, so that a range is
exactly the partitions in it. Nothing is remembered between two agendas: what was asked is in the lake, what is being
asked is told by the caller, so an agenda that was lost midway is simply made again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qmd_platform.coverage.gaps import Gap, derivable, gaps, settled
from qmd_platform.coverage.ranges import Range, Verdict
from qmd_platform.coverage.rectangles import covered
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import united
from qmd_platform.model.window import Instant, Window, month_of, month_window, months

__all__ = ["Agenda", "Gap", "Lacking", "Range", "Verdict", "agenda", "derivable", "gaps", "settled"]


@dataclass(frozen=True, slots=True)
class Lacking:
    """One candle series and its gaps.

    Attributes:
        series: of candles.
        gaps: all of them, due or not, oldest first.
        page_limit: candles a request brings; 0 for candles that are made of shorter ones and cost no request.
        reach: the oldest instant the venue serves; older windows cost one request each, the one that is refused.
        month_cost: requests a whole month takes where an archive has it in one file; 0 where none has.
    """

    series: Series
    gaps: Sequence[Gap]
    page_limit: int
    reach: Instant = 0
    month_cost: int = 0


@dataclass(frozen=True, slots=True)
class Agenda:
    """What to do about every gap. ``ranges`` are asked for now, newest first; ``left`` are not, each says why."""

    ranges: list[Range]
    left: list[Range]

    @property
    def next_due(self) -> Instant | None:
        """When the first of the gaps that wait is due; None when none waits."""
        waiting = (one.due_at for one in self.left if one.verdict is Verdict.WAIT)
        return min((due for due in waiting if due is not None), default=None)

    @property
    def sentences(self) -> list[str]:
        """Every decision in words."""
        return [one.sentence for one in (*self.ranges, *self.left)]


def agenda(
    lacking: Sequence[Lacking],
    *,
    now: Instant,
    budget: int,
    in_flight: Collection[Partition] = (),
    order: Sequence[Market] | None = None,
) -> Agenda:
    """Choose what to ask for now.

    Args:
        lacking: the series.
        now: the clock's time.
        budget: requests for each venue. It is kept, except that a partition that costs more on its own is asked for
            alone: otherwise it would never be.
        in_flight: partitions somebody is asking for.
        order: markets as the orchestrator orders them; neighbours are joined into one range. By slug when not given.
    """
    known = {one.series.market for one in lacking}
    ordered = list(order) if order is not None else sorted(known, key=lambda market: market.slug)
    plan = _Plan(now, budget, {market: row for row, market in enumerate(ordered)})
    for one in lacking:
        plan.sort(one, in_flight)
    plan.choose()
    ranges = sorted(plan.ranges(), key=_newest_first)
    asked = [one for one in ranges if one.verdict is Verdict.ASK]
    return Agenda(asked, [one for one in ranges if one.verdict is not Verdict.ASK])


def _newest_first(one: Range) -> tuple[int, str, int, str]:
    return (-_number(one.months[-1]), one.venue, one.timeframe.step, one.markets[0].slug)


def _number(month: str) -> int:
    year, _, in_year = month.partition("-")
    return int(year) * 12 + int(in_year) - 1


@dataclass(slots=True)
class _Cell:
    """The due gaps of one partition, and what they cost."""

    partition: Partition
    requests: int
    gaps: list[Gap]


@dataclass(slots=True)
class _Plan:
    """Every gap under its verdict, partition by partition. ``rows`` are the markets' places in the order."""

    now: Instant
    budget: int
    rows: Mapping[Market, int]
    due: list[_Cell] = field(default_factory=list)
    cells: dict[Verdict, dict[Partition, _Cell]] = field(default_factory=lambda: {verdict: {} for verdict in Verdict})

    def sort(self, one: Lacking, in_flight: Collection[Partition]) -> None:
        """Put the gaps of a series where they belong, as far as each can be judged by itself."""
        found: dict[tuple[Verdict, str], list[Gap]] = defaultdict(list)
        for gap in one.gaps:
            for month, part in months(gap.window):
                found[_verdict(gap, self.now), month].append(replace(gap, window=part))
        for (verdict, month), inside in found.items():
            cell = _Cell(Partition(one.series, month), _requests(one, inside), inside)
            if verdict is not Verdict.ASK:
                self.cells[verdict][cell.partition] = cell
            elif cell.partition in in_flight:
                self.cells[Verdict.IN_FLIGHT][cell.partition] = cell
            else:
                self.due.append(cell)

    def choose(self) -> None:
        """Ask for the newest months until a venue's budget does not hold the next one; in a month, for neighbours."""
        spent: dict[str, int] = defaultdict(int)
        full: set[str] = set()
        for cell in sorted(self.due, key=self._turn):
            venue = cell.partition.series.venue
            if spent[venue] and spent[venue] + cell.requests > self.budget:
                full.add(venue)
            held_back = venue in full and cell.requests
            spent[venue] += 0 if held_back else cell.requests
            self.cells[Verdict.LATER if held_back else Verdict.ASK][cell.partition] = cell

    def _turn(self, cell: _Cell) -> tuple[int, int, int]:
        series = cell.partition.series
        return -_number(cell.partition.month), series.timeframe.step, self.rows[series.market]

    def ranges(self) -> Iterable[Range]:
        """The cells of each verdict as the fewest ranges."""
        for verdict, cells in self.cells.items():
            tables: dict[tuple[str, str], dict[tuple[int, int], _Cell]] = defaultdict(dict)
            for partition, cell in cells.items():
                place = (self.rows[partition.series.market], _number(partition.month))
                tables[partition.series.venue, partition.series.table][place] = cell
            for placed in tables.values():
                for box in covered(placed.keys()):
                    yield self._range(verdict, [placed[place] for place in box.cells])

    def _range(self, verdict: Verdict, cells: Sequence[_Cell]) -> Range:
        series = cells[0].partition.series
        return Range(
            verdict,
            series.table,
            series.venue,
            tuple(dict.fromkeys(cell.partition.series.market for cell in cells)),
            tuple(dict.fromkeys(cell.partition.month for cell in cells)),
            {cell.partition: tuple(cell.gaps) for cell in cells},
            sum(cell.requests for cell in cells),
            f"newer months spend the budget of {self.budget:,}" if verdict is Verdict.LATER else "",
        )


def _verdict(gap: Gap, now: Instant) -> Verdict:
    if gap.due_at is None:
        return Verdict.NEVER
    return Verdict.ASK if gap.is_due(now) else Verdict.WAIT


def _requests(one: Lacking, inside: Sequence[Gap]) -> int:
    """Requests for these gaps; touching ones are asked together."""
    if not one.page_limit:
        return 0
    return sum(_cost(one, window) for window in united(gap.window for gap in inside))


def _cost(one: Lacking, window: Window) -> int:
    if window.end <= one.reach:
        return 1
    pages = -(-window.steps(one.series.timeframe.step) // one.page_limit)
    if one.month_cost and window == month_window(month_of(window.start)):
        return min(pages, one.month_cost)
    return pages
