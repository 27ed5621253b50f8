"""Opportunities: the lifecycle run over a pair's history, every change of state a record, every episode one row. Pure.

What lives here: from a hedge's columns to events, transitions and episodes. What does not: the rules (``lifecycle``), the
tables they are kept in.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmd_platform.arbitrage.basis import BPS
from qmd_platform.arbitrage.economics import net_per_year
from qmd_platform.arbitrage.hedges import Hedge
from qmd_platform.arbitrage.lifecycle import NOWHERE, Event, Standing, State, Thresholds, step
from qmd_platform.errors import ConfigError
from qmd_platform.model.window import Instant


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state with everything it was decided from. (pair, episode, before) is unique."""

    pair: str
    episode: int
    at: Instant
    before: State
    after: State
    reason: str
    net_per_year: float
    break_even_hours: float
    flags: int
    rule_version: str = ""
    data_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """A pair's events as columns of equal length; ``at`` rises."""

    at: NDArray[np.int64]
    net_per_year: NDArray[np.float64]
    break_even_hours: NDArray[np.float64]
    flags: NDArray[np.uint32]
    is_settlement: NDArray[np.bool_]

    @classmethod
    def of(cls, hedge: Hedge, rules: Thresholds) -> "Events":
        """The rows of one pair's hedge as events: net return for the hold that the rules expect.

        Raises:
            ConfigError: a row is not later than the one before it.
        """
        if (np.diff(hedge.at) <= 0).any():
            raise ConfigError(f"rows of {hedge.pair} are not in the order of time", hint="keep one an instant, sorted")
        net = net_per_year(hedge.net_per_hour, hedge.cost_bps / BPS, rules.expected_hold_hours)
        return cls(hedge.at, net, hedge.break_even_hours, hedge.flags, np.ones(len(hedge), np.bool_))

    def __len__(self) -> int:
        return len(self.at)

    def rows(self) -> Iterator[Event]:
        """One by one."""
        columns = (self.at, self.net_per_year, self.break_even_hours, self.flags, self.is_settlement)
        return (Event(*row) for row in zip(*(column.tolist() for column in columns), strict=True))


def transitions(
    pair: str,
    events: Events,
    rules: Thresholds,
    *,
    start: Standing = NOWHERE,
    data_versions: tuple[str, ...] = (),
) -> tuple[list[Transition], Standing]:
    """Every change of state of a pair over its events, and where it stands after the last.

    Going on from that standing with later events gives what all events at once give.

    Args:
        pair: both markets as one name.
        events: all later than those that led to ``start``.
        rules: thresholds.
        start: where the pair stood before the first event.
        data_versions: of the tables the events were made from.
    """
    found: list[Transition] = []
    standing, version = start, rules.version
    for event in events.rows():
        if standing.state is State.NONE and not event.net_per_year > rules.watch:
            continue  # most rows of most pairs; nothing counts before a watch begins
        after, reason = step(standing, event, rules)
        if reason:
            change = Transition(
                pair,
                after.episode,
                event.at,
                standing.state,
                after.state,
                reason,
                event.net_per_year,
                event.break_even_hours,
                event.flags,
                version,
                data_versions,
            )
            found.append(change)
        standing = after
    return found, standing


@dataclass(frozen=True, slots=True)
class Episode:
    """One opportunity from WATCH to its end; None where it has not come to that. (pair, episode) is unique."""

    pair: str
    episode: int
    state: State
    watched_at: Instant
    opened_at: Instant | None
    closed_at: Instant | None
    ended_at: Instant | None
    reason: str
    best_net_per_year: float
    rule_version: str

    @property
    def is_open(self) -> bool:
        """Whether the position is held."""
        return self.opened_at is not None and self.closed_at is None


def episodes(changes: Sequence[Transition]) -> list[Episode]:
    """The episodes of these transitions, in the order they began; transitions of many pairs may be mixed."""
    grouped: dict[tuple[str, int], list[Transition]] = {}
    for change in changes:
        grouped.setdefault((change.pair, change.episode), []).append(change)
    return [_episode(sorted(group, key=lambda one: one.at)) for group in grouped.values()]


def _episode(changes: Sequence[Transition]) -> Episode:
    last = changes[-1]
    closed = _at(changes, State.CLOSE)
    opened = _at(changes, State.OPEN)
    lapsed = last.at if last.before is State.WATCH and last.after is State.NONE else None
    decisive = next((one for one in changes if one.after is State.CLOSE), last)
    return Episode(
        last.pair,
        last.episode,
        last.after,
        changes[0].at,
        opened,
        closed,
        closed if lapsed is None else lapsed,
        decisive.reason,
        max(one.net_per_year for one in changes if not np.isnan(one.net_per_year)),
        last.rule_version,
    )


def _at(changes: Iterable[Transition], state: State) -> Instant | None:
    return next((one.at for one in changes if one.after is state), None)
