"""Where pairs stand in their lives, by the table of opportunities.

What lives here: reading the transitions of the pairs on the page. What does not: making them (``arbitrage.lifecycle``).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.ingest.arbitrage import ACROSS
from qmd_platform.lake.buffers import column, texts
from qmd_platform.lake.segments import table_of
from qmd_platform.model.opportunity_tables import OPPORTUNITIES
from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant
from qmd_platform.report.reading import Snapshot, record
from qmd_platform.report.records import Change, Life, Pair, Wanted

Way = tuple[str, str]
"""What is sold, what is bought."""


def with_lives(snapshot: Snapshot, pairs: Sequence[Pair], wanted: Wanted) -> list[Pair]:
    """The pairs, each with all its transitions until the report's instant."""
    ways = {(str(one.short), str(one.long)) for one in pairs}
    lives = _lives(snapshot, ways | {way[::-1] for way in ways}, wanted.now) if pairs else {}
    return [
        replace(one, life=lives.get((here := str(one.short), there := str(one.long))), mirror=lives.get((there, here)))
        for one in pairs
    ]


def _lives(snapshot: Snapshot, ways: set[Way], now: Instant) -> dict[Way, Life]:
    segments = snapshot.lake.ledger.segments(Series(OPPORTUNITIES.name, ACROSS), as_of=snapshot.commit)
    rows = table_of(OPPORTUNITIES, snapshot.lake.blobs.data, segments)
    at = column(rows, "changed_at")
    mine = np.flatnonzero(_any_of(rows, 0, ways) & _any_of(rows, 1, ways) & (at <= now))
    mine = mine[np.argsort(at[mine], kind="stable")]
    found: dict[Way, list[Change]] = {}
    for row in mine.tolist():
        told = record(rows, row)
        names = ("changed_at", "before", "after", "reason", "episode", "began_at")
        change = Change(*(told[name] for name in names))
        found.setdefault((told["short_market"], told["long_market"]), []).append(change)
    return {way: Life(tuple(changes)) for way, changes in found.items()}


def _any_of(rows: pa.Table, side: int, ways: set[Way]) -> NDArray[np.bool_]:
    """Whether the market on that side (0 short, 1 long) is on that side of any of ``ways``."""
    words, codes = texts(rows.column(("short_market", "long_market")[side]).combine_chunks())
    wanted = {way[side] for way in ways}
    return np.array([word in wanted for word in words], np.bool_)[codes]
