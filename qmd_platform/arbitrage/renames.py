"""The reviewed map of names: which base is how many of which coin, which rename joins and which does not. Data.

What lives here: the facts, each with a sentence and its source. What does not: looking one up (``underlyings``).

A rename **joins** where every old coin became a fixed number of new ones, so that one price series continues the other:
both names then mean the newest coin. It does **not** join where a name passed to another coin (LUNA), or where coins of
several names were merged and only one kept its price (AGIX, OCEAN into FET). What does not join is in ``SEPARATE``, so that
nobody has to decide it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from qmd_platform.model.window import Instant, instant


@dataclass(frozen=True, slots=True)
class Multiple:
    """A unit of the base is ``units`` of ``coin``."""

    coin: str
    units: float
    sentence: str
    source: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """During ``[since, until)`` the name ``name`` meant ``units`` of ``coin``; epoch ms, None where open.

    ``is_spelling``: the coin was never renamed, there are two ways to write its name.
    """

    name: str
    coin: str
    units: float
    sentence: str
    source: str
    since: Instant | None = None
    until: Instant | None = None
    venue: str = ""
    is_spelling: bool = False

    def holds(self, at: Instant) -> bool:
        """Whether it was so at ``at``."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Separate:
    """Two names that look related and must not be joined."""

    one: str
    other: str
    sentence: str
    source: str


_BINANCE = "Binance's and Bybit's contract lists: a contract named with a multiple is priced per that many coins"
_OWN_NAME = "the project's own spelling of its coin"
_HYPERLIQUID = "Hyperliquid's documentation: the prefix k is a thousand coins"
_BYBIT = "Bybit's contract list: multiples before the coin's name, and after it for SHIB"

MULTIPLES: Mapping[str, Multiple] = {
    **{
        f"1000{coin}": Multiple(coin, 1e3, f"one 1000{coin} is a thousand {coin}", _BINANCE)
        for coin in ("PEPE", "SHIB", "BONK", "FLOKI", "LUNC", "XEC", "SATS", "RATS", "CAT", "CHEEMS", "WHY", "TURBO")
    },
    **{
        f"k{coin}": Multiple(coin, 1e3, f"one k{coin} is a thousand {coin}", _HYPERLIQUID)
        for coin in ("PEPE", "SHIB", "BONK", "FLOKI", "LUNC", "DOGS", "NEIRO")
    },
    **{
        f"K{coin}": Multiple(coin, 1e3, f"ccxt writes k{coin} with a capital letter: a thousand {coin}", _HYPERLIQUID)
        for coin in ("PEPE", "SHIB", "BONK", "FLOKI", "LUNC", "DOGS", "NEIRO")
    },
    "SHIB1000": Multiple("SHIB", 1e3, "one SHIB1000 is a thousand SHIB", _BYBIT),
    "10000LADYS": Multiple("LADYS", 1e4, "one 10000LADYS is ten thousand LADYS", _BYBIT),
    "1MBABYDOGE": Multiple("BABYDOGE", 1e6, "one 1MBABYDOGE is a million BABYDOGE", _BINANCE),
    "1000000MOG": Multiple("MOG", 1e6, "one 1000000MOG is a million MOG", _BINANCE),
    "1000000BABYDOGE": Multiple("BABYDOGE", 1e6, "one 1000000BABYDOGE is a million BABYDOGE", _BYBIT),
    "1000X": Multiple("1000X", 1.0, "1000X is the coin's own name, not a thousand X", _OWN_NAME),
    "1INCH": Multiple("1INCH", 1.0, "1INCH is the coin's own name", _OWN_NAME),
}
"""By base as written. A name that only looks like a multiple is here too, with one unit of itself."""

_TERRA = (
    "Binance announcement of 2022-05-26: the old LUNA is renamed LUNC; CoinCodex 2022-05-31: the new LUNA is listed"
)

MEANINGS: tuple[Meaning, ...] = (
    Meaning("MATIC", "POL", 1.0, "every MATIC became one POL", "Binance announcement, swap of 2024-09-10 to 13, 1:1"),
    Meaning("FTM", "S", 1.0, "every FTM (Fantom) became one S (Sonic)", "Binance announcement, 2025-01-13 to 16, 1:1"),
    Meaning("GAL", "G", 60.0, "every GAL (Galxe) became 60 G (Gravity)", "Swyftx help page, swap of 2024-07-15, 1:60"),
    Meaning("OM", "MANTRA", 4.0, "every OM became four MANTRA", "Binance announcement, swap of 2026-03-02 to 04, 1:4"),
    Meaning(
        "LUNA",
        "LUNC",
        1.0,
        "before Terra's second chain LUNA was what is called LUNC now",
        _TERRA,
        until=instant("2022-05-28"),
    ),
    Meaning(
        "LUNA",
        "LUNA2",
        1.0,
        "since Terra's second chain began LUNA is a new coin, called LUNA2 by some venues",
        _TERRA,
        since=instant("2022-05-28"),
    ),
    Meaning(
        "XBT",
        "BTC",
        1.0,
        "XBT is another way to write BTC",
        "ISO 4217's pattern for a currency of no state",
        is_spelling=True,
    ),
)
"""Names that mean a coin of another name. One that holds for all time, and is no mere spelling, is a rename that joins."""

SEPARATE: tuple[Separate, ...] = (
    Separate("LUNC", "LUNA2", "the new coin was given away beside the old one, which went on trading", _TERRA),
    Separate(
        "AGIX",
        "FET",
        "merged at 0.43335 FET each, a ratio fixed only then: before, their prices moved apart",
        "Binance announcement, 2024-07-01",
    ),
    Separate(
        "OCEAN",
        "FET",
        "merged at 0.433226 FET each, a ratio fixed only then: before, their prices moved apart",
        "Binance announcement, 2024-07-01",
    ),
    Separate("USTC", "USDT", "Terra's coin for a dollar lost its peg for good in May 2022", _TERRA),
    Separate("WBTC", "BTC", "a token that promises a coin is not the coin", "the issuer's own terms"),
)
"""Pairs of names that were looked at and must not be joined; none of them has a Meaning."""
