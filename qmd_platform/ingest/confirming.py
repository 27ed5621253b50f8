"""Which heard candles the venue's API has not been asked about since, though it ought to be.

What lives here: the choice, from what the ledger keeps. What does not: asking (``ingest.absorbed``), the judgement of rows
(``ingest.heard``).

It ought to be asked about a candle of which two versions were heard, or one was heard and another one stored, about every
candle of a venue that has no word for a candle's end (``live.early.UNSAID``: fresh at once, but a clock that jumps can make
an unfinished candle look like a finished one), and once an hour about what was heard since the last time: venues
correct their newest candles, and not all of them say so on a stream. Nothing is remembered of what is still to be asked: an answer
of the API that came after the candle was heard is in its evidence, and while there is none the next run asks, so that an
exchange that is down meanwhile costs nothing but time.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qmd_platform.ingest.asking import machine_clock
from qmd_platform.ingest.heard import DISPUTED, Judged
from qmd_platform.ingest.pages import SUPERSEDED
from qmd_platform.lake.store import Lake, Rejected
from qmd_platform.live.early import UNSAID
from qmd_platform.model.spans import windows_of
from qmd_platform.model.window import Window
from qmd_platform.venues import facts, paging

SPOKEN = "stream"
"""What evidence names as asked that was told over a stream."""

HOUR_MS = 3_600_000
"""When the oldest candle that the API has not been asked about since was heard so long before the newest, all are read again:
one page an hour instead of one with every tail. Those heard two hours ago or earlier are left to the nightly re-reading."""


def unconfirmed(lake: Lake, heard: Judged, told: Sequence[Rejected]) -> list[Window]:
    """The candles of ``heard`` that the API is to be asked about; ``told`` are the partition's rejected rows."""
    if not len(heard.candles):
        return []
    at, series = heard.candles.open_at, heard.partition.series
    doubtful = np.ones(len(at), np.bool_) if series.venue in UNSAID else _disputed(lake, heard, told)
    recent = heard.heard_at > int(heard.heard_at.max()) - 2 * HOUR_MS
    unread = _unread(lake, heard, (doubtful | recent) & _served(lake, heard))
    since = heard.heard_at[unread & recent]
    is_due = len(since) and int(heard.heard_at.max()) - int(since.min()) >= HOUR_MS
    return windows_of(at[unread & (doubtful | recent if is_due else doubtful)], series.timeframe.step)


def _served(lake: Lake, heard: Judged) -> NDArray[np.bool_]:
    """Those that are not older than all that the API serves (Kraken: the newest 720): no later answer will speak about them."""
    series, at = heard.partition.series, heard.candles.open_at
    newest, step = facts.of(series.venue, series.market.kind).newest_only, series.timeframe.step
    now = int(at[-1]) + step
    return at >= paging.too_old_before(max(now, machine_clock()) if lake.world == "live" else now, step, newest)


def _unread(lake: Lake, heard: Judged, candidates: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Those of ``candidates`` that no answer of the API has spoken about since they were heard."""
    found, at = candidates.copy(), heard.candles.open_at
    if found.any():
        span = Window(int(at[found].min()), int(at[found].max()) + 1)
        for _, answer in lake.evidence(heard.partition.series, span):
            if answer.what != SPOKEN and not answer.error:
                inside = (at >= answer.window.start) & (at < answer.window.end)
                found &= ~(inside & (heard.heard_at < answer.at))
    return found


def _disputed(lake: Lake, heard: Judged, told: Sequence[Rejected]) -> NDArray[np.bool_]:
    span = Window(int(heard.candles.open_at[0]), int(heard.candles.open_at[-1]) + 1)
    revised = {one.open_at for one in lake.ledger.revisions(heard.partition.series, span)}
    apart = {row.open_at for row in told if row.reason in {SUPERSEDED, DISPUTED}}
    return np.isin(heard.candles.open_at, [one for one in revised | apart if one is not None])
