"""The lives of all pairs, month after month: every change of state with the episode it is of. Pure.

What lives here: where each direction of each pair stands between months, and what an episode was decided from. What does not:
one pair's changes (``opportunities``), both directions of a row (``mirror``), where rows come from (``ingest.opportunities``).

Months must be handed over in order, from the first that there is: a month's changes are then the same whether one or all of
the months are asked for.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qmd_platform.arbitrage.legs import Instants
from qmd_platform.arbitrage.lifecycle import NOWHERE, Standing, State
from qmd_platform.arbitrage.mirror import Earned, Seen, Way, both_ways, heard
from qmd_platform.arbitrage.opportunities import Events, Transition, transitions
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.model.window import Instant

_DIGITS = 16
"""Of the hash of what an episode was decided from."""


@dataclass(frozen=True, slots=True)
class Change:
    """A transition with the pair, the coin and the episode it is of."""

    short: str
    long: str
    underlying: str
    began_at: Instant
    transition: Transition


@dataclass(slots=True)
class _Life:
    """Where one direction of a pair stands, and of what it was last heard."""

    underlying: str
    standing: Standing = NOWHERE
    heard_at: Instant | None = None
    began_at: Instant = 0
    figures: "hashlib._Hash" = field(default_factory=hashlib.sha256)


class Lives:
    """All pairs of one kind. ``source`` is the name of the table they are from."""

    def __init__(self, source: str, rules: Rules) -> None:
        self._source = source
        self._rules = rules
        self._lives: dict[Way, _Life] = {}

    def month(self, rows: Earned, clock: Instants) -> list[Change]:
        """The changes of the next month, by pair and time; its rows, and the instants at which any pair was heard of."""
        alive = {way for way, life in self._lives.items() if life.standing.state is not State.NONE}
        seen = {one.way: one for one in both_ways(rows, self._rules, alive)}
        changes: list[Change] = []
        for way in sorted(seen.keys() | alive):
            life = self._lives.get(way)
            one = seen.get(way) or Seen(way, life.underlying if life else "", _nothing())
            changes += self._changes(life or _Life(one.underlying), one, clock)
        return changes

    def _changes(self, life: _Life, seen: Seen, clock: Instants) -> Iterator[Change]:
        life.underlying = seen.underlying
        events = heard(seen.events, life.heard_at, clock)
        found, life.standing = transitions("|".join(seen.way), events, self._rules.thresholds, start=life.standing)
        yield from self._told(life, seen, events, found)
        if len(seen.events):
            life.heard_at = int(seen.events.at[-1])
        if life.standing.episode:
            self._lives[seen.way] = life

    def _told(self, life: _Life, seen: Seen, events: Events, found: Sequence[Transition]) -> Iterator[Change]:
        """Each transition with the hash of its episode's figures so far."""
        done = 0
        for one in found:
            row = int(np.searchsorted(events.at, one.at))
            if one.before is State.NONE:
                life.began_at, life.figures, done = one.at, hashlib.sha256(), row
            life.figures.update(_figures(events, done, row + 1))
            done = row + 1
            version = f"{self._source}:{life.figures.hexdigest()[:_DIGITS]}"
            yield Change(*seen.way, seen.underlying, life.began_at, replace(one, data_versions=(version,)))
        if life.standing.state is not State.NONE:
            life.figures.update(_figures(events, done, len(events)))


def _figures(events: Events, begin: int, end: int) -> bytes:
    """The rows as bytes, the same however they are cut."""
    columns = (events.at, events.net_per_year, events.break_even_hours, events.flags)
    block = np.column_stack([column[begin:end].astype("<f8") for column in columns]) + 0.0  # no -0
    block[np.isnan(block)] = np.nan
    return block.tobytes()


def _nothing() -> Events:
    none = np.empty(0)
    return Events(np.empty(0, np.int64), none, none, np.empty(0, np.uint32), np.empty(0, np.bool_))
