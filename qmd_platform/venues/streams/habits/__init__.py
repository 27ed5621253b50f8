"""Where each venue's WebSockets are and what they are like, as data.

What lives here: addresses, limits, heartbeats, each with its source; one module a venue, and the table of them. What does not:
what is said there (the dialects), acting on a fact (``machine``, ``plan``). Read on 2026-11-21, in the venues' pages and
through ccxt 4.5.64.
"""

from collections.abc import Mapping

from qmd_platform.venues.streams.habits import binance, bitfinex, bybit, gate, kraken, okx
from qmd_platform.venues.streams.habits.shape import Habits

__all__ = ["HABITS", "Habits"]

HABITS: Mapping[str, Mapping[str, Habits]] = {
    "binance": binance.PLACES,
    "bitfinex": bitfinex.PLACES,
    "bybit": bybit.PLACES,
    "gate": gate.PLACES,
    "kraken": kraken.PLACES,
    "okx": okx.PLACES,
}
"""By venue and place."""
