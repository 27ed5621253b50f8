"""Asking a venue what its perpetuals are like now, and for open interest over time, spoken by ccxt.

What lives here: the answers of one venue joined by contract, open interest in base and quote. What does not: sending one
request (``ccxt_client``), rows of tables (``ingest.snapshots``, ``ingest.open_interest``).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

import numpy as np

from qmd_platform.errors import BadPage, VenueError
from qmd_platform.model.series import Market
from qmd_platform.model.window import Window
from qmd_platform.venues import facts, listing, parsing
from qmd_platform.venues.contract_sizes import Sizes
from qmd_platform.venues.dialects import Request
from qmd_platform.venues.funding_asking import Asking
from qmd_platform.venues.listing import CcxtMarket
from qmd_platform.venues.open_interest_parsing import OpenInterest, in_base
from qmd_platform.venues.port import Traffic
from qmd_platform.venues.snapshot_dialects import HISTORY, StateRequest, state_requests
from qmd_platform.venues.snapshot_parsing import NOTHING, State
from qmd_platform.venues.transport import Answer

_KIND = "perpetual"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a venue says of its perpetuals now: the state of each market that was asked about and that it tells of.

    ``asked`` is what was asked first, by its name in ccxt; ``failures`` are of the other requests, and of single contracts in
    answers: what they were to say is unsaid.
    """

    states: Mapping[Market, State]
    asked: str
    failures: Sequence[VenueError] = ()


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Open interest inside ``window``, sorted; ``digest`` is the sha256 of the answer's bytes, ``asked`` what was asked."""

    window: Window
    rows: OpenInterest
    digest: str
    asked: str


class AsksInterest(Asking, Protocol):
    """``Asking``, by who knows the contract sizes of the past."""

    sizes: Sizes


async def snapshot(client: Asking, markets: Sequence[Market], traffic: Traffic | None = None) -> Snapshot:
    """What perpetuals of one venue are like now, in as few requests as it takes; only the first of them has to be answered.

    Intervals that whole answers do not state are the venue's usual ones, where it has such (``facts.funding_of``). Open
    interest is in base and, where the answers have its worth or a mark price, in quote; of inverse contracts it is left out.

    Raises:
        ConfigError: the venue is not asked for it.
        BadPage, UnknownMarket, Refused, Banned, VenueDown: as ``port.Venue.page``.
    """
    facts.snapshots_of(client.name)
    records = {market: await client.record(market) for market in markets}
    requests = state_requests(client.name, records.values())
    counted = () if traffic is None else (traffic,)
    told: dict[str, State] = {}
    failures: list[VenueError] = []
    names = {str(record["id"]) for record in records.values()}
    usual = facts.funding_of(client.name, _KIND).usual_hours
    for one in requests:
        try:
            states = await _answered(client, one, counted)
        except VenueError as error:
            if one is requests[0]:
                raise
            failures.append(error)  # what is predicted now is never told again: it is not lost for the rest
            usual = None  # it may be what this answer was to contradict
            continue
        doubtful = [state for state in states if state.doubt and state.contract in names]
        failures += [BadPage(client.name, f"{state.contract}: {state.doubt}") for state in doubtful]
        for state in (state for state in states if not state.doubt):
            known = told.get(state.contract)
            told[state.contract] = state if known is None else known.beside(state)
    found = {market: told[name] for market, record in records.items() if (name := str(record["id"])) in told}
    complete = {market: _complete(usual, records[market], state) for market, state in found.items()}
    return Snapshot(complete, requests[0].request.method if requests else "", tuple(failures))


async def _answered(client: Asking, one: StateRequest, counted: Sequence[Traffic]) -> list[State]:
    return await client.asked(one.request, one.bucket, lambda answer: one.decode(client.name, answer), counted)


def _complete(usual: float | None, record: CcxtMarket, told: State) -> State:
    """``told`` with the ``usual`` interval, and open interest in base and quote, where the answers did not say them."""
    size = _size(record)
    base = float(in_base(np.array([told.contracts]), size)[0]) if np.isnan(told.base) else told.base
    if record.get("inverse"):
        base = NOTHING
    return replace(
        told,
        hours=usual if np.isnan(told.hours) and usual is not None else told.hours,
        base=base,
        quote=base * told.mark if np.isnan(told.quote) else told.quote,
    )


async def open_interest(
    client: AsksInterest, market: Market, window: Window, traffic: Traffic | None = None
) -> HistoryPage:
    """Open interest of ``market`` inside ``window``, which is of no more rows than a request brings.

    Contracts are counted in base with the size of their own time; of inverse contracts base is left out.

    Raises:
        ConfigError: the venue is not asked for it over time.
        BadPage: the answer is none, or all of its rows are outside of what was asked for: the venue passed over the time.
        UnknownMarket, Refused, Banned, VenueDown: as ``port.Venue.page``.
    """
    known, dialect = facts.open_interest_of(client.name), HISTORY[client.name]
    record = await client.record(market)
    # Without an end in the request, as many rows as it brings are asked for before the end: rows beside a hole are among them.
    start = window.start if dialect.has_end else max(window.end - known.page_limit * known.step, 0)
    asked = Window(start, window.end)

    def read(answer: Answer) -> tuple[OpenInterest, str]:
        rows = _rows(client, market, record, answer.body)
        if len(rows) and not len(rows.within(asked)):
            told = f"all {len(rows)} rows of open interest of {market.symbol} are outside of {asked}"
            raise BadPage(client.name, told, sample=answer.body)
        return rows, hashlib.sha256(answer.body).hexdigest()

    request = Request(dialect.method, dialect.params(record, asked, known.period, known.page_limit), 1)
    rows, digest = await client.asked(request, known.budget.bucket, read, () if traffic is None else (traffic,))
    return HistoryPage(window, rows.within(window), digest, dialect.method)


def _rows(client: AsksInterest, market: Market, record: CcxtMarket, body: bytes) -> OpenInterest:
    decode = HISTORY[client.name].decode
    sizes = client.sizes.in_time(market, record)
    rows = OpenInterest.concat([decode(client.name, body, size).within(window) for size, window in sizes])
    return replace(rows, base=np.full(len(rows), NOTHING)) if record.get("inverse") else rows


def _size(record: CcxtMarket) -> Fraction:
    return parsing.exact(listing.contract_size(record))
