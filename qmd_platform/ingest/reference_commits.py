"""What came of a market's mark, index or premium, committed, and what there is now of each month.

What lives here: one commit for all months that were asked for, and their receipts. What does not: asking
(``ingest.reference_asked``).
"""

from collections.abc import Sequence

import numpy as np

from qmd_platform.coverage.causes import TOO_OLD
from qmd_platform.coverage.summary import Summary
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.reference_asked import Came
from qmd_platform.ingest.reference_rows import held, series_of, to_arrow
from qmd_platform.lake.store import Lake, Outcome, Rejected, Write
from qmd_platform.model.evidence import Answered
from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.model.series import Market, Partition
from qmd_platform.model.spans import intersected, subtracted, united, windows_of
from qmd_platform.model.window import Window, month_of, month_window, months
from qmd_platform.venues.port import Traffic


def committed(
    lake: Lake,
    market: Market,
    wanted: Reference,
    came: Came,
    windows: Sequence[Window],
    *,
    run_id: str,
    source: str,
) -> list[Receipt]:
    """Commit what came, and say what there is of every month of ``windows``.

    Args:
        lake: where to.
        market: whose.
        wanted: what the candles are of.
        came: what came.
        windows: the hours that can be there: listed and closed, of the months that were asked for.
        run_id: who did it.
        source: where the rows are from, ``live:binance``.

    Raises:
        Conflict: others committed first, many times in a row.
    """
    series = series_of(market, wanted)
    writes = [_write(Partition(series, month), wanted, came) for month in _touched(came)]
    _, outcomes = lake.commit(writes, run_id=run_id, source=source) if writes else (0, ())
    by_month = {outcome.partition.month: outcome for outcome in outcomes}
    asked = list(dict.fromkeys(month for window in windows for month, _ in months(window)))
    if not asked:
        return []
    there = windows_of(held(lake, market, wanted, (min(asked), max(asked))).open_at, STEP.step)
    span = Window(windows[0].start, windows[-1].end)
    answered = [one for _, one in lake.evidence(series, span) if not one.error]
    apart = lake.ledger.rejected_of([Partition(series, month) for month in asked])
    receipts: list[Receipt] = []
    for month in asked:
        mine = Partition(series, month)
        told = _summary(mine, windows, there, answered, apart.get(mine, []))
        is_first = not receipts  # the requests are of the market as a whole; told once, so that they add up
        receipts.append(_receipt(lake, mine, told, by_month.get(month), came, is_first=is_first))
    return receipts


def _touched(came: Came) -> list[str]:
    """The months that something is to be said about."""
    found = {month for one in came.evidence for month, _ in months(one.window)}
    found |= {month_of(one.open_at) for one in came.rejected}
    return sorted(found | {month_of(int(at)) for at in np.unique(came.rows.open_at)})


def _write(partition: Partition, wanted: Reference, came: Came) -> Write:
    window = month_window(partition.month)
    rows = to_arrow(came.rows.within(window), wanted)
    said = tuple(_part(one, window) for one in came.evidence if one.window.intersection(window))
    apart = tuple(one for one in came.rejected if window.contains(one.open_at))
    return Write(partition, rows, evidence=said, rejected=apart)


def _part(answer: Answered, window: Window) -> Answered:
    part = answer.window.intersection(window) or answer.window
    return Answered(part, answer.at, answer.what, answer.digest, answer.rows, answer.error)


def _summary(
    partition: Partition,
    windows: Sequence[Window],
    there: Sequence[Window],
    answered: Sequence[Answered],
    apart: Sequence[Rejected],
) -> Summary:
    """The hours of a month by what is known of them: of what was answered and is not there the venue has none."""
    expected = intersected(windows, [month_window(partition.month)])
    present = intersected(expected, there)
    absent = subtracted(expected, present)
    refused = intersected(absent, united(_hour(one) for one in apart))
    by_venue = united(one.window for one in answered if one.what != TOO_OLD)
    empty = subtracted(intersected(absent, by_venue), refused)
    counts = [_hours(one) for one in (expected, present, empty, refused)]
    return Summary(
        expected=counts[0],
        present=counts[1],
        verified_empty=counts[2],
        quarantined=counts[3],
        missing=counts[0] - sum(counts[1:]),
    )


def _hour(one: Rejected) -> Window:
    start = one.open_at // STEP.step * STEP.step
    return Window(start, start + STEP.step)


def _hours(windows: Sequence[Window]) -> int:
    return sum(window.steps(STEP.step) for window in windows)


def _receipt(
    lake: Lake, partition: Partition, summary: Summary, outcome: Outcome | None, came: Came, *, is_first: bool
) -> Receipt:
    state = lake.state(partition)
    window = month_window(partition.month)
    return Receipt(
        partition,
        summary,
        (),
        new=outcome.new if outcome else 0,
        changed=outcome.changed if outcome else 0,
        unchanged=outcome.unchanged if outcome else 0,
        quarantined=sum(window.contains(one.open_at) for one in came.rejected),
        duplicates=came.duplicates if is_first else 0,
        refused=came.refused if is_first else 0,
        rows=state.rows if state else 0,
        stored_bytes=state.bytes if state else 0,
        version=state.version if state else 0,
        data_version=state.data_version if state else "",
        failures=tuple(came.failures),
        traffic=came.traffic if is_first else Traffic(),
    )
