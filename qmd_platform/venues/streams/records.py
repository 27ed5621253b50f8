"""What a venue said over a WebSocket, in our units.

What lives here: the two records every dialect reads its messages into. What does not: reading them (the dialects), keeping
them (``qmd_platform.live``).
"""

from dataclasses import dataclass

from qmd_platform.model.series import Market, Series
from qmd_platform.model.window import Instant


@dataclass(frozen=True, slots=True)
class HeardCandle:
    """One candle as it was when the venue said so.

    Attributes:
        series: whose candle it is.
        open_at: start of its step, epoch ms UTC, on the grid of the series.
        open: quote per base, as ``high``, ``low`` and ``close``.
        high: see ``open``.
        low: see ``open``.
        close: see ``open``.
        volume: base coins.
        is_closed: the venue itself said that it is final, or said the next one (of the same connection); False while it forms.
        venue_at: the venue's clock when it said so, epoch ms UTC; None where its messages carry none.
        received_at: our clock when the message arrived, epoch ms UTC.
    """

    series: Series
    open_at: Instant
    open: float
    high: float
    low: float
    close: float
    volume: float
    is_closed: bool
    venue_at: Instant | None
    received_at: Instant


@dataclass(frozen=True, slots=True)
class HeardMark:
    """A perpetual's mark price, index price and predicted funding, as far as one message told them.

    Attributes:
        market: the perpetual.
        mark: quote per base; None where the message left it out, as every field but the times.
        index: quote per base.
        predicted_rate: of the settlement at ``next_settlement_at``, a fraction per interval; never a settled rate.
        next_settlement_at: epoch ms UTC.
        open_interest: base coins.
        venue_at: the venue's clock, epoch ms UTC; None where its messages carry none.
        received_at: our clock when the message arrived, epoch ms UTC.
    """

    market: Market
    mark: float | None
    index: float | None
    predicted_rate: float | None
    next_settlement_at: Instant | None
    open_interest: float | None
    venue_at: Instant | None
    received_at: Instant


Heard = HeardCandle | HeardMark
