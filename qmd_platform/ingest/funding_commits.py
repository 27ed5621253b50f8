"""What came of a market's funding, laid over what is held and committed.

What lives here: one commit for all months that it changes, and their receipts. What does not: asking (``ingest.funding``),
what an interval is (``funding.intervals``).

An interval is proven by its neighbours, so a new row may settle what was not sure of the rows before it: these are written
again too, and the ledger keeps what they said.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qmd_platform.coverage.summary import Summary
from qmd_platform.errors import Conflict, Outdated
from qmd_platform.funding.intervals import CONFIRMED, Fact, Intervals, intervals
from qmd_platform.funding.suspicions import checked
from qmd_platform.ingest.funding_rows import settlements, to_arrow
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake, Outcome, Write
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.window import Window, month_of, month_window, months
from qmd_platform.venues.port import Traffic

TRIES = 5


@dataclass(slots=True)
class Gained:
    """What came for one market: pages of rows, the answers they are from, and what could not be had."""

    rows: list[Settlements] = field(default_factory=list)
    evidence: list[Answered] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    traffic: Traffic = field(default_factory=Traffic)


@dataclass(frozen=True, slots=True)
class _History:
    """All settlements of a market, and the interval of each."""

    rows: Settlements
    found: Intervals

    def of(self, window: Window) -> slice:
        """Where those inside ``window`` are."""
        lo, hi = np.searchsorted(self.rows.settled_at, [window.start, window.end])
        return slice(int(lo), int(hi))


def committed(
    lake: Lake,
    market: Market,
    got: Gained,
    facts: Sequence[Fact],
    wanted: Sequence[Window],
    *,
    run_id: str,
    source: str,
) -> list[Receipt]:
    """Commit what came, and say what there is now of every month of ``wanted``.

    Args:
        lake: where to.
        market: whose funding.
        got: what came.
        facts: what the venue says of intervals, for ``funding.intervals``.
        wanted: the windows that were asked for, or are known already.
        run_id: who did it.
        source: where the rows are from, ``live:binance``.

    Raises:
        ConfigError: the rows cannot be right: two rates for one settlement, times that are none. Nothing is kept.
        Conflict: others committed first, many times in a row.
    """
    fresh = checked(Settlements.concat(got.rows), str(market)) if got.rows else Settlements.empty()
    for _ in range(TRIES):
        # Versions before rows: what is committed in between is noticed.
        versions = {state.partition: state.version for state in lake.states(Series.funding(market))}
        held = settlements(lake, market)
        rows = laid_over(held, fresh)
        history = _History(rows, intervals(rows, stated=facts))
        writes = [
            replace(write, seen=versions.get(write.partition, 0))
            for write in _writes(market, history, fresh, got.evidence)
        ]
        try:
            _, outcomes = lake.commit(writes, run_id=run_id, source=source) if writes else (0, ())
        except Outdated:
            continue
        by_partition = {outcome.partition: outcome for outcome in outcomes}
        asked = [Partition(Series.funding(market), month) for month in _months(wanted)]
        receipts = [_receipt(lake, one, history, by_partition.get(one)) for one in asked]
        # The requests are of the market as a whole; told once, so that they add up.
        told = [replace(one, traffic=got.traffic) for one in receipts[:1]] + receipts[1:]
        return [replace(one, failures=tuple(got.failures)) for one in told]
    raise Conflict(
        f"{TRIES} times in a row the funding of {market} was changed by somebody else first", hint="run it again"
    )


def laid_over(held: Settlements, fresh: Settlements) -> Settlements:
    """``held`` with the rows of ``fresh``, which win; a mark that ``fresh`` does not know stays. Both sorted, each once."""
    if not len(fresh):
        return held
    place = np.searchsorted(held.settled_at, fresh.settled_at).clip(max=max(len(held) - 1, 0))
    again = held.settled_at[place] == fresh.settled_at if len(held) else np.zeros(len(fresh), np.bool_)
    mark = fresh.mark.copy()
    unknown = again & np.isnan(mark)
    mark[unknown] = held.mark[place[unknown]]
    stays = np.ones(len(held), np.bool_)
    stays[place[again]] = False
    both = Settlements.concat([held.take(stays), replace(fresh, mark=mark)])
    return both.take(np.argsort(both.settled_at, kind="stable"))


def _writes(market: Market, history: _History, fresh: Settlements, evidence: Sequence[Answered]) -> Iterator[Write]:
    """The months that were asked for, and those before them whose last rows may be read otherwise now."""
    touched = {month for window in [one.window for one in evidence] for month, _ in months(window)}
    rows = history.rows
    if len(fresh):
        first = max(int(np.searchsorted(rows.settled_at, fresh.settled_at[0])) - CONFIRMED, 0)
        touched |= {month_of(int(at)) for at in rows.settled_at[first:]}
    for month in sorted(touched):
        mine = history.of(month_window(month))
        said = tuple(
            replace(one, window=part)
            for one in evidence
            if (part := one.window.intersection(month_window(month))) is not None
        )
        yield Write(
            Partition(Series.funding(market), month),
            to_arrow(rows.take(mine), history.found, mine),
            evidence=said,
        )


def _months(windows: Sequence[Window]) -> list[str]:
    return list(dict.fromkeys(month for window in windows for month, _ in months(window)))


def _receipt(lake: Lake, partition: Partition, history: _History, outcome: Outcome | None) -> Receipt:
    mine = history.of(partition.window)
    present, missing = mine.stop - mine.start, int(history.found.missing[mine].sum())
    state = lake.state(partition)
    return Receipt(
        partition,
        Summary(expected=present + missing, present=present, missing=missing),
        (),
        new=outcome.new if outcome else 0,
        changed=outcome.changed if outcome else 0,
        unchanged=outcome.unchanged if outcome else 0,
        rows=state.rows if state else 0,
        stored_bytes=state.bytes if state else 0,
        version=state.version if state else 0,
        data_version=state.data_version if state else "",
    )
