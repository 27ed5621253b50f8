"""What is known about each venue, as data: limits, budgets, units, habits, each with its source and date.

What lives here: facts that do not depend on a request, one module a venue, and the table of them. What does not: how a
request is spelled (``dialects``), what a venue lists today (the instruments table), code that acts on a fact.

Where two sources disagree, the more careful number is kept, and the source says so.
"""

from collections.abc import Mapping

from qmd_platform.errors import ConfigError, choices
from qmd_platform.model.reference_tables import Reference
from qmd_platform.venues.facts import binance, bitfinex, bybit, gate, kraken, okx
from qmd_platform.venues.facts.reference import REFERENCE, ReferenceFacts
from qmd_platform.venues.facts.shapes import Budget, FundingFacts, KindFacts, VenueFacts
from qmd_platform.venues.facts.snapshots import SNAPSHOTS, HistoryFacts, SnapshotFacts

__all__ = [
    "READ_ON",
    "VENUES",
    "Budget",
    "FundingFacts",
    "HistoryFacts",
    "KindFacts",
    "ReferenceFacts",
    "SnapshotFacts",
    "VenueFacts",
    "budgets",
    "funding_of",
    "known_venue",
    "of",
    "open_interest_of",
    "reference_of",
    "references",
    "snapshots_of",
]

READ_ON = "2026-11-21"
"""When the sources were last read."""

VENUES: Mapping[str, VenueFacts] = {
    "binance": binance.FACTS,
    "bitfinex": bitfinex.FACTS,
    "bybit": bybit.FACTS,
    "gate": gate.FACTS,
    "kraken": kraken.FACTS,
    "okx": okx.FACTS,
}
"""The venues the platform can ask.

``throttle_seconds`` without a Retry-After: Bitfinex blocks an address for 60 s
(https://docs.bitfinex.com/docs/requirements-and-limitations), Gate counts in 10 s; Binance names the time, 5 s is
ours, as are OKX's 2 s, Bybit's 5 s (each venue's own window) and Kraken's 5 s (it says "wait" and no number).
``ban_seconds``: Binance bans from 2 minutes to 3 days and names the time in Retry-After; Bybit lifts its ban by itself
after 10 minutes (https://bybit-exchange.github.io/docs/v5/rate-limit).
"""


def known_venue(name: str) -> str:
    """``name`` itself; ConfigError with the valid choices when it is not a venue we know."""
    if name not in VENUES:
        raise ConfigError(f"unknown venue {name!r}", hint=choices(name, VENUES))
    return name


def of(venue: str, kind: str) -> KindFacts:
    """The facts for ``kind`` of market at ``venue``; ConfigError when either is not known."""
    kinds = VENUES[known_venue(venue)].kinds
    if kind not in kinds:
        raise ConfigError(f"{venue} has no candles of {kind} markets here", hint=f"choose from {', '.join(kinds)}")
    return kinds[kind]


def funding_of(venue: str, kind: str) -> FundingFacts:
    """The facts about funding for ``kind`` of market at ``venue``; ConfigError where there is no funding to ask for."""
    funding = VENUES[known_venue(venue)].funding
    if kind != "perpetual" or funding is None:
        with_it = ", ".join(name for name, known in VENUES.items() if known.funding is not None)
        raise ConfigError(
            f"{venue} is not asked for funding of {kind} markets", hint=f"perpetuals have funding, of {with_it}"
        )
    return funding


def references(venue: str, kind: str = "perpetual") -> tuple[Reference, ...]:
    """The reference candles that ``venue`` has of ``kind`` of market; ConfigError when there is no such venue."""
    return tuple(REFERENCE.get(known_venue(venue), {})) if kind == "perpetual" else ()


def reference_of(venue: str, kind: str, wanted: Reference) -> ReferenceFacts:
    """The facts about ``wanted`` candles of ``kind`` of market at ``venue``; ConfigError where there are none."""
    if wanted not in references(venue, kind):
        with_it = ", ".join(name for name, has in REFERENCE.items() if wanted in has)
        raise ConfigError(
            f"{venue} has no {wanted.value} candles of {kind} markets here",
            hint=f"perpetuals have them, of {with_it}",
        )
    return REFERENCE[venue][wanted]


def snapshots_of(venue: str) -> SnapshotFacts:
    """The facts about ``venue``'s perpetuals as they are now; ConfigError where it is not asked."""
    if known_venue(venue) not in SNAPSHOTS:
        raise ConfigError(
            f"{venue} is not asked what its perpetuals are like now", hint=f"choose from {', '.join(SNAPSHOTS)}"
        )
    return SNAPSHOTS[venue]


def open_interest_of(venue: str) -> HistoryFacts:
    """The facts about open interest over time at ``venue``; ConfigError where none is asked for."""
    known = snapshots_of(venue).history
    if known is None:
        with_it = ", ".join(name for name, one in SNAPSHOTS.items() if one.history)
        raise ConfigError(
            f"{venue} is not asked for open interest of the past",
            hint=f"there it begins at the first capture; {with_it} have a history",
        )
    return known


def budgets(venue: str) -> dict[str, Budget]:
    """Every budget of ``venue`` by its bucket."""
    known = VENUES[known_venue(venue)]
    all_ = [kind.budget for kind in known.kinds.values()] + ([known.funding.budget] if known.funding else [])
    all_ += [one.budget for one in REFERENCE.get(venue, {}).values()]
    if (seen := SNAPSHOTS.get(venue)) is not None:
        all_ += [seen.budget] + ([seen.history.budget] if seen.history else [])
    return {budget.bucket: budget for budget in all_}
