"""The pairs of the board: the newest row of each, its place in the lake, its history; all in one snapshot.

What lives here: choosing rows of the tables of hedges. What does not: what those rows were made from (``inputs``), the
life of a pair (``lives``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.arbitrage.flags import Risk
from qmd_platform.ingest.arbitrage import ACROSS
from qmd_platform.lake.buffers import arrow, column, or_nan, texts
from qmd_platform.lake.segments import table_of
from qmd_platform.lake.store import Lake
from qmd_platform.ledger.records import PartitionState, Segment
from qmd_platform.model.columns import Table
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.window import Instant, Window, month_of
from qmd_platform.report.figures import DAY_MS
from qmd_platform.report.records import History, Origin, Pair, Wanted

BY = "net_168h_per_year"
"""What pairs are ordered by, highest first, after those that are current and that no flag blocks."""

_NAMES = ("short_market", "long_market", "underlying")

OLD_MS = DAY_MS
"""A newest row that is older stands below all that are not."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the lake: everything on a page is of this commit."""

    lake: Lake
    commit: int
    _states: dict[Series, dict[Partition, PartitionState]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, lake: Lake) -> "Snapshot":
        """The lake as it is now."""
        return cls(lake, lake.ledger.resolved(None))

    def segments(self, series: Series, window: Window) -> list[Segment]:
        """The files of the months that ``window`` touches, in order of time."""
        months = (month_of(window.start), month_of(window.end - 1))
        return self.lake.ledger.segments(series, months, as_of=self.commit)

    def states(self, series: Series) -> dict[Partition, PartitionState]:
        """What each partition of ``series`` was."""
        if series not in self._states:
            found = self.lake.ledger.states(series, as_of=self.commit)
            self._states[series] = {one.partition: one for one in found}
        return self._states[series]

    def origin(self, segments: Sequence[Segment], row: int) -> Origin:
        """Where the row ``row`` of all ``segments`` together is."""
        for segment in segments:
            if row < segment.rows:
                state = self.states(segment.partition.series)[segment.partition]
                about = (state.version, state.data_version, state.committed_at)
                return Origin(segment.partition, *about, segment.path, row)
            row -= segment.rows
        raise IndexError(row)


@dataclass(frozen=True, slots=True)
class Found:
    """The pairs of one table: the best, how many there are in all, the underlyings of all; every market asked for, with its."""

    pairs: tuple[Pair, ...]
    total: int
    underlyings: tuple[str, ...]
    markets: Mapping[Market, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """A table's rows of some months as columns: what pairs are told apart and ordered by."""

    rows: pa.Table
    at: NDArray[np.int64]
    pair: NDArray[np.int64]
    is_turned: NDArray[np.bool_]
    """Whether the short market's name comes after the long one's: tells the two directions of a pair apart."""

    @classmethod
    def of(cls, rows: pa.Table) -> "_Rows":
        shorts, short = texts(rows.column("short_market").combine_chunks())
        longs, long = texts(rows.column("long_market").combine_chunks())
        number = {name: place for place, name in enumerate(sorted({*shorts, *longs}))}
        one = np.array([number[name] for name in shorts])[short]
        other = np.array([number[name] for name in longs])[long]
        pair = np.minimum(one, other) * len(number) + np.maximum(one, other)
        return cls(rows, column(rows, "seen_at"), pair, one > other)

    def newest(self, among: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The place of the last row of each pair, of those ``among``."""
        places = np.flatnonzero(among)
        order = places[np.lexsort((self.at[places], self.pair[places]))]
        last = np.r_[self.pair[order][1:] != self.pair[order][:-1], True] if len(order) else np.empty(0, np.bool_)
        return np.asarray(order[last], np.int64)


def found(snapshot: Snapshot, spec: Table, wanted: Wanted) -> Found:
    """The best pairs of a table of hedges whose newest row is within the window."""
    series = Series(spec.name, ACROSS)
    segments = snapshot.segments(series, wanted.window)
    rows = table_of(spec, snapshot.lake.blobs.data, segments)
    if not len(rows):
        return Found((), 0, ())
    table = _Rows.of(rows)
    names, coin = texts(rows.column("underlying").combine_chunks())
    inside = (table.at >= wanted.window.start) & (table.at <= wanted.now)
    known = tuple(sorted({names[code] for code in np.unique(coin[inside]).tolist()}))
    if wanted.underlying is not None:
        inside &= np.array([name == wanted.underlying for name in names])[coin]
    last = table.newest(inside)
    best = last[_order(rows, last, table.at, wanted.now)][: wanted.top]
    pairs = tuple(_pair(spec, table, inside, place, snapshot.origin(segments, place)) for place in best.tolist())
    return Found(pairs, len(last), known, _markets(rows.select(_NAMES).take(arrow(last))))


def _markets(rows: pa.Table) -> dict[Market, str]:
    """Both legs of every row, with the underlying."""
    of = {
        (str(row[side]), str(row["underlying"])) for row in rows.to_pylist() for side in ("short_market", "long_market")
    }
    return {Market.parse(name): coin for name, coin in of}


def _order(rows: pa.Table, places: NDArray[np.int64], at: NDArray[np.int64], now: Instant) -> NDArray[np.intp]:
    chosen = rows.take(arrow(places))
    net = or_nan(chosen, BY)
    risks = chosen.column("risk").to_pylist()
    is_blocked = np.array([risk == Risk.HIGH for risk in risks], np.bool_)
    return np.lexsort((places, -np.nan_to_num(net, nan=-np.inf), is_blocked, now - at[places] > OLD_MS))


def _pair(spec: Table, table: _Rows, inside: NDArray[np.bool_], place: int, origin: Origin) -> Pair:
    mine = np.flatnonzero((table.pair == table.pair[place]) & inside)
    mine = mine[np.argsort(table.at[mine], kind="stable")]
    part = table.rows.take(arrow(mine))
    is_same = table.is_turned[mine] == table.is_turned[place]
    turn = np.where(is_same, 1.0, -1.0)
    history = History(
        table.at[mine],
        is_same,
        or_nan(part, "price_spread_bps") * turn,
        or_nan(part, "cumulative_difference") * turn,
        or_nan(part, BY),
    )
    earning = is_same & (or_nan(part, "funding_per_hour") > 0)
    streak = int(np.argmin(earning[::-1])) if not earning.all() else len(earning)
    since = int(history.at[-streak]) if streak else None
    return Pair(spec, record(table.rows, place), origin, history, since, is_older=streak == len(earning))


def record(rows: pa.Table, place: int) -> dict[str, Any]:
    """A row by column, instants as epoch ms."""
    one = rows.slice(place, 1)
    for number, about in enumerate(one.schema):
        if pa.types.is_timestamp(about.type):  # as a Python value it would be a datetime
            one = one.set_column(number, about.name, one.column(number).cast(pa.int64()))
    (told,) = one.to_pylist()
    return dict(told)
