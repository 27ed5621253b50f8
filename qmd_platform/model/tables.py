"""Every table: its columns, their types, units and meaning, and its key.

What lives here: the tables as data, those of arbitrage in ``arbitrage_tables``, those of
snapshots in ``snapshot_tables``; the Arrow schema, the Dagster column
schema, the rules and the docs are all made from this. Not here: how a table is laid out in files (``lake``).
"""

from qmd_platform.errors import ConfigError, choices
from qmd_platform.model.arbitrage_tables import CASH_AND_CARRY, FUNDING_ANOMALIES, FUNDING_CARRY, VENUE_SPREADS
from qmd_platform.model.columns import Column, Scope, Table
from qmd_platform.model.instrument_table import INSTRUMENTS
from qmd_platform.model.opportunity_tables import OPPORTUNITIES
from qmd_platform.model.reference_tables import BASIS, REFERENCE_TABLES
from qmd_platform.model.simulation_tables import SIMULATION, SIMULATION_EQUITY
from qmd_platform.model.snapshot_tables import FUNDING_PREDICTIONS, OPEN_INTEREST, PREDICTION_ERROR
from qmd_platform.model.timeframe import Timeframe

__all__ = ["CANDLES", "FUNDING_RATES", "INSTRUMENTS", "NAMES", "TABLES", "Column", "Scope", "Table", "table"]

CANDLES = Table(
    "candles",
    "Closed candles: open, high, low, close and volume over one step, labelled by their open time.",
    ("open_at",),
    (
        Column("open_at", "instant", "UTC", "start of the step; the candle is closed at open_at + step"),
        Column("open", "float64", "quote per base", "price of the first trade of the step"),
        Column("high", "float64", "quote per base", "highest price of the step"),
        Column("low", "float64", "quote per base", "lowest price of the step"),
        Column("close", "float64", "quote per base", "price of the last trade of the step"),
        Column("volume", "float64", "base", "amount traded, converted once from the venue's unit to base coins"),
    ),
)

FUNDING_RATES = Table(
    "funding_rates",
    "Settled funding: what longs paid shorts at each settlement, raw, with the interval it was for. Never a prediction.",
    ("settled_at",),
    (
        Column("settled_at", "instant", "UTC", "when it was paid, to the minute; the interval ends here"),
        Column(
            "rate",
            "float64",
            "fraction",
            "share of the notional that longs paid shorts for the interval; 0.0001 is 1 bp",
        ),
        Column(
            "interval_hours", "float64", "hours", "length of the interval; empty where nothing proves it", nullable=True
        ),
        Column("interval_from", "string", "", "what proves the interval: stated, venue, neighbours or unknown"),
        Column("is_suspect", "bool", "", "whether a settlement before this one seems to be missing (SUSPECT_GAP)"),
        Column(
            "mark", "float64", "quote per base", "mark price at the settlement where the venue says it", nullable=True
        ),
    ),
)

TABLES = {
    one.name: one
    for one in (
        INSTRUMENTS,
        FUNDING_RATES,
        *(FUNDING_PREDICTIONS, PREDICTION_ERROR, OPEN_INTEREST),
        *(FUNDING_CARRY, FUNDING_ANOMALIES, VENUE_SPREADS, CASH_AND_CARRY, OPPORTUNITIES),
        *(*REFERENCE_TABLES.values(), BASIS),
        *(SIMULATION, SIMULATION_EQUITY),
    )
}
"""Every table but the candles, by name."""


def table(name: str) -> Table:
    """The table called ``name``; every ``candles_<timeframe>`` is CANDLES."""
    if name in _CANDLE_NAMES:
        return CANDLES
    if name in TABLES:
        return TABLES[name]
    raise ConfigError(f"unknown table {name!r}", hint=choices(name, NAMES))


_CANDLE_NAMES = tuple(f"candles_{t.value}" for t in Timeframe)

NAMES = (*_CANDLE_NAMES, *TABLES)
"""What a series' table may be called."""
