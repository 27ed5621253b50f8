"""Market x month: how assets of candles and of funding are partitioned.

What lives here: Dagster's partitions definitions and the way from a run's keys to the library's partitions. What
does not: how a key is spelled (``qmd_platform.model.series``).

Dagster takes two dimensions and advises at most about 100,000 partitions an asset: months keep 1,000 markets for
six years at 72,000. Inside a month the ledger knows every candle, so filling the current month again fetches
only what is missing.
"""

import dagster as dg

from qmd_platform.model.series import Partition

MONTH_FORMAT = "%Y-%m"


def markets_of(venue: str) -> dg.DynamicPartitionsDefinition:
    """The venue's markets; the universe sensor keeps them equal to the universe."""
    return dg.DynamicPartitionsDefinition(name=f"{venue}_markets")


def market_months(venue: str, first_month: str) -> dg.MultiPartitionsDefinition:
    """The venue's markets x the months since ``first_month``, the current one included."""
    months = dg.MonthlyPartitionsDefinition(first_month, fmt=MONTH_FORMAT, end_offset=1)
    return dg.MultiPartitionsDefinition({"market": markets_of(venue), "month": months})


def perpetuals_of(venue: str) -> dg.DynamicPartitionsDefinition:
    """The venue's perpetuals that have funding; the universe sensor keeps them equal to the universe."""
    return dg.DynamicPartitionsDefinition(name=f"{venue}_perpetuals")


def perpetual_months(venue: str, first_month: str) -> dg.MultiPartitionsDefinition:
    """The venue's perpetuals x the months since ``first_month``, the current one included."""
    months = dg.MonthlyPartitionsDefinition(first_month, fmt=MONTH_FORMAT, end_offset=1)
    return dg.MultiPartitionsDefinition({"market": perpetuals_of(venue), "month": months})


def asked(context: dg.AssetExecutionContext) -> list[Partition]:
    """The partitions this run is to fill, of the asset it is filling."""
    table = context.asset_key.path[-1]
    return [Partition.from_key(table, str(key)) for key in context.partition_keys]
