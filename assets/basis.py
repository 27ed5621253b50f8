"""``["arbitrage", "basis"]``: every perpetual against the venue's index and against spot, partitioned by month.

What lives here: the asset and what the UI says of a month. What does not: making the rows (``qmd_platform.ingest.basis``), the
arithmetic (``qmd_platform.arbitrage.basis``). It reads the lake and sends nothing.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets import across, candles, reference
from qmd_platform.config import Universe
from qmd_platform.model.reference_tables import BASIS, INDEX_CANDLES, MARK_CANDLES

if TYPE_CHECKING:
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.lake.store import Lake

KEY = across.key_of(BASIS)

SHOWN = 12
"""Markets in the table of the metadata."""

_BY = "mark_index_bps"
"""What is drawn, and by what markets are sorted."""
_COLUMNS = ("market", "available_at", _BY, "price_index_bps", "mark_spot_bps", "price_spot_bps", "spot_market")


def basis_of(universe: Universe) -> list[dg.AssetsDefinition]:
    """The basis over all venues of the universe that have mark or index; none where there are none."""
    venues = [venue for venue in universe.venues.values() if reference.tables_of(venue)]
    made_of = {MARK_CANDLES.name, INDEX_CANDLES.name}
    keys = [key for venue in venues for key in reference.keys_of(venue) if key.path[-1] in made_of]
    deps = [*keys, *(candles.key_of(venue, venue.base) for venue in venues)]
    return [across.derived([BASIS], universe, deps, _derive, metadata)] if venues else []


def _derive(lake: "Lake", now: Universe, months: list[str], run_id: str) -> "list[Receipt]":
    from qmd_platform.ingest.basis import derive_basis  # noqa: PLC0415 - Arrow, only when it runs

    return derive_basis(lake, now.markets, months, run_id=run_id)


def metadata(lake: "Lake", receipt: "Receipt") -> dict[str, Any]:
    """The chart and the newest rows, the farthest from the index first, then the numbers."""
    from qmd_platform.ingest.arbitrage import newest  # noqa: PLC0415 - Arrow, only when a step runs

    rows = newest(lake, receipt.partition, key=("market",), at="available_at", by=_BY, columns=_COLUMNS)
    rows.sort(key=lambda row: -abs(row[_BY]))
    return {
        **({"chart": _chart(lake, receipt, rows), "farthest from the index": _table(rows[:SHOWN])} if rows else {}),
        **across.numbers(receipt),
    }


def _chart(lake: "Lake", receipt: "Receipt", rows: Sequence[dict[str, Any]]) -> dg.MarkdownMetadataValue:
    from qmd_platform.ingest.basis import lines  # noqa: PLC0415 - Arrow, only when a step runs
    from qmd_platform.quality.line_chart import MOST, Line, markdown_image  # noqa: PLC0415 - numpy, the same

    shown = [row["market"] for row in rows[:MOST]]
    drawn = [
        Line(market.partition(":")[0] + " " + market.partition(":")[2].partition("/")[0], *columns)
        for market, columns in lines(lake, receipt.partition, _BY, shown).items()
    ]
    return dg.MetadataValue.md(markdown_image(drawn, receipt.partition.window, "mark over index, basis points"))


def _table(rows: Sequence[dict[str, Any]]) -> dg.TableMetadataValue:
    columns = dg.TableSchema([dg.TableColumn(name) for name in _COLUMNS])
    told = [{name: _told(row[name]) for name in _COLUMNS} for row in rows]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in told], columns)


def _told(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else "" if value is None else str(value)
