"""Recorded funding: a file's rows as settlements, and the listing of a market that has some.

What lives here: ``[[series]]`` entries of ``replay.toml`` with table "funding_rates". What does not: those of candles,
and who reads the file (``replay``).
"""

from dataclasses import replace
from decimal import Decimal

import numpy as np

from qmd_platform.errors import ConfigError
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.sandbox.funding import DIGITS, HOUR, Settled
from qmd_platform.sandbox.tomlfile import Entry
from qmd_platform.sandbox.universe import Listing, wire_symbol

TABLE = "funding_rates"
VENUES = ("binance", "bybit", "gate", "okx")
"""Venues whose history has a row for each settlement; Bitfinex would need recorded snapshots."""


def settled_of(entry: Entry, market: Market, recorded: Candles) -> Settled:
    """The settlements in a file: its times, and the rates in its column ``open``. ConfigError: they cannot be printed."""
    if market.venue not in VENUES or market.kind != "perpetual":
        raise entry.refused(f"the sandbox replays no funding of {market}", f"perpetuals of {', '.join(VENUES)}")
    rates = np.rint(recorded.open * 10.0**DIGITS).astype(np.int64)
    if (rates / 10.0**DIGITS != recorded.open).any():
        raise entry.refused(f"a rate has more than {DIGITS} decimals, which no venue prints")
    order = np.argsort(recorded.open_at, kind="stable")
    at = recorded.open_at[order]
    hours = np.rint(np.diff(at, prepend=at[:1]) / HOUR).astype(np.int64)
    hours[:1] = hours[1:2]
    return Settled(at, rates[order], hours)


def listing_of(
    entry: Entry, market: Market, found: Settled, known: Listing | None, replayed: Listing | None
) -> Listing:
    """The market as listed: from its first recorded row on, and with nothing that is not recorded."""
    try:
        wire = wire_symbol(market)
    except ConfigError as error:
        raise entry.refused(error.message, error.hint) from None
    first = int(found.at[0]) if len(found) else 1 << 62
    before = replayed or known or Listing(market, wire, 8, 0, Decimal(1), first)
    return replace(before, listed_at=min(first, replayed.listed_at) if replayed else first, character=None)
