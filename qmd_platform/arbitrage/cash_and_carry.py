"""Cash and carry: spot against a perpetual of the same coin, long spot or, reversed, short a borrowed coin. Pure.

What lives here: the terms that spot brings: it is fully funded, pays spot fees, has no funding, and is borrowed to be sold.
What does not: the hedge's arithmetic (``hedges``).
"""

from dataclasses import dataclass, replace

from qmd_platform.arbitrage.hedges import Hedge, Terms, hedge
from qmd_platform.arbitrage.legs import Seen
from qmd_platform.arbitrage.risks import Conditions
from qmd_platform.errors import ConfigError

SPOT = "spot"
PERPETUAL = "perpetual"


@dataclass(frozen=True, slots=True, eq=False)
class CashAndCarry:
    """Both directions of spot against a perpetual, at the same instants.

    Attributes:
        carry: long spot, short the perpetual: earns positive funding.
        reverse: short borrowed spot, long the perpetual: earns negative funding, less the borrowing.
    """

    carry: Hedge
    reverse: Hedge


def cash_and_carry(spot: Seen, perpetual: Seen, terms: Terms, also: Conditions | None = None) -> CashAndCarry:
    """Spot against a perpetual, both ways.

    Args:
        spot: as it was seen.
        perpetual: of the same coin, at the same instants.
        terms: ``terms.capital`` gives the perpetual's leverage, by the side it is on, and the buffer; spot's is 1: long
            spot is paid in full, and what is lent to be sold short is covered in full.
        also: flags that others raise.

    Raises:
        ConfigError: a leg is not of its kind.
    """
    for leg, kind in ((spot, SPOT), (perpetual, PERPETUAL)):
        if leg.market.kind != kind:
            raise ConfigError(f"{leg.market} is no {kind}", hint="cash and carry has one spot and one perpetual leg")
    forward = replace(terms, capital=replace(terms.capital, long_leverage=1.0))
    reverse = replace(terms, capital=replace(terms.capital, short_leverage=1.0))
    return CashAndCarry(
        hedge(perpetual, spot, forward, also=also),
        hedge(spot, perpetual, reverse, borrow_per_year=terms.costs.borrow_per_year, also=also),
    )
