"""Settlements as rows of the table of funding, and back.

What lives here: the columns, and reading what the lake holds of a market. What does not: asking for it
(``ingest.funding``), what proves an interval (``funding.intervals``).
"""

from io import BytesIO

import msgspec
import numpy as np
import pyarrow as pa
from pyarrow import json

from qmd_platform.funding.intervals import Intervals
from qmd_platform.lake.buffers import numbers, or_nan
from qmd_platform.lake.rows import arrow_schema
from qmd_platform.lake.store import Lake
from qmd_platform.ledger.snapshots import AsOf
from qmd_platform.model import tables
from qmd_platform.model.series import Market, Series
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.window import Window


def to_arrow(settlements: Settlements, found: Intervals, rows: slice) -> pa.Table:
    """Rows of ``model.tables.FUNDING_RATES``.

    Args:
        settlements: sorted, each once.
        found: the intervals of the longer history that they are part of.
        rows: where in it they are.
    """
    schema = arrow_schema(tables.FUNDING_RATES)
    # By way of JSON, as ingest.instruments does and for its reasons; NaN becomes a null.
    numeric = pa.schema([f.with_type(pa.int64()) if pa.types.is_timestamp(f.type) else f for f in schema])
    lines = [
        msgspec.json.encode(
            {
                "settled_at": int(at),
                "rate": float(rate),
                "interval_hours": float(hours),
                "interval_from": str(evidence),
                "is_suspect": bool(suspect),
                "mark": float(mark),
            }
        )
        for at, rate, hours, evidence, suspect, mark in zip(
            settlements.settled_at,
            settlements.rate,
            found.hours[rows],
            found.evidence[rows],
            found.suspect[rows],
            settlements.mark,
            strict=True,
        )
    ]
    if not lines:
        return pa.Table.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)
    options = json.ParseOptions(explicit_schema=numeric, unexpected_field_behavior="error")
    return json.read_json(BytesIO(b"\n".join(lines)), parse_options=options).select(schema.names).cast(schema)


def settlements(lake: Lake, market: Market, *, as_of: AsOf = None) -> Settlements:
    """All settlements the lake holds of ``market``, sorted."""
    rows = lake.read(Series.funding(market), as_of=as_of)
    if not len(rows):
        return Settlements.empty()
    return Settlements.of(
        numbers(rows.column("settled_at").combine_chunks(), np.int64),
        numbers(rows.column("rate").combine_chunks(), np.float64),
        or_nan(rows, "mark"),
    )


def part(settlements: Settlements, found: Intervals, window: Window) -> tuple[Settlements, Intervals]:
    """The settlements inside ``window``, with the intervals that the whole history has proven."""
    lo, hi = (int(at) for at in np.searchsorted(settlements.settled_at, [window.start, window.end]))
    columns = (getattr(found, name)[lo:hi] for name in ("hours", "evidence", "suspect", "elapsed", "known_at"))
    return settlements.take(slice(lo, hi)), Intervals(*columns)
