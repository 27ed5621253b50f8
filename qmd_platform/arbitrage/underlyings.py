"""What a market's base stands for: 1000PEPE and kPEPE are a thousand PEPE each; LUNA was two things. Pure.

What lives here: from a base as a venue writes it, at an instant, to an underlying and how many of it one unit is. What does
not: the reviewed facts (``renames``), whether two markets' prices agree (``risks``).

Only markets of one underlying may be joined. A name alone proves nothing: a multiplier read off a prefix is *unproven*
unless reviewed, since a coin may be called 1000X; the risk flag IDENTITY_UNPROVEN says so.
"""

import re
from dataclasses import dataclass

from qmd_platform.arbitrage.renames import MEANINGS, MULTIPLES, Meaning
from qmd_platform.model.window import Instant

_SCALED = re.compile(r"(?P<prefix>1000000|100000|10000|1000|1M(?=[A-Z]{3}))(?P<coin>[A-Z][A-Z0-9]+)")
_PREFIXES = {"1000": 1e3, "10000": 1e4, "100000": 1e5, "1000000": 1e6, "1M": 1e6}
_THOUSANDS = re.compile(r"k(?P<coin>[A-Z][A-Z0-9]+)")


@dataclass(frozen=True, slots=True)
class Underlying:
    """What one unit of a market's base is.

    Attributes:
        name: of the underlying: the newest name of the coin.
        units: how many of it one unit of the base is. A price per base unit, divided by this, is per coin.
        is_proven: whether somebody reviewed it, or the base is written as the coin itself is.
        why: in words.
    """

    name: str
    units: float
    is_proven: bool
    why: str

    def price_of_one(self, price: float) -> float:
        """The price of one coin, from the price of one unit of the base."""
        return price / self.units


def underlying(base: str, at: Instant, venue: str = "") -> Underlying:
    """What ``base`` meant at ``at``.

    Args:
        base: as ccxt writes it: ``1000PEPE``, ``kPEPE``, ``LUNA``.
        at: when; a name may have passed from one coin to another.
        venue: where; some names mean something else at one venue.
    """
    coin, times, is_proven, why = _multiple(base)
    meaning = _meaning(coin, at, venue)
    if meaning is None:
        return Underlying(coin, times, is_proven, why or f"{coin} is taken for the coin of that name")
    said = f"{why}; {meaning.sentence}" if why else meaning.sentence
    return Underlying(meaning.coin, times * meaning.units, is_proven, said)


def joins(one: Underlying, other: Underlying) -> bool:
    """Whether two markets are of the same underlying; only then may their prices and funding be compared."""
    return one.name == other.name


def multiple(base: str) -> float | None:
    """How many coins a unit of ``base`` is; None where the name looks like a multiple that nobody reviewed."""
    _, times, is_proven, _ = _multiple(base)
    return times if is_proven else None


def became(old: str, new: str, at: Instant, venue: str = "") -> bool:
    """Whether the coin that ``old`` meant at ``at`` goes by the name ``new``, because it was renamed.

    Both may be multiples of it (1000LUNA, 1000LUNC). Two ways to write one name (XBT, BTC) are no rename.
    """
    coin, _, is_old_proven, _ = _multiple(old)
    name, _, is_new_proven, _ = _multiple(new)
    meaning = _meaning(coin, at, venue)
    is_rename = meaning is not None and not meaning.is_spelling and meaning.coin == name != coin
    return is_rename and is_old_proven and is_new_proven


def _multiple(base: str) -> tuple[str, float, bool, str]:
    reviewed = MULTIPLES.get(base)
    if reviewed is not None:
        return reviewed.coin, reviewed.units, True, reviewed.sentence
    thousands = _THOUSANDS.fullmatch(base)
    if thousands:
        coin = thousands["coin"]
        return coin, 1e3, False, f"{base} looks like a thousand {coin}, which nobody reviewed"
    scaled = _SCALED.fullmatch(base)
    if scaled:
        coin, times = scaled["coin"], _PREFIXES[scaled["prefix"]]
        return coin, times, False, f"{base} looks like {times:,.0f} {coin}, which nobody reviewed"
    return base, 1.0, True, ""


def _meaning(coin: str, at: Instant, venue: str) -> Meaning | None:
    said = [one for one in MEANINGS if one.name == coin and one.holds(at) and one.venue in ("", venue)]
    return max(said, key=lambda one: one.venue, default=None)
