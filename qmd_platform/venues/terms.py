"""What a venue's list states of a market's terms: its fees, and the interval of its funding.

What lives here: reading both from ccxt's market records, with the sources. What does not: the rest of a record
(``listing``), intervals that are stated elsewhere (``funding_dialects.INTERVALS``).

Fees are those of somebody without any discount. Sources, read on 2026-11-21:

| venue | what its list states | else |
|---|---|---|
| Gate contracts | ``maker_fee_rate`` and ``taker_fee_rate``, fractions; ccxt has a constant instead, which is passed over | |
| Gate spot | ``fee``, percent, for both sides | |
| Kraken | ``fees_maker`` and ``fees``, percent, the first tier | |
| Binance, Bitfinex, Bybit, OKX | nothing | ccxt's record of the first tier |
"""

from collections.abc import Mapping
from typing import NamedTuple

from qmd_platform.venues import facts

VENUE, CCXT, USUAL = "venue", "ccxt", "usual"
"""Where a term is from: the venue states it of this market; ccxt's record of the venue; the venue's usual one."""

ELSEWHERE = frozenset({"binance", "okx"})
"""Venues whose list of contracts does not state intervals, though the venue does."""

_IN_LIST: Mapping[str, tuple[str, float]] = {"bybit": ("fundingInterval", 60), "gate": ("funding_interval", 3600)}
"""The key in the venue's list of contracts, and how many of its unit are an hour."""

_FEES = {"gate": "fee", "kraken": "fees"}
"""The key that tells that the fees in ccxt's record are from the venue's list."""


class Fees(NamedTuple):
    """Fractions of the value of a fill; None where not known."""

    maker: float | None
    taker: float | None
    source: str | None


class Interval(NamedTuple):
    """Hours between settlements, and what says so: VENUE or USUAL."""

    hours: float
    source: str


def fees(venue: str, record: Mapping[str, object]) -> Fees:
    """What a fill costs; ``record`` is ccxt's of a listed market, with ``info``."""
    info = _info(record)
    maker, taker = _number(info.get("maker_fee_rate")), _number(info.get("taker_fee_rate"))
    if venue == "gate" and record.get("swap") and maker is not None and taker is not None:
        return Fees(maker, taker, VENUE)
    maker, taker = _number(record.get("maker")), _number(record.get("taker"))
    if maker is None and taker is None:
        return Fees(None, None, None)
    return Fees(maker, taker, VENUE if _FEES.get(venue) in info else CCXT)


def interval(venue: str, record: Mapping[str, object]) -> Interval | None:
    """The interval that holds for a listed market now, as far as the venue's list tells; None where it does not."""
    stated, known = funding_interval(venue, record), facts.VENUES[venue].funding
    if stated is not None:
        return Interval(stated, VENUE)
    if venue in ELSEWHERE or known is None or known.usual_hours is None or not record.get("swap"):
        return None
    return Interval(known.usual_hours, USUAL)


def funding_interval(venue: str, record: Mapping[str, object]) -> float | None:
    """Hours of the current interval as the venue's own list of contracts states it; None where it does not.

    ``record`` is ccxt's of a listed market, with ``info``. What was stated once is true of then, and not of years ago.
    """
    key, per_hour = _IN_LIST.get(venue, ("", 1))
    stated = _number(_info(record).get(key)) if key and record.get("swap") else None
    return stated / per_hour if stated is not None and stated > 0 else None


def _info(record: Mapping[str, object]) -> Mapping[str, object]:
    """The venue's own record, which ccxt keeps beside what it makes of it."""
    found = record.get("info")
    return found if isinstance(found, Mapping) else {}


def _number(value: object) -> float | None:
    """The number in ``value``, which venues print as text too."""
    if not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except ValueError:
        return None
