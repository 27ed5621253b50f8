"""What the platform may ask a venue, whatever library answers.

What lives here: the protocol and the shapes that cross it. Not here: any implementation
(``venues.ccxt_client``).
"""

from dataclasses import dataclass, field
from typing import Protocol

from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues.terms import Interval


@dataclass(frozen=True, slots=True)
class Instrument:
    """One row of the instruments table; the fields are ``model.tables.INSTRUMENTS``.

    From a venue, it is of now and says nothing of its time (``valid_from``, ``valid_to``), of ``multiplier`` and of
    ``renamed_from``, and ``delisted_at`` is what it states; in the lake, also what its lists have shown
    (``ingest.instruments``).
    """

    symbol: str
    venue_symbol: str
    kind: str
    base: str
    quote: str
    settle: str
    active: bool
    contract_size: float
    tick: float | None
    lot: float | None
    listed_at: Instant | None
    ccxt_market: str
    delisted_at: Instant | None = None
    valid_from: Instant | None = None
    valid_to: Instant | None = None
    multiplier: float | None = None
    maker_fee: float | None = None
    taker_fee: float | None = None
    fees_from: str | None = None
    renamed_from: str | None = None
    funding_interval_hours: float | None = None
    funding_interval_from: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One answer. ``candles`` are as the venue sent them, sorted by open time, duplicates and all.

    ``digest`` is the sha256 of the answer's bytes: evidence of what the venue said. ``asked`` is what was asked, by its
    name in the venue's API.
    """

    window: Window
    candles: Candles
    digest: str
    asked: str = ""


@dataclass(frozen=True, slots=True)
class FundingPage:
    """What a venue says of the funding of one window, in as many answers as that took.

    ``settlements`` are those inside ``window``, to the minute, sorted, each once; one that was sent twice with different
    numbers is there twice. ``stated_hours`` is NaN everywhere: no venue's history states intervals. ``digest`` is the
    sha256 of all answers' bytes in the order of the requests, ``asked`` is what was asked, by its name in the venue's API.
    ``rows`` were sent: those in ``settlements``, ``duplicates`` and those ``outside`` of the window. Of snapshots only
    those count that a settlement is read off.
    """

    window: Window
    settlements: Settlements
    digest: str
    asked: str = ""
    rows: int = 0
    duplicates: int = 0
    outside: int = 0


@dataclass(slots=True)
class Traffic:
    """What a client did so far. Counted where it happens: every attempt is a request."""

    requests: int = 0
    bytes: int = 0
    retries: int = 0
    waits_seconds: float = 0.0
    failures: dict[str, int] = field(default_factory=dict)


class Venue(Protocol):
    """A venue that can be asked. One instance belongs to one event loop; use it as an async context manager."""

    name: str
    traffic: Traffic

    async def server_time(self) -> Instant:
        """The venue's own clock, epoch ms."""
        ...

    async def instruments(self) -> list[Instrument]:
        """Everything the venue lists, all kinds we know."""
        ...

    def page_limit(self, market: Market, timeframe: Timeframe) -> int:
        """How many candles one request brings."""
        ...

    def omits_empty(self, market: Market) -> bool:
        """Whether the venue leaves out candles without trades (Bitfinex) or prints flat ones (Binance)."""
        ...

    async def page(self, market: Market, timeframe: Timeframe, window: Window, traffic: Traffic | None = None) -> Page:
        """The candles opening in ``window``, at most ``page_limit`` of them, in one request and its retries.

        Every attempt is counted in ``self.traffic`` and, where given, in ``traffic`` too (a partition's own).

        Raises:
            UnknownMarket, BeyondHistory, Refused: permanent.
            Banned: stop the venue.
            VenueDown: still failing after the last try.
        """
        ...

    def goes_on(self, market: Market) -> bool:
        """Whether the venue can be asked where it goes on (``onward``)."""
        ...

    async def onward(
        self, market: Market, timeframe: Timeframe, at: Instant, traffic: Traffic | None = None
    ) -> Page | None:
        """The first candle that opens at or after ``at``; None when the venue cannot be asked. Raises as ``page``."""
        ...

    async def first_candle_at(self, market: Market, timeframe: Timeframe, before: Instant = 0) -> Instant | None:
        """Open time of the oldest candle the venue serves; None when it cannot be asked.

        Where it is older than ``before``, some time that is not later than it, in fewer requests.
        """
        ...

    async def close(self) -> None:
        """Give back sockets."""
        ...


class FundingVenue(Venue, Protocol):
    """A venue that can be asked for funding too."""

    def has_funding(self, market: Market) -> bool:
        """Whether the venue is asked for the funding of ``market``."""
        ...

    def funding_page_hours(self, market: Market) -> int:
        """Hours of history that one request brings of a contract that settles every eight: a good window to ask for."""
        ...

    async def funding(self, market: Market, window: Window, traffic: Traffic | None = None) -> FundingPage:
        """The settlements in ``window``, in as many requests as it takes.

        ``window`` is on the grid of minutes and need not be over: what is settled by now is there.

        Raises:
            ConfigError: the market has no funding, or the venue is not asked for it.
            BeyondHistory: the venue does not serve all of it any more (OKX: three months); ``oldest`` is from when on it
                does.
            UnknownMarket, Refused, Banned, VenueDown: as ``page``.
        """
        ...

    async def funding_intervals(self) -> dict[str, float]:
        """Hours of the current interval by symbol, of every listed perpetual of which the venue states it.

        True of now, not of years ago (``facts`` has the sources).
        """
        ...

    async def interval_facts(self) -> dict[str, Interval]:
        """``funding_intervals``, each with what says so: the venue of this contract, or what is usual there."""
        ...
