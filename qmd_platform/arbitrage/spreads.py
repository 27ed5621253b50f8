"""Venue spreads: short a perpetual at one venue, long the same coin's at another, and live on the funding between. Pure.

What lives here: which pairs there are of one underlying, and their hedges. What does not: the hedge's arithmetic
(``hedges``), spot legs (``cash_and_carry``).

Funding is never joined on equal instants: venues settle at their own. Each leg is looked at as it was known, and the
difference is that of two running sums.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from qmd_platform.arbitrage.hedges import Hedge, Terms, hedge
from qmd_platform.arbitrage.legs import Instants, Leg, Seen, decision_times, seen
from qmd_platform.arbitrage.risks import Conditions
from qmd_platform.errors import ConfigError
from qmd_platform.model.window import Window

PERPETUAL = "perpetual"


def venue_spread(short: Seen, long: Seen, terms: Terms, also: Conditions | None = None) -> Hedge:
    """The hedge short ``short``, long ``long``, both perpetuals. Swapping the legs turns every difference's sign.

    Raises:
        ConfigError: a leg is not a perpetual.
    """
    for leg in (short, long):
        if leg.market.kind != PERPETUAL:
            raise ConfigError(f"{leg.market} is no perpetual", hint="a venue spread has two perpetuals")
    return hedge(short, long, terms, also=also)


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """Two markets hedged both ways at the same instants.

    A life (``opportunities``) needs one direction in full: a position that was opened is still held when the funding turns.
    """

    there: Hedge
    back: Hedge

    def earning(self) -> list[Hedge]:
        """One row an instant, in the direction that earned the funding: what a table keeps, as the other is its mirror.

        Where nothing was earned, or is known, the row is in ``there``.
        """
        with np.errstate(invalid="ignore"):
            turned = self.back.funding_per_hour > 0
        return [part for part in (self.there.take(~turned), self.back.take(turned)) if len(part)]


def venue_spreads(
    legs: Sequence[Leg], terms: Terms, at: Instants | None = None, within: Window | None = None
) -> Iterator[Directions]:
    """Every pair of one underlying's perpetuals, both ways; ``there`` is short the market whose name sorts first.

    Args:
        legs: all of one underlying.
        terms: what they are judged by.
        at: sorted instants to look at; None for whenever a settlement of one of the two became known.
        within: where ``at`` is None, only instants inside; None for all.
    """
    when = _instants(legs, within) if at is None else at
    sides = sorted(((leg, seen(leg, when, terms.windows)) for leg in legs), key=lambda side: side[0].market)
    for (first_leg, first), (second_leg, second) in combinations(sides, 2):
        theirs = when if at is not None else _instants([first_leg, second_leg], within)
        rows = np.searchsorted(when, theirs)
        one, other = first.take(rows), second.take(rows)
        yield Directions(venue_spread(one, other, terms), venue_spread(other, one, terms))


def _instants(legs: Sequence[Leg], within: Window | None) -> Instants:
    when = decision_times(legs)
    return when if within is None else when[(when >= within.start) & (when < within.end)]
