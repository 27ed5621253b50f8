"""The tables of the simulation, made of funding and candles in the lake.

What lives here: which months are made, how the past is cut, how they are committed. What does not: the pairs and their worlds
(``ingest.simulation_inputs``), rows (``ingest.simulation_rows``), the simulation (``arbitrage.simulation``).

A month's rows are of a simulation from the first settlement to the month's end, with nothing of what comes later; so a later
month never changes them. It is made anew as a whole: where a position stands depends on all that was before.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pyarrow as pa

from qmd_platform.arbitrage.rules import Rules
from qmd_platform.arbitrage.simulation.baselines import DRAWS
from qmd_platform.arbitrage.simulation.figures import figures
from qmd_platform.arbitrage.simulation.run import Outcome, Setting, simulate
from qmd_platform.arbitrage.simulation.splits import SHARE, chronological, years
from qmd_platform.arbitrage.simulation.together import Together
from qmd_platform.arbitrage.spreads import PERPETUAL
from qmd_platform.coverage.summary import Summary
from qmd_platform.errors import Conflict, Outdated
from qmd_platform.funding.anomalies import DAY_MS
from qmd_platform.ingest.arbitrage import partition
from qmd_platform.ingest.arbitrage_inputs import paid
from qmd_platform.ingest.columnar import joined
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.simulation_inputs import STEP, Pair, Source, listings, pairs, whole
from qmd_platform.ingest.simulation_rows import ALL, accounts_of, equity_rows, figure_rows, together
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.series import Market
from qmd_platform.model.simulation_tables import SIMULATION, SIMULATION_EQUITY
from qmd_platform.model.window import Window, month_window

TRIES = 5
SOURCE = "derived:simulation"
"""What the source of such a commit is."""

NAMES = (SIMULATION.name, SIMULATION_EQUITY.name)
"""The tables that are made here."""

SEED = 1
"""Of the random entries. Each pair draws from a source of its own, so other pairs change nothing."""

NOTIONAL = 10_000.0
"""Of each leg of every position, in quote."""

EMBARGO_MS = DAY_MS
"""On top of the longest hold: the time from the decision to leave until the last leg is filled."""

_DEFAULT = Rules()


def derive_simulation(
    lake: Lake,
    markets: Sequence[Market],
    months: Sequence[str],
    *,
    run_id: str,
    rules: Rules = _DEFAULT,
    seed: int = SEED,
    draws: int = DRAWS,
) -> list[Receipt]:
    """Make the tables of the simulation of these months of what the lake holds; both tables of a month in one commit.

    Running it again on the same data changes nothing. A pair without candles or funding is not simulated.

    Args:
        lake: with the perpetuals' funding, and candles of all markets: of an hour, or of a minute.
        markets: of all venues together; what is neither a perpetual nor spot is passed over.
        months: as ``2026-10``; each is made whole.
        run_id: who did it.
        rules: costs, capital, limits and thresholds.
        seed: of the random entries.
        draws: how many of them.

    Returns:
        for each month, in the order given, the receipt of the figures and that of the equity.

    Raises:
        ConfigError: a venue's fees are not configured.
        Conflict: others made them first, many times in a row.
    """
    setting = Setting(rules.terms, rules.thresholds, NOTIONAL, draws, half_spread=rules.half_spread)
    how = _How(tuple(sorted(set(markets))), setting, seed)
    receipts: list[Receipt] = []
    for month in dict.fromkeys(months):
        for _ in range(TRIES):
            try:
                receipts += _month(lake, how, month, run_id)
            except Outdated:
                continue
            break
        else:
            who = f"{TRIES} times in a row the simulation of {month} was made by somebody else first"
            raise Conflict(who, hint="run it again")
    return receipts


@dataclass(frozen=True, slots=True)
class _How:
    """What is asked for."""

    markets: tuple[Market, ...]
    setting: Setting
    seed: int


def _month(lake: Lake, how: _How, month: str, run_id: str) -> list[Receipt]:
    """The receipts of one month, made of one state of the lake; Outdated when somebody was faster."""
    began = time.monotonic()
    partitions = [partition(name, month) for name in NAMES]
    # Versions before what the rows are made of, or newer ones could be overwritten with older.
    heads = lake.ledger.heads(partitions)
    commit = lake.ledger.resolved(None)
    histories = paid(lake, [one for one in how.markets if one.kind == PERPETUAL], commit)
    listed = listings(lake, how.markets, commit)
    source = Source(lake, commit, histories, how.markets, listed, how.setting.half_spread)
    rows = _rows(source, how, month_window(month))
    writes = [
        Write(one, table, replace=True, seen=heads[one].version) for one, table in zip(partitions, rows, strict=True)
    ]
    _, outcomes = lake.commit(writes, run_id=run_id, source=SOURCE)
    took = time.monotonic() - began
    return [Receipt.of_commit(one, Summary(expected=one.rows, present=one.rows), took) for one in outcomes]


def _rows(source: Source, how: _How, month: Window) -> tuple[pa.Table, pa.Table]:
    """A month's rows of both tables. Of each pair only its rows are kept, so memory is that of one coin's candles."""
    within = whole(source, month)
    found: tuple[list[pa.Table], list[pa.Table]] = ([], [])
    if within is not None:
        totals: dict[str, Together] = {}
        version = how.setting.rules.version
        for pair in pairs(source, within):
            name = (pair.kind, str(pair.short), str(pair.long), pair.underlying)
            outcomes = simulated(pair, how.setting, within, how.seed)
            sums = totals.setdefault(pair.kind, Together(within.end, STEP))
            for one in outcomes:
                sums.add(one)
            told = [figures(one) for one in outcomes if one.part in PARTS and one.strategy != "flat"]
            found[0].append(figure_rows(told, name, within.end, version))
            found[1].append(equity_rows(accounts_of(outcomes), name, month))
        for kind, sums in totals.items():
            found[0].append(figure_rows(list(sums.rows()), together(kind), within.end, version))
            found[1].append(equity_rows(sums.accounts(ALL), together(kind), month))
    return joined(SIMULATION, found[0]), joined(SIMULATION_EQUITY, found[1])


PARTS = (ALL, "train", "test")
"""What is told of each pair; of all pairs together also the calendar years."""


def simulated(pair: Pair, setting: Setting, within: Window, seed: int) -> list[Outcome]:
    """The outcomes of a pair on all parts of ``within``."""
    source = np.random.default_rng([seed, crc32(f"{pair.short}|{pair.long}".encode())])
    return simulate(pair.world, setting, parts_of(within, setting), source)


def parts_of(within: Window, setting: Setting) -> dict[str, Window]:
    """All of it, the two parts of the split where there is enough for them, and the calendar years."""
    hold = setting.rules.max_hold_ms
    parts = {ALL: within}
    if enough(within, hold + EMBARGO_MS):
        split = chronological(within, embargo_ms=hold + EMBARGO_MS, max_hold_ms=hold)
        parts |= {"train": split.train, "test": split.test}
    by_year = years(within)
    return parts | dict(by_year) if len(by_year) > 1 else parts


def enough(within: Window, embargo_ms: int) -> bool:
    """Whether a test part is left after the embargo that is at least as long as the embargo."""
    return (within.end - within.start) * (1 - SHARE) >= 2 * embargo_ms
