"""Predicted rates heard live, in the table of predictions.

What lives here: which of the heard become rows. What does not: asking for predictions (``ingest.snapshots``), the log
(``live.log``).

A message becomes a row as an answer does (``ingest.snapshot_rows``): by the venue's own clock, with the announced settlement
after it. One without the venue's time, or without the settlement it is about, says nothing that the table could keep. Of
all that was heard in five minutes the last is kept, and only once the five minutes are over, so that the same log always
makes the same rows. Open interest is left in the log: the table wants contracts, and streams tell base coins.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.coverage.summary import Summary
from qmd_platform.ingest.absorbed import STREAM, heard_beside
from qmd_platform.ingest.asking import machine_clock
from qmd_platform.ingest.columnar import Values, columnar
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.snapshot_rows import by_month
from qmd_platform.lake.store import Lake, Write
from qmd_platform.live.frames import MARKS
from qmd_platform.live.log import Log
from qmd_platform.live.places import DAY
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.snapshot_tables import FUNDING_PREDICTIONS
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues.streams.records import HeardMark

EVERY_MS = 300_000
"""Of so long the last word is kept: three a look of the schedule, and no more than the table of predictions can carry."""

SOURCE = "stream"
"""What the column ``source`` says of such a row: it was told, not asked."""


def absorb_marks(
    lake: Lake, venue: str, markets: Sequence[Market], *, run_id: str, log: Log | None = None
) -> list[Receipt]:
    """Keep the predictions that were heard of ``markets``; a receipt a month that rows are of, none where nothing was heard.

    The log's files of marks are deleted, all but those of the newest two days.

    Raises:
        WrongWorld: the lake and the log are of different worlds. Nothing was changed.
    """
    log = log or heard_beside(lake)
    days = log.days(venue, MARKS)
    if not days or (world := log.world) is None:
        return []
    lake.check_world(world)
    span = Window(days[0].start, days[-1].end)
    rows = prediction_rows(one for market in markets for one in kept(log.marks(market, span)))
    months = by_month([rows], FUNDING_PREDICTIONS, "seen_at")
    done = []
    if months:
        lake.claim_world(world)
        writes = [
            Write(Partition(Series(FUNDING_PREDICTIONS.name, venue), month), part) for month, part in months.items()
        ]
        _, outcomes = lake.commit(writes, run_id=run_id, source=f"{world}:{venue}{STREAM}")
        done = [Receipt.of_commit(one, Summary(expected=one.rows, present=one.rows)) for one in outcomes]
    if (newest := log.newest_day(venue, machine_clock(), MARKS)) is not None:
        log.trim(newest.start - DAY, venue, [MARKS])
    return done


def kept(heard: Sequence[HeardMark]) -> list[HeardMark]:
    """The last prediction of each five minutes that are over, of one market, by the venue's clock."""
    told = [one for one in heard if is_prediction(one)]
    newest: dict[Instant, HeardMark] = {}
    for one in sorted(told, key=_at):
        newest[_at(one) // EVERY_MS] = one
    return [newest[part] for part in sorted(newest)[:-1]]


def is_prediction(one: HeardMark) -> bool:
    """Whether a message says which rate is expected of which settlement, and when it was so."""
    return (
        one.predicted_rate is not None
        and one.venue_at is not None
        and one.next_settlement_at is not None
        and one.next_settlement_at > one.venue_at
    )


def prediction_rows(heard: Iterable[HeardMark]) -> pa.Table:
    """Rows of FUNDING_PREDICTIONS; what a stream does not tell is left empty."""
    told = list(heard)
    nothing = np.full(len(told), np.nan)
    values: dict[str, Values] = {
        "market": [str(one.market) for one in told],
        "seen_at": np.array([one.venue_at for one in told], np.int64),
        "next_settlement_at": np.array([one.next_settlement_at for one in told], np.int64),
        "predicted_rate": _floats(one.predicted_rate for one in told),
        "accrued_rate": nothing,
        "interval_hours": nothing,
        "mark": _floats(one.mark for one in told),
        "index_price": _floats(one.index for one in told),
        "source": [SOURCE] * len(told),
    }
    return columnar(FUNDING_PREDICTIONS, values)


def _floats(values: Iterable[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if one is None else one for one in values], np.float64)


def _at(one: HeardMark) -> Instant:
    return one.received_at if one.venue_at is None else one.venue_at
