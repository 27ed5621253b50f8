"""Rows of the tables of the simulation: outcomes as columns.

What lives here: a pair's rows and those of all pairs as one. What does not: the simulation, the lake.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qmd_platform.arbitrage.simulation.accounts import Equity
from qmd_platform.arbitrage.simulation.figures import Figures
from qmd_platform.arbitrage.simulation.run import Outcome
from qmd_platform.funding.anomalies import DAY_MS
from qmd_platform.ingest.columnar import Values, columnar, joined
from qmd_platform.model.simulation_tables import SIMULATION, SIMULATION_EQUITY, TOGETHER
from qmd_platform.model.window import Instant, Window

CURVES = ("rules", "always_on", "threshold")
"""Strategies whose equity is kept: what they did until a day does not change by what comes after it."""

SCENARIOS = ("free", "base", "double")
ALL = "all"
"""The part that is the whole simulation."""

Named = tuple[str, str, str, str]
"""Of a pair: its kind, what is sold, what is bought, the coin."""


def together(kind: str) -> Named:
    """The name of all pairs of a kind."""
    return kind, TOGETHER, TOGETHER, TOGETHER


def figure_rows(found: Sequence[Figures], named: Named, until: Instant, rule_version: str) -> pa.Table:
    """Rows of SIMULATION of one pair."""
    kind, short, long, underlying = named
    same: dict[str, str] = {
        "kind": kind,
        "short_market": short,
        "long_market": long,
        "underlying": underlying,
        "rule_version": rule_version,
    }
    columns: dict[str, Values] = {name: [text] * len(found) for name, text in same.items()}
    columns["until_at"] = np.full(len(found), until, np.int64)
    for field in fields(Figures):
        values = [getattr(one, field.name) for one in found]
        columns[field.name] = values if field.type is str else np.array(values)
    return columnar(SIMULATION, columns)


def equity_rows(accounts: dict[tuple[str, str], Equity], named: Named, days: Window) -> pa.Table:
    """Rows of SIMULATION_EQUITY of one pair at the midnights in ``days``.

    Args:
        accounts: by strategy and scenario. The last sample of each is not told: what was still held is closed in it, only
            because the data end there.
        named: of the pair.
        days: of the table's month.
    """
    parts = [_curve(accounts, strategy, named, days) for strategy in CURVES if (strategy, SCENARIOS[0]) in accounts]
    return joined(SIMULATION_EQUITY, parts)


def _curve(accounts: dict[tuple[str, str], Equity], strategy: str, named: Named, days: Window) -> pa.Table:
    one = accounts[strategy, SCENARIOS[0]]
    at = midnights(one, days)
    rows = np.searchsorted(one.at, at, side="right") - 1
    kind, short, long, _ = named
    columns: dict[str, Values] = {
        name: [text] * len(at)
        for name, text in (("kind", kind), ("short_market", short), ("long_market", long), ("strategy", strategy))
    }
    columns |= {"seen_at": at, "capital_quote": np.full(len(at), one.capital)}
    for scenario in SCENARIOS:
        account = accounts[strategy, scenario]
        columns[f"profit_{scenario}_quote"] = account.value[rows] - account.capital
    return columnar(SIMULATION_EQUITY, columns)


def midnights(account: Equity, days: Window) -> NDArray[np.int64]:
    """The midnights in ``days`` from the account's first sample on and before its last."""
    every = np.arange(-(-days.start // DAY_MS) * DAY_MS, days.end, DAY_MS, dtype=np.int64)
    if not len(account.at):
        return every[:0]
    return np.asarray(every[(every >= account.at[0]) & (every < account.at[-1])])


def accounts_of(found: Iterable[Outcome]) -> dict[tuple[str, str], Equity]:
    """The accounts of the whole simulation by strategy and scenario."""
    return {(one.strategy, one.scenario): one.account for one in found if one.part == ALL}
