"""What a venue lists, judged.

What lives here: the measures of the instruments table. What does not: its rules (``listing_rules``), the judging
(``judge``; Great Expectations as for candles).
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qmd_platform.quality.judge import Finding, found
from qmd_platform.quality.listing_rules import FEW, LISTING_RULES, MOST_GONE
from qmd_platform.quality.measures import Columns


class Listed(Protocol):
    """What the rules look at in an instrument (``venues.port.Instrument``)."""

    @property
    def symbol(self) -> str:
        """The symbol that ccxt unifies."""

    @property
    def venue_symbol(self) -> str:
        """The venue's own."""

    @property
    def active(self) -> bool:
        """Whether it is traded now."""

    @property
    def contract_size(self) -> float:
        """Base coins in a contract."""

    @property
    def tick(self) -> float | None:
        """Price step, if known."""

    @property
    def lot(self) -> float | None:
        """Amount step, if known."""


def judged(now: Sequence[Listed], before: Mapping[str, Listed]) -> list[Finding]:
    """One finding for each of ``LISTING_RULES``.

    Args:
        now: the instruments of a venue.
        before: the same before the last list came, by symbol; empty where there was none.
    """
    return found(LISTING_RULES, _measured(now, before))


def _measured(now: Sequence[Listed], before: Mapping[str, Listed]) -> Columns:
    """A row an instrument; a step that is not known is NaN, of which no rule speaks."""
    traded = sum(one.active for one in before.values())
    gone = np.array([bool((old := before.get(one.symbol)) and old.active and not one.active) for one in now], float)
    is_many = traded >= FEW and gone.sum() > MOST_GONE * traded
    return {
        "symbol": np.array([one.symbol for one in now], str),
        "venue_symbol": np.array([one.venue_symbol for one in now], str),
        "contract_size": _numbers([one.contract_size for one in now]),
        "tick": _numbers([one.tick for one in now]),
        "lot": _numbers([one.lot for one in now]),
        "gone": gone if is_many else np.zeros(len(now)),
    }


def _numbers(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], np.float64)
