"""The survey: what is wanted of every series, what is known of it and what is not there, read for people to look at.

What lives here: reading lake and universe for ``coverage.heatmap``. What does not: which gaps to ask for now
(``ingest.agenda``), drawing (``cli``, ``assets``).
"""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from qmd_platform.config import Universe
from qmd_platform.coverage.expected import closed_before
from qmd_platform.coverage.gaps import gaps
from qmd_platform.coverage.heatmap import Line, line
from qmd_platform.ingest.agenda import Listed, wanted
from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant, Window

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake


def surveyed(lake: "Lake", universe: Universe, *, now: Instant, venues: Collection[str] | None = None) -> list[Line]:
    """Every candle series that is fetched, of the universe and of what the lake holds besides, in order of venue.

    What the universe wants is looked at from its start to ``now``, what the lake holds besides from the first to the last
    candle that was ever asked for. Candles that are rolled up are left out: they follow from the fetched ones.

    Args:
        lake: what is known.
        universe: what is wanted.
        now: epoch ms, both the venues' clock and this machine's.
        venues: only these.
    """
    from qmd_platform.ingest.instruments import listed  # noqa: PLC0415 - Arrow, only when there is a lake to read

    ours = set(_fetched(universe))
    made = set(_derived(universe))
    held = {series for series in lake.series() if series.is_candles} - made
    every = [one for one in _in_order(ours | held) if venues is None or one.venue in venues]
    if not every:
        return []
    runs, attempts = lake.ledger.gaps_of(every), lake.ledger.attempts(every)
    known: dict[str, Listed] = {venue: listed(lake, venue) for venue in {one.venue for one in every}}
    found = []
    for series in every:
        step, mine = series.timeframe.step, runs.get(series, [])
        end = closed_before(now, step)
        if series not in ours:
            meant = Window(mine[0].window.start, mine[-1].window.end) if mine else None
        else:
            meant = Window(universe.start, end).snapped(step) if end > universe.start else None
        if meant is None:
            continue
        part = wanted(series, meant.start, meant.end, known[series.venue])
        absent = gaps([part] if part else [], mine, attempts.get(series, ()), now, step)
        found.append(line(series, meant, part, mine, absent))
    return found


def _fetched(universe: Universe) -> Iterator[Series]:
    for venue in universe.venues.values():
        for market in venue.markets:
            yield from (Series.candles(market, step) for step in (venue.base, *venue.native))


def _derived(universe: Universe) -> Iterator[Series]:
    for venue in universe.venues.values():
        for market in venue.markets:
            yield from (Series.candles(market, step) for step in venue.derived)


def _in_order(series: Collection[Series]) -> list[Series]:
    return sorted(series, key=lambda one: (one.venue, one.timeframe.step, one.market.slug))
