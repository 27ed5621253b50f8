"""When the rules would have entered and left, from what was known at the time. Pure.

What lives here: a pair's hedge over its past, its episodes, and the two decisions of each. What does not: fills (``trades``).
"""

from dataclasses import dataclass

from qmd_platform.arbitrage.carry import DELAY_MS
from qmd_platform.arbitrage.cash_and_carry import cash_and_carry
from qmd_platform.arbitrage.hedges import Hedge, Terms
from qmd_platform.arbitrage.legs import decision_times, seen
from qmd_platform.arbitrage.lifecycle import Thresholds
from qmd_platform.arbitrage.opportunities import Episode, Events, episodes, transitions
from qmd_platform.arbitrage.simulation.world import World
from qmd_platform.arbitrage.spreads import venue_spread
from qmd_platform.model.window import Instant


@dataclass(frozen=True, slots=True)
class Signal:
    """Decided to enter at ``enter_at`` and to leave at ``exit_at`` (None: not by the end of the data)."""

    enter_at: Instant
    exit_at: Instant | None


def hedge_of(world: World, terms: Terms, delay_ms: int = DELAY_MS) -> Hedge:
    """The pair's hedge at every instant a settlement became known: cash and carry where a leg is spot."""
    short, long = world.short.leg, world.long.leg
    at = decision_times([short, long], delay_ms)
    looked_short, looked_long = (seen(leg, at, terms.windows, delay_ms) for leg in (short, long))
    if world.long.is_spot:
        return cash_and_carry(looked_long, looked_short, terms).carry
    if world.short.is_spot:
        return cash_and_carry(looked_short, looked_long, terms).reverse
    return venue_spread(looked_short, looked_long, terms)


def episodes_of(hedge: Hedge, rules: Thresholds) -> list[Episode]:
    """The pair's episodes. Only what was known at each event decides, so more data later change none that ended."""
    changes, _ = transitions(hedge.pair, Events.of(hedge, rules), rules)
    return episodes(changes)


def signals_of(hedge: Hedge, rules: Thresholds) -> list[Signal]:
    """The decisions of every episode that was opened."""
    found = episodes_of(hedge, rules)
    return [Signal(one.opened_at, one.closed_at) for one in found if one.opened_at is not None]


def signals(world: World, terms: Terms, rules: Thresholds, delay_ms: int = DELAY_MS) -> list[Signal]:
    """The rules' decisions on a pair."""
    return signals_of(hedge_of(world, terms, delay_ms), rules)
