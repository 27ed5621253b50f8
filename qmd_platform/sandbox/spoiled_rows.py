"""What a fault makes of the rows of a page, before the venue prints them.

What lives here: an exchange that answers like another one, with wrong rows. What does not: what a fault makes of a
printed answer (``spoil``), when (``faults``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from qmd_platform.model.window import Instant
from qmd_platform.sandbox.exchange import Ask, Exchange, Rows
from qmd_platform.sandbox.faults import Fault
from qmd_platform.sandbox.text import Figures, Numbers, Recorded, Written

_BESIDE = 5
"""Rows that ``outside`` adds on either side."""
_SECOND = 1000
_PRICES = ("open", "high", "low", "close")
_PRINTS_NUMBERS = frozenset({"bitfinex"})
"""Venues whose JSON has numbers and not text: what is no number is null there."""


def spoiled(exchange: Exchange, fault: Fault) -> Exchange:
    """``exchange`` with ``fault`` in its candles. A page without rows stays one."""
    return exchange.spoiled_by(partial(_SPOILERS[fault.kind], _Page(exchange, fault)))


@dataclass(frozen=True, slots=True)
class _Page:
    """Where right rows are from, and what is to be done to them."""

    exchange: Exchange
    fault: Fault


def _empty(page: _Page, ask: Ask, now: Instant, rows: Rows) -> Rows:
    return rows.take(slice(0))


def _short(page: _Page, ask: Ask, now: Instant, rows: Rows) -> Rows:
    return rows.take(slice(len(rows) // 2))


def _descending(page: _Page, ask: Ask, now: Instant, rows: Rows) -> Rows:
    return rows.take(slice(None, None, -1))


def _duplicates(page: _Page, ask: Ask, now: Instant, rows: Rows) -> Rows:
    times = np.ones(len(rows), np.intp)
    times[: -(-len(rows) // 2)] = 2
    return rows.take(np.repeat(np.arange(len(rows)), times))


def _contradicting(page: _Page, ask: Ask, now: Instant, rows: Rows) -> Rows:
    middle = len(rows) // 2
    twice = rows.take(np.sort(np.append(np.arange(len(rows)), middle)))
    return _with(twice, {name: _raised(getattr(twice, name), middle + 1) for name in _PRICES})


def _forming(page: _Page, ask: Ask, now: Instant, rows: Rows) -> Rows:
    step = ask.timeframe.step
    if now // step * step in rows.open_at:
        return rows
    current = replace(ask, start=now // step * step, end=now // step * step + step)
    more = page.exchange.candles(current, now)
    return _joined(more, rows) if ask.descending else _joined(rows, more)


def _half_built(page: _Page, ask: Ask, now: Instant, rows: Rows) -> Rows:
    step, newest = ask.timeframe.step, int(rows.open_at.max())
    alone = replace(ask, start=newest, end=newest + step)
    then = page.exchange.candles(alone, min(now, newest + step // 2))
    kept = rows.take(np.flatnonzero(rows.open_at != newest))
    return _joined(then, kept) if ask.descending else _joined(kept, then)


def _wrong_market(page: _Page, ask: Ask, now: Instant, rows: Rows) -> Rows:
    one = ask.listing
    others = page.exchange.listings(one.market.venue, now, spot=one.is_spot)
    wanted = page.fault.of
    other = next((it for it in others if it.market == wanted or (wanted is None and it.market != one.market)), one)
    return page.exchange.candles(replace(ask, listing=other), now)


def _outside(page: _Page, ask: Ask, now: Instant, rows: Rows) -> Rows:
    step = ask.timeframe.step
    first, last = int(rows.open_at.min()), int(rows.open_at.max())
    wider = replace(
        ask, start=max(first - _BESIDE * step, 0), end=last + _BESIDE * step + 1, limit=len(rows) + 2 * _BESIDE
    )
    return page.exchange.candles(wider, now)


def _misaligned(page: _Page, ask: Ask, now: Instant, rows: Rows) -> Rows:
    late = np.zeros(len(rows), np.int64)
    late[len(rows) // 2] = _SECOND
    return replace(rows, open_at=rows.open_at + late)


def _shifted(page: _Page, ask: Ask, now: Instant, rows: Rows) -> Rows:
    return replace(rows, open_at=rows.open_at + page.fault.by * ask.timeframe.step)


def _bad_values(page: _Page, ask: Ask, now: Instant, rows: Rows) -> Rows:
    middle = len(rows) // 2
    high = float(rows.high.floats()[middle])
    no_number = b"null" if ask.listing.market.venue in _PRINTS_NUMBERS else b"NaN"
    name, text = {
        "low_above_high": ("low", repr(high * 2).encode()),
        "negative": ("volume", b"-1"),
        "nan": ("close", no_number),
    }[page.fault.value]
    return _with(rows, {name: _written(getattr(rows, name), middle, text)})


def _with(rows: Rows, columns: Mapping[str, Numbers]) -> Rows:
    """``rows`` with other ``columns`` in the place of some."""
    return Rows(rows.open_at, *(columns.get(name, getattr(rows, name)) for name in Rows.__slots__[1:]))


def _raised(numbers: Numbers, row: int) -> Numbers:
    """``numbers`` with that of ``row`` one in its last decimal higher; of recorded ones, one higher."""
    above = np.arange(len(numbers)) == row
    if isinstance(numbers, Figures):
        return Figures(numbers.values + above, numbers.digits)
    return Recorded(numbers.floats() + above)


def _written(numbers: Numbers, row: int, text: bytes) -> Numbers:
    return numbers if isinstance(numbers, Written) else Written(numbers, {row: text})


def _joined(first: Rows, then: Rows) -> Rows:
    """Both pages' rows, one below the other."""
    columns = [_below(getattr(first, name), getattr(then, name)) for name in Rows.__slots__[1:]]
    return Rows(np.concatenate([first.open_at, then.open_at]), *columns)


def _below(first: Numbers, then: Numbers) -> Numbers:
    if isinstance(first, Figures) and isinstance(then, Figures) and first.digits == then.digits:
        return Figures(np.concatenate([first.values, then.values]), first.digits)
    return Recorded(np.concatenate([first.floats(), then.floats()]))


_SPOILERS: dict[str, Callable[[_Page, Ask, Instant, Rows], Rows]] = {
    "empty_page": _empty,
    "short_page": _short,
    "descending": _descending,
    "duplicates": _duplicates,
    "contradicting": _contradicting,
    "forming": _forming,
    "half_built": _half_built,
    "wrong_market": _wrong_market,
    "outside": _outside,
    "misaligned": _misaligned,
    "bad_values": _bad_values,
    "shifted": _shifted,
}
