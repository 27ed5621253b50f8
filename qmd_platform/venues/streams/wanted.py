"""What is listened to: series and perpetuals, as one venue spells them.

What lives here: a stream and how it is made from a market's record. What does not: each venue's topics (the dialects), how
many go on a connection (``plan``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from qmd_platform.errors import ConfigError, choices
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues import dialects, facts
from qmd_platform.venues.listing import CcxtMarket

Wanted = Series | Market
"""Candles of a series; or mark price, index price and predicted funding of a perpetual."""

Sizes = Sequence[tuple[Fraction, Window]]
"""Base coins in one unit of volume, and when it is so."""

_ONE = Fraction(1)

EVER: Sizes = ((_ONE, Window(0, 1 << 62)),)
"""Volume is in base coins."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that is wanted, with what is known of its market.

    ``spelled`` is the venue's name of the timeframe, empty for a perpetual's prices; ``sizes`` of one element where volume is
    in base coins; ``is_live``: a real venue tells, so our clock can be held against what it says. A sandbox has its own.
    """

    wanted: Wanted
    market: Market
    record: CcxtMarket
    step: int
    spelled: str
    sizes: Sizes
    is_live: bool = False

    @property
    def venue_symbol(self) -> str:
        """The venue's own name of the market."""
        return str(self.record["id"])

    @property
    def series(self) -> Series:
        """The candles' series. Only of candles."""
        if not isinstance(self.wanted, Series):
            raise TypeError(f"{self.wanted} is no series")
        return self.wanted


@dataclass(frozen=True, slots=True)
class Stream:
    """One subscription.

    Attributes:
        place: which of the venue's addresses tells it (``habits``).
        topic: the venue's own name for it, unique at its place; messages are told apart by it.
        subject: what it is about.
        arguments: what the request for it says, as the dialect wants it.
        apart: streams of one market that differ in this cannot share a connection.
    """

    place: str
    topic: str
    subject: Subject
    arguments: Mapping[str, str | int]
    apart: str = ""


def market_of(wanted: Wanted) -> Market:
    """The market of what is wanted."""
    return wanted.market if isinstance(wanted, Series) else wanted


def checked(venue: str, wanted: Sequence[Wanted], spoken: Mapping[str, Sequence[Timeframe]]) -> list[Wanted]:
    """``wanted``, each once, in order.

    Args:
        venue: who is to tell them.
        wanted: what is asked for.
        spoken: by kind of market, the timeframes the venue streams; only kinds that are in it have candles.

    Raises:
        ConfigError: another venue's; a kind of market or a timeframe the venue does not stream; prices of what is no
            perpetual, or of a venue that is not asked for any.
    """
    for one in wanted:
        market = market_of(one)
        if market.venue != facts.known_venue(venue):
            raise ConfigError(f"{one} is not of {venue}", hint="listen to one venue at a time")
        facts.of(venue, market.kind)
        if isinstance(one, Series):
            _check_series(venue, one, spoken)
        else:
            facts.snapshots_of(venue)
            if market.kind != "perpetual":
                raise ConfigError(
                    f"{one} has no mark price", hint="only perpetuals have; its candles are BASE/QUOTE:1m"
                )
    return list(dict.fromkeys(wanted))


def _check_series(venue: str, series: Series, spoken: Mapping[str, Sequence[Timeframe]]) -> None:
    if not series.is_candles:
        raise ConfigError(f"{series} is not told over a WebSocket", hint="candles are: venue:SYMBOL:timeframe")
    valid = spoken.get(series.market.kind, ())
    if series.timeframe not in valid:
        hint = choices(series.timeframe.value, [one.value for one in valid])
        raise ConfigError(f"{venue} streams no {series.timeframe} candles of {series.market}", hint=hint)


def subject(wanted: Wanted, record: CcxtMarket, sizes: Sizes, *, is_live: bool = False) -> Subject:
    """``wanted`` with its market's ``record``; ``sizes`` are those of its contracts, where volume is in contracts."""
    market = market_of(wanted)
    if not isinstance(wanted, Series):
        return Subject(wanted, market, record, 0, "", sizes, is_live)
    spelled = dialects.spelling(market.venue, market.kind, wanted.timeframe)
    return Subject(wanted, market, record, wanted.timeframe.step, spelled, sizes, is_live)


def size_at(sizes: Sizes, at: Instant) -> Fraction:
    """The size of a contract at ``at``."""
    return next((size for size, window in sizes if window.start <= at < window.end), _ONE)


def in_base(sizes: Sizes, contracts: float, at: Instant) -> float:
    """``contracts`` in base coins, by the arithmetic of ``parsing``: the same float as REST's candle of that time."""
    size = size_at(sizes, at)
    return contracts if size == 1 else contracts * size.numerator / size.denominator
