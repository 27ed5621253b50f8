"""What venues list: fetched into the lake, read back for the backfill.

What lives here: the instruments table's way in and out. What does not: what ccxt calls these facts
(``venues.ccxt_client``), their history (they are replaced as a whole; every version stays in the ledger).
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

import msgspec
import pyarrow as pa
from pyarrow import json

from qmd_platform.config import world
from qmd_platform.coverage.summary import Summary
from qmd_platform.errors import UnknownMarket, choices
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model import tables
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.port import Instrument, Traffic

_TYPES = {
    "instant": pa.timestamp("ms", "UTC"),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "string": pa.string(),
    "bool": pa.bool_(),
}


def refresh(lake: Lake, venue: str, *, run_id: str, url: str | None = None) -> Receipt:
    """Ask ``venue`` what it lists and make that its instruments table; for callers without an event loop.

    Raises:
        VenueError: the venue could not be asked; the table stays as it was.
        WrongWorld: the lake holds the other world's data.
    """
    lake.check_world(world(url))
    began = time.monotonic()
    listed, traffic = asyncio.run(_listed(venue, url))
    lake.claim_world(world(url))
    receipt = keep(listed, venue, lake, run_id=run_id, source=f"{world(url)}:{venue}")
    return replace(receipt, traffic=traffic, seconds=time.monotonic() - began)


async def _listed(venue: str, url: str | None) -> tuple[list[Instrument], Traffic]:
    async with client(venue, venue_url=url) as asked:
        return await asked.instruments(), asked.traffic


def keep(listed: Sequence[Instrument], venue: str, lake: Lake, *, run_id: str, source: str) -> Receipt:
    """Make ``listed`` the venue's instruments table."""
    ordered = sorted(listed, key=lambda instrument: instrument.symbol)
    partition = Partition(Series.instruments(venue))
    write = Write(partition, to_arrow(ordered), replace=True)
    _, (outcome,) = lake.commit([write], run_id=run_id, source=source)
    return Receipt.of_commit(outcome, Summary(expected=len(ordered), present=outcome.rows))


def to_arrow(instruments: Sequence[Instrument]) -> pa.Table:
    """The instruments as the table ``model.tables.INSTRUMENTS``."""
    columns = tables.INSTRUMENTS.columns
    schema = pa.schema([pa.field(c.name, _TYPES[c.dtype], nullable=c.nullable) for c in columns])
    # By way of JSON, because building an Arrow array from Python values imports pandas (a second) where it is
    # installed. Instants travel as integers: JSON's reader takes only text for timestamps.
    numbers = pa.schema([f.with_type(pa.int64()) if pa.types.is_timestamp(f.type) else f for f in schema])
    if not instruments:
        return schema.empty_table()
    lines = b"\n".join(msgspec.json.encode(instrument) for instrument in instruments)
    options = json.ParseOptions(explicit_schema=numbers, unexpected_field_behavior="error")
    return json.read_json(BytesIO(lines), parse_options=options).select(schema.names).cast(schema)


def instruments(lake: Lake, venue: str) -> dict[str, Instrument]:
    """The venue's instruments in the lake by symbol; empty when they were never fetched."""
    series = Series.instruments(venue)
    if lake.state(Partition(series)) is None:
        return {}
    table = lake.read(series)
    table = table.set_column(
        table.schema.get_field_index("listed_at"), "listed_at", table.column("listed_at").cast(pa.int64())
    )
    return {row["symbol"]: Instrument(**row) for row in table.to_pylist()}


def known(listed: dict[str, Instrument], market: Market) -> Instrument:
    """The instrument of ``market``; UnknownMarket with the closest symbols when the venue does not list it."""
    found = listed.get(market.symbol)
    if found is None:
        raise UnknownMarket(market.venue, f"does not list {market.symbol!r}", hint=choices(market.symbol, listed))
    return found
