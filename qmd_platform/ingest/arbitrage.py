"""The tables of arbitrage, made of funding and candles in the lake.

What lives here: which partitions are made and how they are committed. What does not: their rows
(``ingest.arbitrage_rows``), the arithmetic (``arbitrage``, ``funding``).

A month's rows are those that became known in it. They are made of what had settled and closed by then, so a later month
never changes them; only what is changed in the past of the lake itself does.
"""

import time
from collections.abc import Iterator, Sequence

import pyarrow as pa

from qmd_platform.arbitrage.spreads import PERPETUAL
from qmd_platform.coverage.summary import Summary
from qmd_platform.errors import ConfigError, Conflict, Outdated, choices
from qmd_platform.ingest.arbitrage_inputs import Paid, known, paid, quotes, spans
from qmd_platform.ingest.arbitrage_rows import Rules, anomaly_rows, by_underlying, carry_rows, spread_rows
from qmd_platform.ingest.columnar import joined
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model import tables
from qmd_platform.model.arbitrage_tables import FUNDING_ANOMALIES, FUNDING_CARRY, VENUE_SPREADS
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.window import Window

TRIES = 5

ACROSS = "arbitrage"
"""What stands where a series has its venue: these tables are across venues."""

SOURCE = "derived:arbitrage"
"""What the source of such a commit is."""

NAMES = (FUNDING_CARRY.name, FUNDING_ANOMALIES.name, VENUE_SPREADS.name)
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
        markets: of all venues together; those that are no perpetuals are passed over.
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
    perpetuals = sorted({market for market in markets if market.kind == PERPETUAL})
    left = list(dict.fromkeys(months))
    receipts: list[Receipt] = []
    tries = 0
    while left:
        try:
            for made in _in_one_snapshot(lake, perpetuals, tuple(left), (run_id, rules, tuple(only))):
                receipts += made
                left, tries = left[1:], 0
        except Outdated:
            tries += 1
            if tries == TRIES:
                who = f"{TRIES} times in a row the arbitrage tables of {left[0]} were made by somebody else first"
                raise Conflict(who, hint="run it again") from None
    return receipts


def _in_one_snapshot(
    lake: Lake, markets: Sequence[Market], months: Sequence[str], how: tuple[str, Rules, tuple[str, ...]]
) -> Iterator[list[Receipt]]:
    """The receipts of each month, made of one state of the lake; Outdated when somebody was faster."""
    run_id, rules, names = how
    partitions = {month: [partition(name, month) for name in names] for month in months}
    # Versions before what the rows are made of, or newer ones could be overwritten with older.
    heads = lake.ledger.heads([one for each in partitions.values() for one in each])
    commit = lake.ledger.resolved(None)
    histories = paid(lake, markets, commit)
    for month in months:
        began = time.monotonic()
        window = partitions[month][0].window
        writes = [
            Write(one, rows, replace=True, seen=heads[one].version)
            for one, rows in zip(partitions[month], _rows(lake, histories, window, commit, (rules, names)), strict=True)
        ]
        _, outcomes = lake.commit(writes, run_id=run_id, source=SOURCE)
        took = time.monotonic() - began
        yield [Receipt.of_commit(one, Summary(expected=one.rows, present=one.rows), took) for one in outcomes]


def _rows(
    lake: Lake, histories: Sequence[Paid], month: Window, commit: int, how: tuple[Rules, tuple[str, ...]]
) -> list[pa.Table]:
    """A month's rows of each of the tables."""
    rules, names = how
    parts: dict[str, list[pa.Table]] = {name: [] for name in names}
    for span in spans(month):
        markets = known(histories, span)
        if FUNDING_CARRY.name in parts:
            parts[FUNDING_CARRY.name].append(carry_rows(markets, span))
        if FUNDING_ANOMALIES.name in parts:
            parts[FUNDING_ANOMALIES.name].append(anomaly_rows(markets, span, rules.anomaly))
        if VENUE_SPREADS.name in parts:
            for group in by_underlying(markets, span):
                seen = quotes(lake, [one.market for one in group], span, commit, rules.half_spread)
                parts[VENUE_SPREADS.name].append(spread_rows(group, seen, span, rules.terms))
    return [joined(tables.table(name), parts[name]) for name in names]
