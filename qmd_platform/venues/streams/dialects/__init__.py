"""How each venue is listened to: one module a venue, and the table of them.

What lives here: topics, requests, what messages say; pure. What does not: sockets (``connection``), addresses and limits
(``habits``).
"""

from collections.abc import Mapping

from qmd_platform.venues.streams.dialects.binance import Binance
from qmd_platform.venues.streams.dialects.bitfinex import Bitfinex
from qmd_platform.venues.streams.dialects.bybit import Bybit
from qmd_platform.venues.streams.dialects.gate import Gate
from qmd_platform.venues.streams.dialects.kraken import Kraken
from qmd_platform.venues.streams.dialects.okx import Okx
from qmd_platform.venues.streams.dialects.shape import Dialect, Reader, Request

__all__ = ["TABLE", "Dialect", "Reader", "Request"]

TABLE: Mapping[str, Dialect] = {one.venue: one for one in (Binance(), Bitfinex(), Bybit(), Gate(), Kraken(), Okx())}
"""By venue."""
