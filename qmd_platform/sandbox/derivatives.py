"""Bitfinex's derivatives status on the wire: snapshots of a contract, of which funding has to be read.

What lives here: ``/v2/status/deriv/{symbol}/hist`` and ``/v2/status/deriv`` as Bitfinex writes them. What does not: which
settlements there are (``funding``), what is expected before them (``snapshots``). Source:
docs.bitfinex.com/reference/rest-public-derivatives-status-history, read on 2026-11-21, and the recorded answers in ccxt 4.5.

Facts: a row is a list of 23, told apart by position only: time, -, price of the contract, price of the coin, -,
insurance fund, -, time of the next settlement, what accrued for it, steps of that, -, rate of the last settlement, -,
-, mark price, -, -, open interest, -, -, -, clamps. Newest first unless ``sort=1``; ``start`` and ``end`` in ms, both
inclusive; at most 5000 rows. Here a snapshot is taken every ten minutes, some seconds late.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant, Window
from qmd_platform.sandbox import bitfinex, funding, reference, snapshots
from qmd_platform.sandbox.events import Events
from qmd_platform.sandbox.exchange import FOREVER, Answer, Exchange, Query, Refusal, as_json
from qmd_platform.sandbox.funding import DIGITS, HOUR, LONGEST
from qmd_platform.sandbox.market import END_OF_TIME
from qmd_platform.sandbox.noise import scrambled, seed_of
from qmd_platform.sandbox.parameters import whole
from qmd_platform.sandbox.universe import Listing

PREFIX, SUFFIX = "/v2/status/deriv/", "/hist"
CURRENT = "/v2/status/deriv"
EVERY = 10 * MINUTE
"""Milliseconds between snapshots."""
_DEFAULT, _MOST = 100, 5000
_BAD_PARAMETER = 10020


def answer(exchange: Exchange, path: str, query: Query, now: Instant) -> Answer | None:
    """What Bitfinex answers; None where ``path`` is not the one for snapshots."""
    if path == CURRENT:
        return _current(exchange, query, now)
    if not is_snapshots(path):
        return None
    listing = exchange.listing("bitfinex", path.removeprefix(PREFIX).removesuffix(SUFFIX), "USDT")
    if listing is None:
        raise Refusal(bitfinex.error(_BAD_PARAMETER, "symbol: invalid"))
    start, last, limit = (_whole(query, name) for name in ("start", "end", "limit"))
    limit = _DEFAULT if limit is None else limit
    if not 0 < limit <= _MOST:
        raise Refusal(bitfinex.error(_BAD_PARAMETER, "limit: invalid"))
    oldest_first = query.get("sort", "-1") == "1"
    end = FOREVER if last is None else last + 1
    at = _taken(listing, start or 0, end, now, limit if oldest_first else -limit)
    found = rows(listing, at) if len(at) else []
    return Answer(as_json(found if oldest_first else found[::-1]), rows=len(found))


def is_snapshots(path: str) -> bool:
    """Whether ``path`` asks for snapshots."""
    return path.startswith(PREFIX) and path.endswith(SUFFIX)


def printed(listing: Listing, window: Window, now: Instant) -> list[list[object]]:
    """Every snapshot taken in ``window`` until ``now``, as its row, oldest first."""
    at = _taken(listing, window.start, window.end, now, (window.end - window.start) // EVERY + 2)
    return rows(listing, at) if len(at) else []


def _taken(listing: Listing, first: Instant, end: Instant, now: Instant, most: int) -> NDArray[np.int64]:
    """When snapshots were taken, of those with ``first <= at < end`` and not after ``now`` or the delisting.

    At most ``most`` of them, the oldest ones; where that is negative, the newest.
    """
    gone = END_OF_TIME if listing.events.gone_at is None else listing.events.gone_at
    if listing.character is None:
        return np.empty(0, np.int64)
    first, end = max(first, listing.listed_at + 1), min(end, now + 1, gone)
    lo, hi = first // EVERY, max(end // EVERY + 1, first // EVERY)
    lo, hi = (lo, min(hi, lo + most + 2)) if most > 0 else (max(lo, hi + most - 2), hi)
    slots = np.arange(lo, hi, dtype=np.int64)
    late = (scrambled(seed_of(f"snapshots of {listing.market}"), slots) % np.uint64(55)).astype(np.int64) + 2
    at = slots * EVERY + late * 1000
    at = at[(at >= first) & (at < end) & listing.events.is_there(at)]
    return at[:most] if most > 0 else at[most:]


def _current(exchange: Exchange, query: Query, now: Instant) -> Answer:
    """The newest state of the contracts in ``keys``, a list with commas, or of all (``ALL``): the key, then a snapshot."""
    wanted = set(query.get("keys", "").split(","))
    listed = [one for one in exchange.listings(bitfinex.NAME, now, spot=False) if {"ALL", one.wire} & wanted]
    at = np.array([now], np.int64)
    return Answer(as_json([[one.wire, *rows(one, at)[0]] for one in listed if one.character is not None]))


def rows(listing: Listing, at: NDArray[np.int64]) -> list[list[object]]:
    """The snapshots taken ``at``. The prices of contract and coin are other ones than the mark, or nobody would notice."""
    ticks, rates = 10.0**listing.tick_digits, 10.0**DIGITS
    expected, prices = snapshots.predicted(listing, at), snapshots.marks(listing, at)
    columns = zip(
        at.tolist(),
        ((prices + prices // 2000 + 1) / ticks).tolist(),
        (snapshots.marks(reference.indexed(listing), at) / ticks).tolist(),
        expected.next_at.tolist(),
        (expected.accrued / rates).tolist(),
        ((at // 1000) % 10_000).tolist(),
        (_last_rates(listing, at) / rates).tolist(),
        (prices / ticks).tolist(),
        (snapshots.outstanding(listing, at) / 10.0**listing.lot_digits).tolist(),
        strict=True,
    )
    before, after = (None, 1e6, None), (None, None, None, 0.0005, 0.0025)
    return [
        [
            at,
            None,
            price,
            spot,
            *before,
            next_at,
            accrued,
            step,
            None,
            rate,
            None,
            None,
            fair,
            None,
            None,
            open_,
            *after,
        ]
        for at, price, spot, next_at, accrued, step, rate, fair, open_ in columns
    ]


def _last_rates(listing: Listing, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rate of the settlement before each instant; 0 before the first."""
    alone = replace(listing, events=Events(prices_of=listing.events.prices_of))
    known = funding.settled(alone, int(at[0]) - LONGEST * HOUR, int(at[-1]) + 1)
    after = np.searchsorted(known.at, at, side="right")
    return np.where(after > 0, np.append(known.rate, 0)[after - 1], 0)


def _whole(query: Query, name: str) -> int | None:
    return whole(query, name, bitfinex.error(_BAD_PARAMETER, f"{name}: invalid"))
