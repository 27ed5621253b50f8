"""Venue spreads: short a perpetual at one venue, long the same coin's at another, and live on the funding between. Pure.

What lives here: which pairs there are of one underlying, and their hedges. What does not: the hedge's arithmetic
(``hedges``), spot legs (``cash_and_carry``).

Funding is never joined on equal instants: venues settle at their own. Each leg is looked at as it was known, and the
difference is that of two running sums.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from qmd_platform.arbitrage.hedges import Hedge, Terms, hedge
from qmd_platform.arbitrage.legs import Instants, Leg, Seen, decision_times, seen
from qmd_platform.arbitrage.risks import Conditions
from qmd_platform.errors import ConfigError

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


def venue_spreads(legs: Sequence[Leg], terms: Terms, at: Instants | None = None) -> Iterator[Hedge]:
    """The hedge of every pair of one underlying's perpetuals, in the direction that earned the funding, row by row.

    A pair of markets comes as two hedges, one for each direction; together they have one row an instant. Where nothing was
    earned (a difference of 0, or unknown) the row is in the one whose short market's name sorts first.

    Args:
        legs: all of one underlying.
        terms: what they are judged by.
        at: sorted instants to look at; None for whenever a settlement of any leg became known.
    """
    when = decision_times(legs) if at is None else at
    looked = sorted((seen(leg, when, terms.windows) for leg in legs), key=lambda leg: leg.market)
    for first, second in combinations(looked, 2):
        one, other = venue_spread(first, second, terms), venue_spread(second, first, terms)
        with np.errstate(invalid="ignore"):
            turned = other.funding_per_hour > 0
        yield from (part for part in (one.take(~turned), other.take(turned)) if len(part))
