"""Bitfinex's derivatives status on the wire: snapshots of a contract, of which funding has to be read.

What lives here: ``/v2/status/deriv/{symbol}/hist`` as Bitfinex writes it. What does not: which settlements there are
(``funding``). Source: docs.bitfinex.com/reference/rest-public-derivatives-status-history, read on 2026-11-21, and the
recorded answers in ccxt 4.5.

Facts: a row is a list of 23, told apart by position only: time, -, price of the contract, price of the coin, -,
insurance fund, -, time of the next settlement, what accrued for it, steps of that, -, rate of the last settlement, -,
-, mark price, -, -, open interest, -, -, -, clamps. Newest first unless ``sort=1``; ``start`` and ``end`` in ms, both
inclusive; at most 5000 rows. Here a snapshot is taken every ten minutes, some seconds late.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant
from qmd_platform.sandbox import bitfinex, funding
from qmd_platform.sandbox.events import Events
from qmd_platform.sandbox.exchange import FOREVER, Answer, Exchange, Query, Refusal, as_json, whole_number
from qmd_platform.sandbox.funding import DIGITS, HOUR, LONGEST
from qmd_platform.sandbox.market import END_OF_TIME, trading
from qmd_platform.sandbox.noise import scrambled, seed_of
from qmd_platform.sandbox.universe import Listing

PREFIX, SUFFIX = "/v2/status/deriv/", "/hist"
EVERY = 10 * MINUTE
"""Milliseconds between snapshots."""
_DEFAULT, _MOST = 100, 5000
_BAD_PARAMETER = 10020
_REST = (None, None, 9635.5, None, None, None, 0.0005, 0.0025)
"""The elements after the mark price, open interest and clamps among them: always the same here."""


def answer(exchange: Exchange, path: str, query: Query, now: Instant) -> Answer | None:
    """What Bitfinex answers; None where ``path`` is not the one for snapshots."""
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
    rows = _rows(_Shown.of(listing, at)) if len(at) else []
    return Answer(as_json(rows if oldest_first else rows[::-1]), rows=len(rows))


def is_snapshots(path: str) -> bool:
    """Whether ``path`` asks for snapshots."""
    return path.startswith(PREFIX) and path.endswith(SUFFIX)


def _taken(listing: Listing, first: Instant, end: Instant, now: Instant, most: int) -> NDArray[np.int64]:
    """When snapshots were taken, of those with ``first <= at < end`` and not after ``now`` or the delisting.

    At most ``most`` of them, the oldest ones; where that is negative, the newest.
    """
    gone = END_OF_TIME if listing.events.delisted_at is None else listing.events.delisted_at
    if listing.character is None:
        return np.empty(0, np.int64)
    first, end = max(first, listing.listed_at + 1), min(end, now + 1, gone)
    lo, hi = first // EVERY, max(end // EVERY + 1, first // EVERY)
    lo, hi = (lo, min(hi, lo + most + 2)) if most > 0 else (max(lo, hi + most - 2), hi)
    slots = np.arange(lo, hi, dtype=np.int64)
    late = (scrambled(seed_of(f"snapshots of {listing.market}"), slots) % np.uint64(55)).astype(np.int64) + 2
    at = slots * EVERY + late * 1000
    at = at[(at >= first) & (at < end)]
    return at[:most] if most > 0 else at[most:]


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """What snapshots taken ``at`` show: ``prices`` in ticks is the close of the minute before, rates are in 1e-8."""

    at: NDArray[np.int64]
    prices: NDArray[np.int64]
    next_at: NDArray[np.int64]
    accrued: NDArray[np.int64]
    last_rate: NDArray[np.int64]
    tick_digits: int

    @classmethod
    def of(cls, listing: Listing, at: NDArray[np.int64]) -> "_Shown":
        alone = replace(listing, events=Events(prices_of=listing.events.prices_of))
        known = funding.settled(alone, int(at[0]) - LONGEST * HOUR, int(at[-1]) + (LONGEST + 1) * HOUR)
        after = np.searchsorted(known.at, at, side="right")
        before = np.maximum(after - 1, 0)
        last_rate = np.where(after > 0, known.rate[before], 0)
        began = np.where(after > 0, known.at[before], listing.listed_at)
        next_at = known.at[after]
        accrued = known.rate[after] * ((at - began) // 1000) // ((next_at - began) // 1000)
        first = int(at[0]) // MINUTE * MINUTE - HOUR
        rows = trading(alone, MINUTE, first, int(at[-1]) // MINUTE * MINUTE, END_OF_TIME)
        earlier = np.searchsorted(rows.open_at, at // MINUTE * MINUTE - MINUTE, side="right") - 1
        return cls(at, rows.close[np.maximum(earlier, 0)], next_at, accrued, last_rate, listing.tick_digits)


def _rows(shown: _Shown) -> list[list[object]]:
    """The snapshots as printed. The prices of contract and coin are other ones than the mark, or nobody would notice."""
    ticks, rates = 10.0**shown.tick_digits, 10.0**DIGITS
    mark = (shown.prices / ticks).tolist()
    contract = ((shown.prices + shown.prices // 2000 + 1) / ticks).tolist()
    coin = ((shown.prices - shown.prices // 3000) / ticks).tolist()
    columns = zip(
        shown.at.tolist(),
        contract,
        coin,
        shown.next_at.tolist(),
        (shown.accrued / rates).tolist(),
        ((shown.at // 1000) % 10_000).tolist(),
        (shown.last_rate / rates).tolist(),
        mark,
        strict=True,
    )
    return [
        [at, None, price, spot, None, 1e6, None, next_at, accrued, step, None, rate, None, None, fair, *_REST]
        for at, price, spot, next_at, accrued, step, rate, fair in columns
    ]


def _whole(query: Query, name: str) -> int | None:
    text = query.get(name)
    number = None if text is None else whole_number(text)
    if text is not None and number is None:
        raise Refusal(bitfinex.error(_BAD_PARAMETER, f"{name}: invalid"))
    return number
