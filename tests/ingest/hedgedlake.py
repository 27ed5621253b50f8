"""Tables of hedges of which every number is known, for the opportunities made of them."""

from collections.abc import Iterable, Sequence

import numpy as np

from qmd_platform.ingest.arbitrage import partition
from qmd_platform.ingest.columnar import Values, columnar
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model import tables
from qmd_platform.model.arbitrage_tables import VENUE_SPREADS
from qmd_platform.model.window import Instant, month_of

HOUR = 3_600_000
EIGHT = 8 * HOUR
BINANCE, GATE, SPOT = "binance:BTC/USDT:USDT", "gate:BTC/USDT:USDT", "binance:BTC/USDT"
COST_BPS = 24.0
"""Four fills of six basis points."""


def hedges(
    yearly: Sequence[float],
    start: Instant,
    legs: tuple[str, str] = (BINANCE, GATE),
    *,
    coin: str = "BTC",
    flags: dict[int, str] | None = None,
    borrow: float = 0.0,
) -> dict[str, Values]:
    """A row every eight hours from ``start`` on; a negative return a year is earned by the legs the other way round.

    Args:
        yearly: what funding came to, a year, costs not counted.
        start: of the first row.
        legs: what is sold and what is bought where it is positive.
        coin: the underlying.
        flags: by row.
        borrow: a year, of the rows that are the other way round.
    """
    up = [value >= 0 for value in yearly]
    count = len(yearly)
    funding = np.abs(np.array(yearly)) / 8760
    borrowing = np.where(up, 0.0, borrow / 8760)
    columns: dict[str, Values] = {one.name: np.zeros(count) for one in VENUE_SPREADS.columns}
    return columns | {
        "short_market": [legs[0] if one else legs[1] for one in up],
        "long_market": [legs[1] if one else legs[0] for one in up],
        "seen_at": start + EIGHT * np.arange(count),
        "underlying": [coin] * count,
        "funding_per_hour": funding,
        "borrow_per_hour": borrowing,
        "net_per_hour": funding - borrowing,
        "cost_bps": np.full(count, COST_BPS),
        "flags": [(flags or {}).get(row, "") for row in range(count)],
        "risk": ["LOW"] * count,
    }


def put_hedges(lake: Lake, table: str, parts: Iterable[dict[str, Values]]) -> None:
    """Make these rows all that the lake holds of the table in the months they touch."""
    spec = tables.table(table)
    made: dict[str, list[dict[str, Values]]] = {}
    for part in parts:
        months = np.array([month_of(int(at)) for at in part["seen_at"]])
        for month in sorted(set(months.tolist())):
            rows = np.flatnonzero(months == month)
            picked = {name: [values[row] for row in rows] for name, values in part.items()}
            made.setdefault(month, []).append(picked)
    writes = []
    for month, picked in made.items():
        joined = {name: [value for one in picked for value in one[name]] for name in picked[0]}
        writes.append(Write(partition(table, month), columnar(spec, joined), replace=True))
    lake.commit(writes, run_id="put", source="sandbox:test")
