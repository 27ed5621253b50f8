"""Risk flags: what is to be known of a hedge before and while it is held, as words and as bits of a column. Pure.

What lives here: the closed list, a sentence each, which of them block, and the risk level they make. What does not: when a
flag is raised (``risks``), what follows from it (``lifecycle``).

Rules decide, never a text: a flag is one of this list or an error.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import ConfigError, choices


class Flag(StrEnum):
    """What may be wrong with a hedge, or needs a look. The order is that of the bits: new ones go to the end."""

    INTERVAL_MISMATCH = "INTERVAL_MISMATCH"
    INTERVAL_CHANGED = "INTERVAL_CHANGED"
    AT_CAP = "AT_CAP"
    SUSPECT_GAP = "SUSPECT_GAP"
    PREDICTED_ONLY = "PREDICTED_ONLY"
    STALE_QUOTE = "STALE_QUOTE"
    THIN_DEPTH = "THIN_DEPTH"
    LOW_OI = "LOW_OI"
    DELISTING = "DELISTING"
    MULTIPLIER = "MULTIPLIER"
    IDENTITY_UNPROVEN = "IDENTITY_UNPROVEN"
    QUOTE_MISMATCH = "QUOTE_MISMATCH"
    DEPEG = "DEPEG"
    LIQ_DISTANCE = "LIQ_DISTANCE"
    ADL = "ADL"
    VENUE_INCIDENT = "VENUE_INCIDENT"
    LOW_PERSISTENCE = "LOW_PERSISTENCE"

    @property
    def sentence(self) -> str:
        """What the flag says, for people."""
        return SENTENCES[self]

    @property
    def blocks(self) -> bool:
        """Whether nothing may be opened, and what is open be closed, while it is up."""
        return self in BLOCKING

    @property
    def bit(self) -> int:
        """Its bit in a mask."""
        return 1 << _ORDER[self]


class Risk(StrEnum):
    """How risky a hedge is, by its flags alone."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


_ORDER = {flag: number for number, flag in enumerate(Flag)}

SENTENCES: Mapping[Flag, str] = {
    Flag.INTERVAL_MISMATCH: "the two legs settle at different intervals: rates per settlement must not be compared",
    Flag.INTERVAL_CHANGED: "a leg's funding interval changed within the window: the past rate is no guide",
    Flag.AT_CAP: "a leg's rate is at the venue's cap or floor: the venue may settle more often from now on",
    Flag.SUSPECT_GAP: "a settlement is overdue or seems missing: the funding of the window is not known in full",
    Flag.PREDICTED_ONLY: "the rate is the venue's prediction; nothing of it was settled yet",
    Flag.STALE_QUOTE: "a leg's price is older than allowed",
    Flag.THIN_DEPTH: "a leg's book is too thin for the size",
    Flag.LOW_OI: "a leg's open interest is low: the position would be a large part of the market",
    Flag.DELISTING: "a leg's market ends soon",
    Flag.MULTIPLIER: "one unit of a leg is not one coin: sizes and prices are converted",
    Flag.IDENTITY_UNPROVEN: "it is not proven that both legs are of one underlying: a name nobody reviewed, or prices apart",
    Flag.QUOTE_MISMATCH: "the legs are priced in different currencies: the hedge holds their exchange rate too",
    Flag.DEPEG: "a leg's quote currency is away from its peg",
    Flag.LIQ_DISTANCE: "a leg would be liquidated by a move that is not rare",
    Flag.ADL: "a venue may close the winning leg by force (auto-deleveraging): the hedge can lose one leg",
    Flag.VENUE_INCIDENT: "a venue reports an incident, or its data stopped",
    Flag.LOW_PERSISTENCE: "the funding difference changed sign too often for the expected hold",
}

BLOCKING = frozenset(
    {
        Flag.SUSPECT_GAP,
        Flag.PREDICTED_ONLY,
        Flag.STALE_QUOTE,
        Flag.THIN_DEPTH,
        Flag.DELISTING,
        Flag.IDENTITY_UNPROVEN,
        Flag.DEPEG,
        Flag.LIQ_DISTANCE,
        Flag.VENUE_INCIDENT,
    }
)
"""Those that say the numbers cannot be trusted or the hedge cannot be held. The others are risks to be priced."""

BLOCKING_MASK = sum(flag.bit for flag in BLOCKING)


def flag(text: str) -> Flag:
    """The flag of this name, exactly; ConfigError with the choices otherwise."""
    try:
        return Flag(text)
    except ValueError:
        raise ConfigError(f"{text!r} is not a risk flag", hint=choices(text, [one.value for one in Flag])) from None


def mask_of(flags: Iterable[Flag]) -> int:
    """The flags as bits of an integer."""
    return sum(one.bit for one in frozenset(flags))


@lru_cache(maxsize=4096)
def flags_of(mask: int) -> tuple[Flag, ...]:
    """The flags of a mask, in the order of the list."""
    return tuple(one for one in Flag if mask & one.bit)


def text_of(mask: int) -> str:
    """The flags of a mask as tables have them: names with spaces between; empty for none."""
    return " ".join(flags_of(mask))


def masks(conditions: Mapping[Flag, NDArray[np.bool_]], length: int) -> NDArray[np.uint32]:
    """One mask a row, from one column of true and false a flag."""
    result = np.zeros(length, np.uint32)
    for one, is_up in conditions.items():
        result[np.broadcast_to(is_up, length)] |= np.uint32(one.bit)
    return result


def risk_of(mask: int) -> Risk:
    """HIGH where a flag blocks, MEDIUM where any is up, else LOW."""
    if mask & BLOCKING_MASK:
        return Risk.HIGH
    return Risk.MEDIUM if mask else Risk.LOW
