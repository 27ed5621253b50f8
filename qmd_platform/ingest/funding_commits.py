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
from qmd_platform.funding.suspicions import Suspicion, checked, flags
from qmd_platform.ingest.funding_rows import settlements, to_arrow
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake, Rejected, Write
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.settlements import COLUMNS, Settlements
from qmd_platform.model.window import Window, month_of, month_window, months
from qmd_platform.venues.port import FundingPage, Traffic

TRIES = 5

NOT_A_NUMBER = "the rate is no number"
"""Why a settlement is kept apart."""


@dataclass(slots=True)
class Gained:
    """What came for one market: pages of rows, the answers they are from, and what could not be had.

    ``duplicates`` and ``refused`` are rows that came and are in none of the pages: sent twice, outside of the window.
    """

    rows: list[Settlements] = field(default_factory=list)
    evidence: list[Answered] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    traffic: Traffic = field(default_factory=Traffic)
    duplicates: int = 0
    refused: int = 0

    def take(self, page: FundingPage) -> None:
        """Add what a venue said of a window."""
        self.rows.append(page.settlements)
        self.duplicates += page.duplicates
        self.refused += page.outside


@dataclass(frozen=True, slots=True)
class _Came:
    """What came, judged row by row: ``fresh`` ones, sorted, each once; ``bad`` ones, whose rate is no number."""

    fresh: Settlements
    bad: tuple[Rejected, ...]
    duplicates: int

    @classmethod
    def of(cls, got: Gained, market: Market) -> "_Came":
        every = Settlements.concat(got.rows) if got.rows else Settlements.empty()
        good = np.isfinite(every.rate)
        fresh = checked(every.take(good), str(market))
        bad = {
            int(at): Rejected(int(at), {"rate": float(rate), "mark": float(mark)}, NOT_A_NUMBER)
            for at, rate, mark in zip(*(getattr(every, name)[~good] for name in COLUMNS[:3]), strict=True)
        }
        return cls(fresh, tuple(bad.values()), got.duplicates + len(every) - len(fresh) - len(bad))


@dataclass(frozen=True, slots=True)
class _History:
    """All settlements of a market, the interval of each, what the venue itself says of intervals, and what looks wrong."""

    rows: Settlements
    found: Intervals
    stated: Sequence[Fact]
    doubts: Sequence[Suspicion]

    @classmethod
    def known(cls, rows: Settlements, stated: Sequence[Fact]) -> "_History":
        found = intervals(rows, stated=stated)
        return cls(rows, found, stated, flags(rows, found, stated=stated))

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
        ConfigError: the rows cannot be right: two rates for one settlement, times that are none. Nothing is kept. A rate
            that is no number costs its row alone, which is kept apart.
        Conflict: others committed first, many times in a row.
    """
    came = _Came.of(got, market)
    for _ in range(TRIES):
        # Versions before rows: what is committed in between is noticed.
        versions = {state.partition: state.version for state in lake.states(Series.funding(market))}
        held = settlements(lake, market)
        rows = laid_over(held, came.fresh)
        history = _History.known(rows, facts)
        writes = [
            replace(write, seen=versions.get(write.partition, 0))
            for write in _writes(market, history, came, got.evidence)
        ]
        try:
            if writes:
                lake.commit(writes, run_id=run_id, source=source)
        except Outdated:
            continue
        asked = [Partition(Series.funding(market), month) for month in _months(wanted)]
        receipts = [_receipt(lake, one, history, _Account.of(held, came, one.window)) for one in asked]
        # The requests, and rows that came twice, are of the market as a whole; told once, so that they add up.
        told = [
            replace(one, traffic=got.traffic, duplicates=came.duplicates, refused=got.refused) for one in receipts[:1]
        ]
        told += receipts[1:]
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


def _writes(market: Market, history: _History, came: _Came, evidence: Sequence[Answered]) -> Iterator[Write]:
    """The months that were asked for, and those before them whose last rows may be read otherwise now."""
    fresh = came.fresh
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
            rejected=tuple(one for one in came.bad if month_window(month).contains(one.open_at)),
        )


def _months(windows: Sequence[Window]) -> list[str]:
    return list(dict.fromkeys(month for window in windows for month, _ in months(window)))


@dataclass(frozen=True, slots=True)
class _Account:
    """What became of the rows that came for one month."""

    new: int
    changed: int
    unchanged: int
    quarantined: int

    @classmethod
    def of(cls, held: Settlements, came: _Came, window: Window) -> "_Account":
        rows = came.fresh.within(window)
        place = np.searchsorted(held.settled_at, rows.settled_at).clip(max=max(len(held) - 1, 0))
        if not len(held):
            return cls(len(rows), 0, 0, _inside(came.bad, window))
        there = held.settled_at[place] == rows.settled_at
        same_mark = np.isnan(rows.mark) | (held.mark[place] == rows.mark)
        same = there & (held.rate[place] == rows.rate) & same_mark
        known = int(there.sum())
        return cls(len(rows) - known, known - int(same.sum()), int(same.sum()), _inside(came.bad, window))


def _inside(bad: Sequence[Rejected], window: Window) -> int:
    return sum(window.contains(one.open_at) for one in bad)


def _receipt(lake: Lake, partition: Partition, history: _History, account: _Account) -> Receipt:
    mine = history.of(partition.window)
    present, missing = mine.stop - mine.start, int(history.found.missing[mine].sum())
    state = lake.state(partition)
    return Receipt(
        partition,
        Summary(expected=present + missing, present=present, missing=missing),
        (),
        new=account.new,
        changed=account.changed,
        unchanged=account.unchanged,
        quarantined=account.quarantined,
        rows=state.rows if state else 0,
        stored_bytes=state.bytes if state else 0,
        version=state.version if state else 0,
        data_version=state.data_version if state else "",
        doubts=tuple(
            one.sentence for one in history.doubts if ((one.rows >= mine.start) & (one.rows < mine.stop)).any()
        ),
        stated=tuple(history.stated),
    )
