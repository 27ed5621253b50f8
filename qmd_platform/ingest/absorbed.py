"""The live log taken into the lake, so that the tail asks only for what nobody heard.

What lives here: heard candles judged, compared with the lake and committed; the venue asked where the two differ; what the
log need not keep any more. What does not: the judgement (``ingest.heard``), asking (``ingest.candles``), the log
(``live.log``), heard predictions (``ingest.heard_marks``).

Heard rows go the way of fetched ones: one commit, whose source is ``live:binance/stream``, and of two rows for one candle
the one that was got later has the say. Where the lake has another row, the one heard later takes its place, with a revision;
one heard earlier is kept apart; in both cases the venue is asked, and its answer, the latest, has the last word. Nothing
is remembered between two times: what the lake holds already is found to be the same and changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qmd_platform.ingest.absorbing import Absorbed, Taking
from qmd_platform.ingest.asking import Asking, machine_clock
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.heard import judged
from qmd_platform.ingest.partitions import fill
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake
from qmd_platform.live.frames import CANDLES
from qmd_platform.live.log import FOLDER, Log
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import State, in_state, subtracted, united, windows_of
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window

if TYPE_CHECKING:
    from qmd_platform.coordination.opening import Coordination

STREAM = "/stream"
"""What is put behind ``live:binance`` in the source of a commit of heard rows."""

TOGETHER = 64
"""Partitions that are committed together: one transaction costs more than a partition's part of it."""

KEPT_MS = 86_400_000
"""What the lake holds already stays in the log for as long before its newest day: around midnight both days are written to."""


def heard_beside(lake: Lake) -> Log:
    """The live log of the home that ``lake`` is in; it need not exist."""
    return Log(lake.root.parent / FOLDER)


def fill_heard(
    lake: Lake,
    partitions: Sequence[Partition],
    *,
    run_id: str,
    url: str | None = None,
    asking: Asking | None = None,
    coordination: "Coordination | None" = None,
    log: Log | None = None,
) -> list[Receipt]:
    """Take in what was heard of ``partitions`` (candles of one timeframe), then ask for what they lack. As ``partitions.fill``.

    Returns:
        one receipt a partition; their counts are of heard and fetched rows together.
    """
    log = log or heard_beside(lake)
    taken = {one.partition: one for one in absorb(lake, log, partitions, run_id=run_id)}
    asking = asking or Asking()
    for (_, timeframe), windows in _to_ask(taken.values()).items():
        again = united(window for of_market in windows.values() for window in of_market)
        backfill(
            lake,
            list(windows),
            timeframe,
            Window(again[0].start, again[-1].end),
            run_id=run_id,
            url=url,
            asking=replace(asking, again=tuple(again), tail=0, archive=False),
            coordination=coordination,
        )
    receipts = fill(lake, partitions, run_id=run_id, url=url, asking=asking, coordination=coordination)
    for venue in {one.series.venue for one in taken}:
        forget(lake, log, venue)
    return [_with(receipt, taken.get(receipt.partition)) for receipt in receipts]


def absorb(lake: Lake, log: Log, partitions: Sequence[Partition], *, run_id: str) -> list[Absorbed]:
    """Take what ``log`` has of ``partitions`` into the lake; one answer for each that it has anything of.

    Raises:
        WrongWorld: the lake and the log are of different worlds. Nothing was changed.
        Conflict: others wrote to the same partitions first, many times in a row.
    """
    if (world := log.world) is None:
        return []
    heard = [(one, rows) for one in partitions if len(rows := log.heard(one.series, one.window))]
    if not heard:
        return []
    lake.check_world(world)
    found = [(judged(one, rows, is_live=world == "live"), len(rows)) for one, rows in heard]
    lake.claim_world(world)
    done: list[Absorbed] = []
    for venue in sorted({one.partition.series.venue for one, _ in found}):
        mine = [it for it in found if it[0].partition.series.venue == venue]
        taking = Taking(lake, run_id, f"{world}:{venue}{STREAM}")
        for first in range(0, len(mine), TOGETHER):
            done += taking.all(mine[first : first + TOGETHER])
    return done


def forget(lake: Lake, log: Log, venue: str) -> int:
    """Delete the log's files of days whose candles the lake holds, all but the newest two; how many went."""
    gone = 0
    if (newest := log.newest_day(venue, machine_clock())) is None:
        return gone
    for day in log.days(venue):
        if day.end >= newest.end - KEPT_MS or not all(_is_held(lake, log, one, day) for one in log.series(venue)):
            break
        gone += log.trim(day.end, venue, [CANDLES])
    return gone


def _is_held(lake: Lake, log: Log, series: Series, day: Window) -> bool:
    """Whether the lake knows every candle of ``day`` that was heard, as there or as one that is kept apart."""
    step = series.timeframe.step
    at = log.heard(series, day)["open_at"]
    heard = united(windows_of(np.unique(at[at % step == 0]), step))
    known = in_state(lake.coverage(series, day), State.PRESENT, State.QUARANTINED) if heard else []
    return not subtracted(heard, known)


def _to_ask(taken: Iterable[Absorbed]) -> Mapping[tuple[str, Timeframe], dict[Market, list[Window]]]:
    """By venue and timeframe, the candles of each market that the venue is to be asked about at once."""
    found: dict[tuple[str, Timeframe], dict[Market, list[Window]]] = {}
    for one in taken:
        series = one.partition.series
        windows = united([*one.disputes, *one.unconfirmed])
        if windows:
            of_venue = found.setdefault((series.venue, series.timeframe), {})
            of_venue[series.market] = united([*of_venue.get(series.market, []), *windows])
    return found


def _with(receipt: Receipt, taken: Absorbed | None) -> Receipt:
    """``receipt`` with what was heard besides."""
    if taken is None:
        return receipt
    return replace(
        receipt,
        new=receipt.new + taken.new,
        changed=receipt.changed + taken.changed,
        unchanged=receipt.unchanged + taken.unchanged,
        quarantined=receipt.quarantined + taken.quarantined,
        duplicates=receipt.duplicates + taken.duplicates,
        refused=receipt.refused + taken.refused,
        heard=taken.rows,
        disputed=sum(window.steps(receipt.partition.series.timeframe.step) for window in taken.disputes),
    )
