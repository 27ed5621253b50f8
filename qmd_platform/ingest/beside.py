"""What the quality rules need to know beside a partition, read from the lake.

What lives here: which rows of the series, of its shorter sibling and of other markets are read for a judgement. What
does not: the rules (``quality``), when a partition is judged (``ingest.checking``).

Comparing every market with every other would read the lake once a market. So the files' digests are compared first:
the ledger has them, and a day that two markets share has one digest. Rows are read of those markets only that share a
digest, of the same coin's other markets (spot and perpetual are what is mixed up most easily, at one price), and, where
the price has jumped, of all: then there is something to explain.
"""

from qmd_platform.lake.store import Lake
from qmd_platform.ledger.records import PartitionState, Segment
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.window import Instant, Window
from qmd_platform.quality.judge import Beside
from qmd_platform.quality.jumps import of_jumps

ROWS_BEFORE = 500
"""Candles before the month that a jump at its start is measured from."""

SAME_COIN = 3
"""Markets of the same coin that are always compared."""

VERSIONS = 200
"""Versions of the series looked at for the one that a partition has."""

MOST = 100
"""Markets that are compared where the price has jumped."""


def beside(lake: Lake, state: PartitionState, candles: Candles, shorter: Series | None) -> Beside:
    """What is known beside ``candles``, the rows of the partition of ``state``, compared with ``shorter``."""
    partition = state.partition
    window, step = partition.window, partition.series.timeframe.step
    earlier = lake.candles(partition.series, Window(window.start - ROWS_BEFORE * step, window.start))
    has_jumped = bool((of_jumps(candles, step, earlier)["jump_strength"] > 1).any())
    others = _others(lake, partition, everyone=has_jumped)
    return Beside(
        shorter=None if shorter is None else lake.candles(shorter, window),
        shorter_timeframe=None if shorter is None else shorter.timeframe,
        before=earlier,
        others={str(one.market): held.candles for one, held in lake.held_of(others, window).items()} if others else {},
        stored_at=_stored_at(lake, state) if lake.world == "live" else None,
        restated=_restated(lake, state),
    )


def _others(lake: Lake, partition: Partition, *, everyone: bool) -> list[Series]:
    """Series of the same venue and timeframe with rows in the month that the partition is to be compared with."""
    mine: set[str] = set()
    theirs: dict[Series, set[str]] = {}
    for segment in lake.ledger.segments(None, (partition.month, partition.month)):
        series = segment.partition.series
        if series == partition.series:
            mine |= _digests(segment)
        elif (series.market.venue, series.table) == (partition.series.market.venue, partition.series.table):
            theirs.setdefault(series, set()).update(_digests(segment))
    coin = partition.series.market.symbol.partition("/")[0]
    alike = [series for series, digests in theirs.items() if digests & mine]
    related = [series for series in theirs if series.market.symbol.partition("/")[0] == coin]
    rest = list(theirs)[:MOST] if everyone else []
    return list(dict.fromkeys([*alike, *related[:SAME_COIN], *rest]))


def _stored_at(lake: Lake, state: PartitionState) -> Instant:
    """When the partition's version was made: later commits that only asked say nothing of when its rows came."""
    found = lake.ledger.versions(state.partition.series, limit=VERSIONS)
    times = [one.at for one in found if one.partition == state.partition and one.version == state.version]
    return min(times, default=state.committed_at)


def _digests(segment: Segment) -> set[str]:
    return set(segment.digests.split())


def _restated(lake: Lake, state: PartitionState) -> list[Instant]:
    """Open times of the rows that the commit which made the partition's version changed or took away.

    The last commit may be another one: one that only asked, or only laid the rows out anew.
    """
    if state.version == 1:
        return []  # nothing was there to be changed
    found = lake.ledger.revisions(state.partition.series, state.partition.window)
    commits = lake.ledger.versions_by(state.partition, {one.commit for one in found})
    of_version = {commit for commit, made in commits.items() if made.version == state.version}
    return [one.open_at for one in found if one.commit in of_version and one.open_at is not None]
