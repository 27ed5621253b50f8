"""The tables of arbitrage, made of funding and candles in the lake.

What lives here: which partitions are made and how they are committed. What does not: their rows
(``ingest.arbitrage_rows``), the arithmetic (``arbitrage``, ``funding``).

A month's rows are those that became known in it. They are made of what had settled and closed by then, so a later month
never changes them; only what is changed in the past of the lake itself does.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from qmd_platform.arbitrage.legs import Interest, Leg, Quotes
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.arbitrage.spreads import PERPETUAL
from qmd_platform.coverage.summary import Summary
from qmd_platform.errors import ConfigError, Conflict, Outdated, choices
from qmd_platform.ingest.arbitrage_inputs import (
    Known,
    Paid,
    interests,
    known,
    paid,
    place_of,
    quotes,
    spans,
    spots_beside,
)
from qmd_platform.ingest.arbitrage_rows import (
    anomaly_rows,
    by_underlying,
    carry_rows,
    cash_and_carry_rows,
    paying,
    spread_rows,
)
from qmd_platform.ingest.columnar import joined
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.buffers import arrow, column
from qmd_platform.lake.segments import table_of
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model import tables
from qmd_platform.model.arbitrage_tables import CASH_AND_CARRY, FUNDING_ANOMALIES, FUNDING_CARRY, VENUE_SPREADS
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.window import Window, iso, month_window

TRIES = 5

ACROSS = "arbitrage"
"""What stands where a series has its venue: these tables are across venues."""

SOURCE = "derived:arbitrage"
"""What the source of such a commit is."""

NAMES = (FUNDING_CARRY.name, FUNDING_ANOMALIES.name, VENUE_SPREADS.name, CASH_AND_CARRY.name)
"""The tables that are made here."""

_DEFAULT = Rules()


def partition(table: str, month: str) -> Partition:
    """The month of a table of arbitrage."""
    return Partition(Series(table, ACROSS), month)


def derive_arbitrage(
    lake: Lake,
    markets: Sequence[Market],
    months: Sequence[str],
    *,
    run_id: str,
    rules: Rules = _DEFAULT,
    only: Sequence[str] = NAMES,
) -> list[Receipt]:
    """Make the tables of arbitrage of these months of what the lake holds; the tables of a month in one commit.

    Running it again on the same data changes nothing. A market without funding in the lake has no rows; pairs of a market
    without candles have no prices and no costs, and the flag STALE_QUOTE.

    Args:
        lake: with the perpetuals' funding and candles.
        markets: of all venues together: the perpetuals, and the spot markets to hedge them with; others are passed over.
        months: as ``2026-10``; each is made whole.
        run_id: who did it.
        rules: costs and thresholds.
        only: names of the tables to be made.

    Returns:
        one receipt a month and table, in the order given.

    Raises:
        ConfigError: a table is none of these; a venue's fees are not configured.
        Conflict: others made them first, many times in a row.
    """
    for name in only:
        if name not in NAMES:
            raise ConfigError(f"{name!r} is no table of arbitrage", hint=choices(name, NAMES))
    how = _How(tuple(sorted(set(markets))), tuple(only), rules, run_id)
    left = list(dict.fromkeys(months))
    receipts: list[Receipt] = []
    tries = 0
    while left:
        try:
            for made in _in_one_snapshot(lake, how, tuple(left)):
                receipts += made
                left, tries = left[1:], 0
        except Outdated:
            tries += 1
            if tries == TRIES:
                who = f"{TRIES} times in a row the arbitrage tables of {left[0]} were made by somebody else first"
                raise Conflict(who, hint="run it again") from None
    return receipts


@dataclass(frozen=True, slots=True)
class _How:
    """What is asked for."""

    markets: tuple[Market, ...]
    names: tuple[str, ...]
    rules: Rules
    run_id: str


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """One state of the lake, with the funding of all perpetuals in it."""

    lake: Lake
    commit: int
    histories: Sequence[Paid]


def _in_one_snapshot(lake: Lake, how: _How, months: Sequence[str]) -> Iterator[list[Receipt]]:
    """The receipts of each month, made of one state of the lake; Outdated when somebody was faster."""
    partitions = {month: [partition(name, month) for name in how.names] for month in months}
    # Versions before what the rows are made of, or newer ones could be overwritten with older.
    heads = lake.ledger.heads([one for each in partitions.values() for one in each])
    commit = lake.ledger.resolved(None)
    taken = _Snapshot(lake, commit, paid(lake, [one for one in how.markets if one.kind == PERPETUAL], commit))
    for month in months:
        began = time.monotonic()
        rows = _rows(taken, how, month_window(month))
        writes = [
            Write(one, rows[one.series.table], replace=True, seen=heads[one].version) for one in partitions[month]
        ]
        _, outcomes = lake.commit(writes, run_id=how.run_id, source=SOURCE)
        took = time.monotonic() - began
        yield [Receipt.of_commit(one, Summary(expected=one.rows, present=one.rows), took) for one in outcomes]


def _rows(taken: _Snapshot, how: _How, month: Window) -> dict[str, pa.Table]:
    """A month's rows of each of the tables."""
    parts: dict[str, list[pa.Table]] = {name: [] for name in how.names}
    for span in spans(month):
        markets = known(taken.histories, span, _interests(taken, how, span))
        for name in how.names:
            parts[name] += _MAKERS[name](taken, how, markets, span)
    return {name: joined(tables.table(name), made) for name, made in parts.items()}


def _interests(taken: _Snapshot, how: _How, span: Window) -> dict[str, Interest]:
    """Open interest, where a table is made that looks at it."""
    if not {VENUE_SPREADS.name, CASH_AND_CARRY.name} & set(how.names):
        return {}
    return interests(taken.lake, (one.market.venue for one in taken.histories), span, taken.commit)


Maker = Callable[[_Snapshot, _How, Sequence[Known], Window], Iterable[pa.Table]]


def _carry(_: _Snapshot, __: _How, markets: Sequence[Known], span: Window) -> Iterable[pa.Table]:
    return [carry_rows(markets, span)]


def _anomalies(_: _Snapshot, how: _How, markets: Sequence[Known], span: Window) -> Iterable[pa.Table]:
    return [anomaly_rows(markets, span, how.rules.anomaly)]


def _spreads(taken: _Snapshot, how: _How, markets: Sequence[Known], span: Window) -> Iterable[pa.Table]:
    for group in by_underlying(markets, span):
        seen = _quotes(taken, how, [one.market for one in group], span)
        yield spread_rows(group, seen, span, how.rules.terms)


def _cash_and_carry(taken: _Snapshot, how: _How, markets: Sequence[Known], span: Window) -> Iterable[pa.Table]:
    spots = spots_beside(how.markets, span)
    for one in paying(markets, span):
        beside = spots.get(place_of(one.market, one.named), [])
        if beside:
            seen = _quotes(taken, how, [one.market, *(spot for spot, _ in beside)], span)
            legs = [Leg.of(spot, seen[spot], units=named.units, is_proven=named.is_proven) for spot, named in beside]
            yield cash_and_carry_rows(one, legs, seen[one.market], span, how.rules.terms)


def _quotes(taken: _Snapshot, how: _How, markets: Sequence[Market], span: Window) -> dict[Market, Quotes]:
    return quotes(taken.lake, markets, span, taken.commit, how.rules.half_spread)


_MAKERS: dict[str, Maker] = {
    FUNDING_CARRY.name: _carry,
    FUNDING_ANOMALIES.name: _anomalies,
    VENUE_SPREADS.name: _spreads,
    CASH_AND_CARRY.name: _cash_and_carry,
}


def newest(
    lake: Lake, of: Partition, *, key: Sequence[str], at: str, by: str, columns: Sequence[str]
) -> list[dict[str, Any]]:
    """The newest row of each ``key`` in one month of a table, the highest ``by`` first; rows without it are left out.

    Args:
        lake: holds the table.
        of: the month.
        key: columns that tell apart what is compared.
        at: the column of time.
        by: the column to order by.
        columns: those of the rows that are wanted; times come as ISO text.
    """
    segments = [one for one in lake.ledger.segments(of.series) if one.partition == of]
    rows = table_of(tables.table(of.series.table), lake.blobs.data, segments).select(list({*columns, *key, at, by}))
    for place, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type):  # as a Python value it would be a datetime
            rows = rows.set_column(place, field.name, rows.column(place).cast(pa.int64()))
    times = column(rows, at)
    found: dict[tuple[str, ...], int] = {}
    names = [rows.column(name).to_pylist() for name in key]
    for place in np.argsort(times, kind="stable").tolist():
        found[tuple(name[place] for name in names)] = place
    last = rows.take(arrow(np.array(sorted(found.values()), np.int64)))
    told = sorted((row for row in last.to_pylist() if row[by] is not None), key=lambda row: -row[by])
    return [
        {name: iso(row[name]) if isinstance(row[name], int) and name.endswith("_at") else row[name] for name in columns}
        for row in told
    ]
