"""Candles of mark, index and premium as rows of their tables, and back.

What lives here: the columns, and reading what the lake holds. What does not: asking for them (``ingest.reference``).
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from qmd_platform.ingest.columnar import columnar
from qmd_platform.lake.buffers import column
from qmd_platform.lake.segments import table_of
from qmd_platform.lake.store import Lake
from qmd_platform.ledger.records import Segment
from qmd_platform.ledger.snapshots import AsOf
from qmd_platform.model.candles import PRICES, Candles
from qmd_platform.model.reference_tables import REFERENCE_TABLES, Reference
from qmd_platform.model.series import Market, Series


def series_of(market: Market, wanted: Reference) -> Series:
    """The series of the market's ``wanted`` candles."""
    return Series(wanted.table, market.venue, market.symbol)


def wanted_of(series: Series) -> Reference:
    """What the candles of ``series`` are of."""
    return next(wanted for wanted in Reference if wanted.table == series.table)


def to_arrow(candles: Candles, wanted: Reference) -> pa.Table:
    """Rows of the table of ``wanted``."""
    names = ("open_at", *PRICES)
    return columnar(REFERENCE_TABLES[wanted], {name: getattr(candles, name) for name in names})


def held(
    lake: Lake, market: Market, wanted: Reference, months: tuple[str, str] | None = None, *, as_of: AsOf = None
) -> Candles:
    """The candles the lake holds, sorted, without volume; ``months`` are the first and the last one, None for all."""
    return of_segments(lake, lake.ledger.segments(series_of(market, wanted), months, as_of=as_of), wanted)


def of_segments(lake: Lake, segments: Sequence[Segment], wanted: Reference) -> Candles:
    """The candles in these files of one series, in their order."""
    rows = table_of(REFERENCE_TABLES[wanted], lake.blobs.data, segments)
    open_, high, low, close = (column(rows, name) for name in PRICES)
    return Candles(column(rows, "open_at"), open_, high, low, close, np.zeros(len(rows)))
