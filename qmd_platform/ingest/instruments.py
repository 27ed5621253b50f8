"""What venues list: fetched into the lake, read back for the backfill.

What lives here: the instruments table's way in and out, and what became of markets that a list lacks. What does not:
what ccxt calls these facts (``venues.listing``), when rows begin and end (``instrument_history``), which names join
(``renamed``).
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow import json

from qmd_platform.config import world
from qmd_platform.coverage.summary import Summary
from qmd_platform.errors import BadPage, Conflict, Outdated, UnknownMarket, choices
from qmd_platform.ingest import instrument_history as history
from qmd_platform.ingest import renamed
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.rows import arrow_schema
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model import tables
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.window import Instant
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.port import Instrument, Traffic
from qmd_platform.venues.terms import ELSEWHERE, Interval

ListedWindow = tuple[Instant | None, Instant | None]
"""Since when and until when a venue lists a market, epoch ms; None where that is not known, or not so yet."""

TRIES = 5

MOST_GONE = 0.5
"""A list that lacks more than this share of the markets that were active is taken for a faulty answer."""


def refresh(lake: Lake, venue: str, *, run_id: str, url: str | None = None) -> Receipt:
    """Ask ``venue`` what it lists and make that its instruments table; for callers without an event loop.

    Raises:
        VenueError: the venue could not be asked, or its list is out of order; the table stays as it was.
        WrongWorld: the lake holds the other world's data.
    """
    lake.check_world(world(url))
    began = time.monotonic()
    listed, at, traffic = asyncio.run(_listed(venue, url))
    lake.claim_world(world(url))
    receipt = keep(listed, venue, lake, run_id=run_id, source=f"{world(url)}:{venue}", at=at)
    return replace(receipt, traffic=traffic, seconds=time.monotonic() - began)


async def _listed(venue: str, url: str | None) -> tuple[list[Instrument], Instant, Traffic]:
    """The list, and the venue's time when it was asked for."""
    async with client(venue, venue_url=url) as asked:
        at = await asked.server_time()
        found = await asked.instruments()
        if venue in ELSEWHERE:
            found = with_intervals(found, await asked.interval_facts())
        return found, at, asked.traffic


def with_intervals(listed: Sequence[Instrument], stated: Mapping[str, Interval]) -> list[Instrument]:
    """``listed`` with the funding intervals that were ``stated`` elsewhere than in the list."""
    return [
        replace(one, funding_interval_hours=stated[one.symbol].hours, funding_interval_from=stated[one.symbol].source)
        if one.symbol in stated
        else one
        for one in listed
    ]


def keep(
    listed: Sequence[Instrument], venue: str, lake: Lake, *, run_id: str, source: str, at: Instant | None = None
) -> Receipt:
    """Lay ``listed`` over the venue's instruments table: a row of now for each market, and of then where a fact changed.

    Markets that the list lacks stay in there, as delisted. The same list once more changes nothing.

    Args:
        listed: what the venue lists now.
        venue: whose list it is.
        lake: where to.
        run_id: who did it.
        source: where the list is from, ``live:binance``.
        at: when it was asked for, by the venue's clock; this machine's time when not given.

    Raises:
        BadPage: the list lacks more than half of what was active. The table stays as it was.
        Conflict: others laid their lists over it first, many times in a row.
    """
    at = time.time_ns() // 1_000_000 if at is None else at
    partition = Partition(Series.instruments(venue))
    for _ in range(TRIES):
        state = lake.state(partition)  # before its rows are read: a row that another writer adds must not get lost
        rows = _after(histories(lake, venue), listed, venue, at, kept_at=state.committed_at if state else at)
        write = Write(partition, to_arrow(rows), replace=True, seen=state.version if state else 0)
        try:
            _, (outcome,) = lake.commit([write], run_id=run_id, source=source)
        except Outdated:
            continue
        return Receipt.of_commit(outcome, Summary(expected=len(rows), present=outcome.rows))
    who = f"{TRIES} times in a row somebody else was first to write what {venue} lists"
    raise Conflict(who, hint="run it again")


def _after(
    held: Mapping[str, history.Rows], listed: Sequence[Instrument], venue: str, at: Instant, *, kept_at: Instant
) -> list[Instrument]:
    """The rows of the table after the list ``listed`` of the time ``at``."""
    last = {symbol: rows[-1] for symbol, rows in held.items()}
    _refuse_faulty(venue, last, listed)
    begun = history.since_kept(held, kept_at, at)
    now = renamed.with_names(venue, (_filled(one, last.get(one.symbol)) for one in aged(last, listed, at)), begun)
    return history.dated(begun, now, at)


def _filled(instrument: Instrument, before: Instrument | None) -> Instrument:
    """An instrument with the funding interval known before where its list says nothing of one."""
    if before is None or instrument.funding_interval_hours is not None:
        return instrument
    return replace(
        instrument,
        funding_interval_hours=before.funding_interval_hours,
        funding_interval_from=before.funding_interval_from,
    )


def aged(held: Mapping[str, Instrument], listed: Sequence[Instrument], at: Instant) -> list[Instrument]:
    """The instruments after the list ``listed`` of the time ``at``, sorted by symbol.

    One that is not listed any more, or listed as no longer traded, is inactive and delisted: when the venue says so, else
    when its list first did. One that is traded (again) is not delisted.
    """
    here = {instrument.symbol for instrument in listed}
    gone = [replace(one, active=False) for symbol, one in held.items() if symbol not in here]
    ended = [_ended(one, held.get(one.symbol), at) for one in [*listed, *gone] if not one.active]
    traded = [one for one in listed if one.active]
    return sorted([*ended, *traded], key=lambda instrument: instrument.symbol)


def _ended(instrument: Instrument, before: Instrument | None, at: Instant) -> Instrument:
    """An inactive instrument with the time since when it is, unless its trading has not begun yet."""
    known = before.delisted_at if before else None
    is_to_come = instrument.listed_at is not None and instrument.listed_at > at
    if instrument.delisted_at is not None or is_to_come:
        return instrument
    return replace(instrument, delisted_at=at if known is None else known)


def _refuse_faulty(venue: str, held: Mapping[str, Instrument], listed: Sequence[Instrument]) -> None:
    """BadPage for a list that lacks so much that the venue, and not its markets, must be out of order."""
    still = {instrument.symbol for instrument in listed if instrument.active}
    active = [symbol for symbol, instrument in held.items() if instrument.active]
    lacking = [symbol for symbol in active if symbol not in still]
    if len(lacking) > len(active) * MOST_GONE:
        named = ", ".join(sorted(lacking)[:3])
        raise BadPage(
            venue,
            f"its list lacks {len(lacking)} of the {len(active)} markets that were traded, among them {named}; "
            "that is not believed, and the instruments stay as they were",
        )


def to_arrow(instruments: Sequence[Instrument]) -> pa.Table:
    """The instruments as the table ``model.tables.INSTRUMENTS``."""
    schema = arrow_schema(tables.INSTRUMENTS)
    # By way of JSON, because building an Arrow array from Python values imports pandas (a second) where it is
    # installed. Instants travel as integers: JSON's reader takes only text for timestamps.
    numbers = pa.schema([f.with_type(pa.int64()) if pa.types.is_timestamp(f.type) else f for f in schema])
    if not instruments:
        return schema.empty_table()
    lines = b"\n".join(msgspec.json.encode(instrument) for instrument in instruments)
    options = json.ParseOptions(explicit_schema=numbers, unexpected_field_behavior="error")
    return json.read_json(BytesIO(lines), parse_options=options).select(schema.names).cast(schema)


def instruments(lake: Lake, venue: str, at: Instant | None = None) -> dict[str, Instrument]:
    """The venue's instruments in the lake by symbol, the delisted ones too; empty when they were never fetched.

    With the facts of now, or of the instant ``at``; then what was first seen later is not there.
    """
    every = histories(lake, venue)
    if at is None:
        return {symbol: rows[-1] for symbol, rows in every.items()}
    return {symbol: row for symbol, rows in every.items() if (row := history.at_time(rows, at)) is not None}


def histories(lake: Lake, venue: str) -> dict[str, list[Instrument]]:
    """All rows of the venue's instruments by symbol, the oldest first, the one of now last."""
    return history.by_symbol(Instrument(**row) for row in _rows(lake, venue))


def listed(lake: Lake, venue: str) -> dict[str, ListedWindow]:
    """Since when and until when each market of the venue is listed, by symbol; quicker than ``instruments``."""
    rows = _rows(lake, venue, ["symbol", "listed_at", "delisted_at"])
    return {row["symbol"]: (row["listed_at"], row["delisted_at"]) for row in rows}  # a symbol's last row is of now


def listed_window(instrument: Instrument) -> ListedWindow:
    """Since when and until when the venue lists the market: candles opening at or after the second cannot be."""
    return instrument.listed_at, instrument.delisted_at


def _rows(lake: Lake, venue: str, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    series = Series.instruments(venue)
    if lake.state(Partition(series)) is None:
        return []
    table = lake.read(series)
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):  # as a Python value it would be a datetime
            table = table.set_column(place, field.name, table.column(place).cast(pa.int64()))
    return (table if columns is None else table.select(columns)).to_pylist()


def known(listed: Mapping[str, Instrument], market: Market) -> Instrument:
    """The instrument of ``market``; UnknownMarket with the closest symbols when the venue does not list it."""
    found = listed.get(market.symbol)
    if found is None:
        raise UnknownMarket(market.venue, f"does not list {market.symbol!r}", hint=choices(market.symbol, listed))
    return found
