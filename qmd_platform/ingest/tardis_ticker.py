"""Contracts' states that Tardis recorded, into the tables of predicted funding and open interest.

What lives here: which days are looked at, the commit. What does not: files (``ingest.tardis_files``), rows
(``ingest.tardis_states``), what is settled: never written here, since a rate that Tardis heard before a settlement is a
prediction.

Both tables are written by one commit, so who stops in the middle has both or none, and a day counts as looked at only where both
have its file as evidence.

Exchanges say their state many times a second; of each span of ``every`` the first state that tells something is kept, by when
it came in. A row of the lake's own looks stays where both are of one instant.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.config import world
from qmd_platform.coverage.summary import Summary
from qmd_platform.errors import ConfigError, Conflict, Outdated
from qmd_platform.ingest.columnar import joined
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.snapshot_rows import by_market, by_month, read_months
from qmd_platform.ingest.tardis import Brought
from qmd_platform.ingest.tardis_days import Source
from qmd_platform.ingest.tardis_files import Account, Gathered, Tell, gathered, source_of
from qmd_platform.ingest.tardis_states import (
    TICKER,
    RowsOf,
    Thinned,
    is_predicted,
    outstanding,
    predicted,
    states_of,
)
from qmd_platform.lake.buffers import arrow, column
from qmd_platform.lake.store import Lake, Outcome, Write
from qmd_platform.model.columns import Table
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.snapshot_tables import FUNDING_PREDICTIONS, OPEN_INTEREST
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window, months
from qmd_platform.venues.tardis import reading
from qmd_platform.venues.tardis.datasets import TYPES, days
from qmd_platform.venues.tardis.downloads import File
from qmd_platform.venues.tardis.exchanges import exchange_of

EVERY = 15 * MINUTE
"""Milliseconds between two rows: how often the venues themselves are looked at."""
TRIES = 5

_TABLES: Mapping[str, tuple[Table, str, RowsOf]] = {
    FUNDING_PREDICTIONS.name: (FUNDING_PREDICTIONS, "seen_at", predicted),
    OPEN_INTEREST.name: (OPEN_INTEREST, "counted_at", outstanding),
}


@dataclass(slots=True)
class _Made:
    """What becomes of one table: its rows, and the account of every row that came in."""

    account: Account = field(default_factory=Account)
    rows: list[pa.Table] = field(default_factory=list)


def states_of_contract(
    lake: Lake,
    market: Market,
    window: Window,
    root: Path,
    *,
    run_id: str,
    url: str | None = None,
    every: int = EVERY,
    again: bool = False,
    tell: Tell | None = None,
) -> dict[str, Brought]:
    """Keep what Tardis heard of a perpetual's predicted rate, mark, index and open interest.

    Args:
        lake: where to.
        market: a perpetual that Tardis records.
        window: the days it touches are looked at; days that were looked at before are not, unless ``again``.
        root: the folder files are kept in.
        run_id: who did it.
        url: a server that answers for Tardis and for the venue (a sandbox).
        every: milliseconds of which one state is kept.
        again: look at days again, as with another ``every``.
        tell: called after every file.

    Returns:
        for each table what it gained, with an account of every row of the files. Open interest in contracts is converted with
        the contract's size at its time.

    Raises:
        ConfigError: not a perpetual, one of which Tardis records nothing that is kept, or ``every`` is not above 0.
        UnknownMarket, ArchiveDamaged, WrongWorld: as ``ingest.tardis.candles_of_trades``.
        Conflict: others committed first, many times in a row.
    """
    if market.kind != "perpetual":
        hint = "choose one of BASE/QUOTE:SETTLE"
        raise ConfigError(f"{market} is no perpetual: only these have a derivative_ticker", hint=hint)
    if every <= 0:
        raise ConfigError(f"of {every} ms no state can be kept")
    if not (known := exchange_of(market)).is_telling:
        raise ConfigError(
            f"{TICKER} of {known.id} says neither when is settled nor open interest: nothing of it could be kept",
            hint="--type trades becomes candles, of this market too",
        )
    lake.check_world(world(url))
    errand = _Errand(lake, source_of(lake, market, run_id=run_id, url=url), run_id, url, every, time.monotonic())
    seen = set() if again else errand.looked_at(window)
    found = asyncio.run(
        gathered(root, errand.source, TICKER, window, url=url, skip=seen.__contains__, tell=tell or _nobody)
    )
    made = {name: _Made() for name in _TABLES}
    evidence = [errand.read(file, made) for file in found.files if file.day in days(window)]
    return errand.kept(made, evidence, found)


def _nobody(done: int, of: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class _Errand:
    """What one call of ``states_of_contract`` is about; ``began`` is of a clock that only runs forward."""

    lake: Lake
    source: Source
    run_id: str
    url: str | None
    every: int
    began: float

    def looked_at(self, window: Window) -> set[Window]:
        """The days whose file has been read into all tables already."""
        hull = Window(days(window)[0].start, days(window)[-1].end)
        return set.intersection(*(self._evident(name, hull) for name in _TABLES))

    def _evident(self, name: str, hull: Window) -> set[Window]:
        series = Series(name, self.source.market.venue)
        whose = f"/v1/{self.source.exchange.id}/{TICKER}/"
        told = [one for _, one in self.lake.evidence(series, hull) if one.what.startswith(whose)]
        return {one.window for one in told if one.what.endswith(f"/{self.source.expected(one.window).dataset}.csv.gz")}

    def read(self, file: File, made: Mapping[str, _Made]) -> Answered:
        """Take a file's rows in; what it is evidence of."""
        rows = 0
        kept = {name: Thinned(self.every) for name in made}
        for batch in reading.batches(file.path, TYPES[TICKER], self.source.expected(file.day)):
            rows += batch.num_rows
            states = states_of(batch)
            kept[FUNDING_PREDICTIONS.name].add(states, is_predicted(self.source, states))
            kept[OPEN_INTEREST.name].add(states, np.isfinite(states.values["open_interest"]))
        for name, one in kept.items():
            made[name].account += one.account
            made[name].rows += [_TABLES[name][2](self.lake, self.source, part) for part in one.parts]
        return Answered(file.day, file.at, file.name, file.digest, rows)

    def kept(self, made: Mapping[str, _Made], evidence: Sequence[Answered], found: Gathered) -> dict[str, Brought]:
        """Commit the rows of all tables, a month at a time."""
        parts = {name: by_month([joined(spec, made[name].rows)], spec, at) for name, (spec, at, _) in _TABLES.items()}
        told = {month for one in evidence for month, _ in months(one.window)}
        receipts: dict[str, list[Receipt]] = {name: [] for name in made}
        accounts = {name: one.account for name, one in made.items()}
        for month in sorted(told.union(*parts.values())):
            self.lake.claim_world(world(self.url))
            rows = {name: parts[name].get(month, joined(spec, [])) for name, (spec, _, _) in _TABLES.items()}
            for name, (outcome, there) in self._committed(month, rows, evidence).items():
                accounts[name] += replace(there, used=-(there.held + there.duplicates))
                summary = Summary(expected=outcome.rows, present=outcome.rows)
                receipts[name].append(Receipt.of_commit(outcome, summary, time.monotonic() - self.began))
        for one in receipts.values():
            one[:1] = [replace(first, traffic=found.traffic) for first in one[:1]]
        failures, left = tuple(found.failures), tuple(found.left)
        return {name: Brought(receipts[name], accounts[name], failures, left, error=found.error) for name in receipts}

    def _committed(
        self, month: str, rows: Mapping[str, pa.Table], evidence: Sequence[Answered]
    ) -> dict[str, tuple[Outcome, Account]]:
        """Commit a month's rows of instants that the lake has none of; how many it has, and how many came twice."""
        source = f"{world(self.url)}:{self.source.market.venue}/tardis"
        for _ in range(TRIES):
            planned = [self._planned(name, month, one, evidence) for name, one in rows.items()]
            try:
                _, outcomes = self.lake.commit([write for write, _ in planned], run_id=self.run_id, source=source)
            except Outdated:
                continue
            there = [account for _, account in planned]
            return dict(zip(rows, zip(outcomes, there, strict=True), strict=True))
        series = ", ".join(str(Series(name, self.source.market.venue)) for name in rows)
        raise Conflict(
            f"{TRIES} times in a row somebody else was first to write to {series} {month}", hint="run it again"
        )

    def _planned(self, name: str, month: str, rows: pa.Table, evidence: Sequence[Answered]) -> tuple[Write, Account]:
        at, partition = _TABLES[name][1], Partition(Series(name, self.source.market.venue), month)
        said = tuple(
            replace(one, window=part) for one in evidence if (part := one.window.intersection(partition.window))
        )
        state = self.lake.state(partition)  # before its rows are read, so that a commit meanwhile is noticed
        instants = column(rows, at)
        is_first = np.zeros(len(rows), np.bool_)
        is_first[np.unique(instants, return_index=True)[1]] = True
        is_held = np.isin(instants, self._held(partition, at))
        fresh = rows.take(arrow(np.flatnonzero(is_first & ~is_held)))
        write = Write(partition, fresh, evidence=said, seen=state.version if state else 0)
        return write, Account(held=int(is_held.sum()), duplicates=int((~is_first & ~is_held).sum()))

    def _held(self, partition: Partition, at: str) -> NDArray[np.int64]:
        """The instants of which the lake has a row of the market."""
        rows = read_months(self.lake, partition.series, {partition.month})
        mine = by_market(rows).get(str(self.source.market))
        return np.empty(0, np.int64) if mine is None else column(rows, at)[mine]
