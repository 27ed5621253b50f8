"""The candles of mark, index and premium that a lake ought to hold.

What lives here: ``reference_truth``, which tests compare with. What does not: the closed form (``reference``), the wire.
"""

import numpy as np

from qmd_platform.errors import ConfigError
from qmd_platform.model.candles import Candles
from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant, Window
from qmd_platform.sandbox import derivatives
from qmd_platform.sandbox.reference import figured
from qmd_platform.sandbox.universe import Listing, listings

NONE = frozenset({("okx", Reference.PREMIUM), ("bitfinex", Reference.PREMIUM)})
"""What venues have not; Kraken has none at all, as it lists no perpetuals here."""


def reference_truth(market: Market, wanted: Reference, window: Window, now: Instant) -> Candles:
    """The closed candles of ``market``'s ``wanted`` opening in ``window``, as they ought to end up in a lake.

    Args:
        market: a perpetual of the deterministic universe.
        wanted: mark, index or premium.
        window: open times, need not be on the grid.
        now: the venue's clock; a candle with ``open_at + 1h > now`` is not closed and not here.

    Returns:
        sorted candles, volume 0, each number the float64 nearest to the exact decimal; none where the venue has no such
        candles. Of Bitfinex made of its snapshots.

    Raises:
        ConfigError: the universe has no such market.
    """
    found = next((listing for listing in listings() if listing.market == market), None)
    if found is None:
        raise ConfigError(f"the sandbox lists no market {market}")
    return reference_of(found, wanted, window, now)


def reference_of(listing: Listing, wanted: Reference, window: Window, now: Instant) -> Candles:
    """``reference_truth`` of a listing with all that befalls it until ``now``."""
    if listing.is_spot or (listing.market.venue, wanted) in NONE:
        return Candles.empty()
    end = min(window.end, now // STEP.step * STEP.step)
    if listing.market.venue == "bitfinex":
        return _of_snapshots(listing, wanted, Window(window.start, max(window.start, end)), now)
    rows = figured(listing, wanted, window.start, max(window.start, end), now)
    scale = 10.0**rows.digits
    nothing = np.zeros(len(rows))
    return Candles(rows.open_at, rows.open / scale, rows.high / scale, rows.low / scale, rows.close / scale, nothing)


def _of_snapshots(listing: Listing, wanted: Reference, window: Window, now: Instant) -> Candles:
    """Hours made of the snapshots in them, where all that the sandbox takes in an hour are there."""
    place = 14 if wanted is Reference.MARK else 3
    hours: dict[int, list[float]] = {}
    for row in derivatives.printed(listing, window, now):
        hours.setdefault(int(str(row[0])) // STEP.step * STEP.step, []).append(float(str(row[place])))
    every = STEP.step // derivatives.EVERY
    rows = [(at, each[0], max(each), min(each), each[-1], 0.0) for at, each in hours.items() if len(each) == every]
    columns = np.array(rows, np.float64).reshape(-1, 6).T
    return Candles(columns[0].astype(np.int64), *(np.ascontiguousarray(column) for column in columns[1:]))
