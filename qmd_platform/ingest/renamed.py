"""What an instrument's name says of its coin, by the reviewed map: how many coins a unit is, and what it was called before.

What lives here: applying ``arbitrage.renames`` to instruments. What does not: the map; when rows begin and end
(``instrument_history``).

A symbol went on as another where the map says that the old coin, as the name meant it when the old symbol ended, became the
new one, at the same venue and between the same currencies. A relisting under the old symbol is no rename, and what the
map does not join stays apart, however alike the names or prices are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from qmd_platform.arbitrage.underlyings import became, multiple
from qmd_platform.model.window import Instant
from qmd_platform.venues.port import Instrument


def with_names(venue: str, now: Iterable[Instrument], held: Mapping[str, Sequence[Instrument]]) -> list[Instrument]:
    """``now`` with what the map says of each: ``multiplier`` and ``renamed_from``.

    Args:
        venue: whose instruments they are; a name may mean something else there.
        now: the instruments after a list (``instruments.aged``).
        held: the rows before it, by symbol: what ended earlier, even under a symbol that is traded again.
    """
    every = list(now)
    ended: dict[tuple[str, str, str], list[Instrument]] = {}
    for row in [*(row for rows in held.values() for row in rows), *every]:
        if not row.active:
            ended.setdefault(_place(row), []).append(row)
    return [
        replace(one, multiplier=multiple(one.base), renamed_from=_before(venue, one, ended.get(_place(one), ())))
        for one in every
    ]


def _place(one: Instrument) -> tuple[str, str, str]:
    return one.kind, one.quote, one.settle


def _before(venue: str, one: Instrument, ended: Iterable[Instrument]) -> str | None:
    """The symbol that went on as ``one``; of several, the one that ended last."""
    found = [
        (at, row.symbol) for row in ended if (at := _end(row)) is not None and became(row.base, one.base, at, venue)
    ]
    return max(found)[1] if found else None


def _end(row: Instrument) -> Instant | None:
    """The last instant at which the ended symbol was traded, or was seen not to be any more; None if that is not known."""
    at = row.valid_from if row.delisted_at is None else row.delisted_at
    return None if at is None else at - 1
