"""What perpetuals are like at an instant, quick enough to be said of hundreds of them every second.

What lives here: mark, index, predicted rate, next settlement and open interest as REST prints them. What does not: the closed
forms (``sandbox.snapshots``, ``sandbox.derivatives``), any venue's format.
"""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant
from qmd_platform.sandbox import derivatives, funding, reference, snapshots
from qmd_platform.sandbox.funding import DIGITS
from qmd_platform.sandbox.snapshots import Predicted
from qmd_platform.sandbox.streams.candles import SECOND
from qmd_platform.sandbox.streams.wire import fixed
from qmd_platform.sandbox.universe import Listing

_SECONDS = np.arange(0, MINUTE, SECOND, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract at ``at``: prices in ticks, ``rate`` in 1e-8 for the settlement at ``next_at``, open interest in lots."""

    listing: Listing
    at: Instant
    mark: int
    index: int
    rate: int
    next_at: Instant
    hours: int
    lots: int

    def price(self, ticks: int) -> str:
        """A price as text."""
        return fixed(ticks, self.listing.tick_digits)

    @property
    def rate_text(self) -> str:
        """The predicted rate as text."""
        return f"{'-' * (self.rate < 0)}{fixed(abs(self.rate), DIGITS)}"

    @property
    def size(self) -> Decimal:
        """Open interest in the venue's unit."""
        return Decimal(self.lots).scaleb(-self.listing.lot_digits)

    @property
    def base(self) -> Decimal:
        """Open interest in base coins."""
        return self.size * self.listing.contract_size

    @property
    def worth(self) -> Decimal:
        """Open interest in quote coins."""
        return self.base * Decimal(self.mark).scaleb(-self.listing.tick_digits)


@dataclass(frozen=True, slots=True)
class _Minute:
    """What does not change within a minute, and what is predicted in each of its seconds."""

    listing: Listing
    start: Instant
    mark: int
    index: int
    hours: int
    lots: int
    expected: Predicted


class ContractsNow:
    """The state of any contract at any full second. Remembers one minute of each."""

    def __init__(self) -> None:
        self._minutes: dict[Market, _Minute] = {}

    def at(self, listing: Listing, at: Instant) -> Contract:
        """The state of ``listing``, which is neither replayed nor spot, at ``at``."""
        start = at // MINUTE * MINUTE
        known = self._minutes.get(listing.market)
        if known is None or known.listing is not listing or known.start != start:
            known = self._minutes[listing.market] = _minute(listing, start)
        second = (at - start) // SECOND
        expected = known.expected if at % SECOND == 0 else snapshots.predicted(listing, np.array([at], np.int64))
        place = second if at % SECOND == 0 else 0
        rate, next_at = int(expected.rate[place]), int(expected.next_at[place])
        return Contract(listing, at, known.mark, known.index, rate, next_at, known.hours, known.lots)

    def after(self, contract: Contract) -> Instant:
        """When the settlement after the next one is."""
        return int(snapshots.predicted(contract.listing, np.array([contract.next_at], np.int64)).next_at[0])

    def status(self, listing: Listing, at: Instant) -> list[object]:
        """Bitfinex's row of 23 about it."""
        return derivatives.rows(listing, np.array([at], np.int64))[0]


def _minute(listing: Listing, start: Instant) -> _Minute:
    first = np.array([start], np.int64)
    return _Minute(
        listing,
        start,
        int(snapshots.marks(listing, first)[0]),
        int(snapshots.marks(reference.indexed(listing), first)[0]),
        funding.current_hours(listing.market, start),
        int(snapshots.outstanding(listing, first)[0]),
        snapshots.predicted(listing, start + _SECONDS),
    )
