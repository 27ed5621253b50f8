"""Instruments in time: when a row of facts ends and another begins, which one held at an instant, what changed. Pure.

What lives here: the arithmetic of ``valid_from`` and ``valid_to``. What does not: what a list says of a market that it
lacks, reading and writing the table (``instruments``), which names join (``renamed``).

A row begins when the list was asked for that first showed its facts, and ends when one was that showed others; so it says
what was seen, and a change is known to the time between two lists. Before its first row nothing is claimed of a symbol.
A fact that a list newly says is a change too, and so is one that goes back. ccxt's record alone is not: it moves with
ccxt's version, so the row of now just takes the newest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import NamedTuple

from qmd_platform.model.window import Instant
from qmd_platform.venues.port import Instrument

Rows = Sequence[Instrument]
"""What is known of one symbol: rows that follow one another, the one of now last."""

_NO_FACTS = frozenset({"symbol", "valid_from", "valid_to", "ccxt_market"})

FACTS = tuple(one.name for one in fields(Instrument) if one.name not in _NO_FACTS)
"""Names of the fields of which a change begins a new row."""

LISTED = "listed"
"""Stands for a fact where a symbol is new."""


class Change(NamedTuple):
    """``fact`` of ``symbol`` is ``after`` since the instant ``since``, and was ``before``."""

    symbol: str
    fact: str
    before: object
    after: object
    since: Instant | None


def by_symbol(rows: Iterable[Instrument]) -> dict[str, list[Instrument]]:
    """Rows of a table, which are in order of symbol and time, by symbol."""
    found: dict[str, list[Instrument]] = {}
    for row in rows:
        found.setdefault(row.symbol, []).append(row)
    return found


def since_kept(held: Mapping[str, Rows], kept_at: Instant, at: Instant) -> dict[str, list[Instrument]]:
    """``held`` with a beginning for rows that have none: they are from before qmd kept it.

    What such a row says was seen when its table was kept, or before: it is said to begin then, and not later than ``at``.
    """
    begin = min(kept_at, at)
    return {
        symbol: [replace(row, valid_from=begin) if row.valid_from is None else row for row in rows]
        for symbol, rows in held.items()
    }


def dated(held: Mapping[str, Rows], now: Iterable[Instrument], at: Instant) -> list[Instrument]:
    """The rows after a list of the time ``at``, sorted by symbol and time.

    Args:
        held: the rows before it, each with its beginning (``since_kept``).
        now: the instruments after the list, those it lacks too (``instruments.aged``); what they say of time is passed over.
        at: when the list was asked for. One that is older than the last row of a symbol leaves its rows as they are.
    """
    found: list[Instrument] = []
    for one in sorted(now, key=lambda one: one.symbol):
        found += _followed(list(held.get(one.symbol, ())), one, at)
    return found


def _followed(rows: list[Instrument], now: Instrument, at: Instant) -> list[Instrument]:
    if not rows:
        return [replace(now, valid_from=at, valid_to=None)]
    last = rows[-1]
    began = at if last.valid_from is None else last.valid_from
    if at < began:
        return rows
    if same(last, now):
        return [*rows[:-1], replace(last, ccxt_market=now.ccxt_market)]
    after = replace(now, valid_from=at, valid_to=None)
    # Of two lists of one instant (clocks of whole seconds) the later one counts: no row is of no time at all.
    return [*rows[:-1], after] if at == began else [*rows[:-1], replace(last, valid_to=at), after]


def same(one: Instrument, other: Instrument) -> bool:
    """Whether no fact differs."""
    return all(getattr(one, name) == getattr(other, name) for name in FACTS)


def at_time(rows: Rows, at: Instant) -> Instrument | None:
    """The row of the facts at ``at``; None before the first row, of which nothing is claimed."""
    return next((row for row in reversed(rows) if row.valid_from is None or row.valid_from <= at), None)


def told_since(rows: Rows, *facts: str) -> Instant | None:
    """Since when every row says of ``facts`` what the row of now says; None where that is not known."""
    since = None
    for row in reversed(rows):
        if any(getattr(row, name) != getattr(rows[-1], name) for name in facts):
            break
        since = row.valid_from
    return since


def changes(before: Mapping[str, Instrument], after: Mapping[str, Instrument]) -> list[Change]:
    """What is otherwise in ``after``, fact by fact, sorted: both are the rows of one time by symbol."""
    found: list[Change] = []
    for symbol in sorted(after):
        old, new = before.get(symbol), after[symbol]
        if old is None:
            found.append(Change(symbol, LISTED, None, new.listed_at, new.valid_from))
            continue
        pairs = [(name, getattr(old, name), getattr(new, name)) for name in FACTS]
        found += [Change(symbol, name, was, now, new.valid_from) for name, was, now in pairs if was != now]
    return found
