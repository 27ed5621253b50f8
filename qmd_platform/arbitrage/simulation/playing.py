"""From decisions to trades: one after the other, and what was skipped and why. Pure.

What lives here: the trades of a list of signals, and those of a strategy that knows no signals but rows. What does not: the
decisions (``signals``, ``baselines``), a single trade (``trades``).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qmd_platform.arbitrage.simulation.signals import Signal
from qmd_platform.arbitrage.simulation.trades import Conditions, Trade, trade
from qmd_platform.arbitrage.simulation.world import World
from qmd_platform.model.window import Instant


@dataclass(frozen=True, slots=True)
class Skipped:
    """A signal that was not traded, and why."""

    at: Instant
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What became of a list of signals. The trades are the same in every scenario; only what they cost differs."""

    trades: list[Trade] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def play(world: World, found: Iterable[Signal], conditions: Conditions) -> Played:
    """The trades of these signals, one after the other: a signal during a position that is still held is skipped."""
    trades: list[Trade] = []
    skipped: list[Skipped] = []
    free_at = -1
    for signal in found:
        entry = world.next_row(signal.enter_at)
        if entry < len(world) and int(world.open_at[entry]) < free_at:
            skipped.append(Skipped(signal.enter_at, "the position before was still held"))
            continue
        asked = len(world) if signal.exit_at is None else world.next_row(signal.exit_at)
        made = trade(world, entry, asked, conditions)
        if made is None:
            skipped.append(Skipped(signal.enter_at, "a leg had no candle, or was not listed, when the entry was due"))
            continue
        trades.append(made)
        free_at = made.exit_at
    return Played(trades, skipped)


def play_rows(world: World, pairs: NDArray[np.intp], conditions: Conditions) -> Played:
    """The trades of rows (entry, exit) that do not overlap; an entry waits for both legs, but not beyond its exit."""
    made = (as_soon_as_both_trade(world, entry, leave, conditions) for entry, leave in pairs.tolist())
    return Played([one for one in made if one is not None])


def as_soon_as_both_trade(world: World, entry_row: int, exit_row: int, conditions: Conditions) -> Trade | None:
    """A trade of these rows, entered at the first of them that both legs have; None where there is none."""
    waiting = np.flatnonzero(world.both_trade[entry_row:exit_row])
    return trade(world, entry_row + int(waiting[0]), exit_row, conditions) if len(waiting) else None
