"""A simulated week: 60 markets of six venues, a clock that is moved, and all that may befall them.

What lives here: the week's markets and events, its schedule, and the programs of the library run at each time of it. What
does not: the account at its end and the least number of requests (``week_reckoned``), assertions (``test_simulated_week``).

Every program is asked as the schedules ask it: the tail (a tail, patient), the gap agenda and its runs (rechecks,
patient), the daily list of instruments. A venue's tail comes every twelve hours (Kraken's every eight: it serves no older
minutes), every hour while something happens to the venue, and every hour all through where ``QMD_RELIABILITY_LONG`` is set;
the agenda follows every twelve hours, or eight. The one
clock is the sandbox's: candles close by it, and questions are dated by it.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from qmd_platform.config import Universe, VenueUniverse
from qmd_platform.errors import VenueDown
from qmd_platform.ingest.agenda import planned
from qmd_platform.ingest.asking import Asking, Deadlines
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.instruments import instruments, refresh
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant, Window, instant, month_of, month_window
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from tests.conformance.figures import LONG

HOUR, DAY = 60 * MINUTE, 1440 * MINUTE
WEEK = Window.of("2026-02-26", "2026-03-05")
"""Thursday to Thursday, over the end of a month: from Monday on the tails leave February to the agenda."""

EVERY = {"kraken": 8 * HOUR}
USUALLY = 12 * HOUR
IS_HOURLY = bool(os.environ.get(LONG))
SETTLED = 5_000
"""A tail comes so long after the hour that its last candle may be taken."""

RENEWED = 10 * MINUTE
"""Instruments are renewed so long after midnight."""

TAIL = 5
STEP = Timeframe.M1.step

NEW, OLD_NAME, NEW_NAME = (Market.parse(f"{one}/USDT") for one in ("bybit:FRESH", "binance:XRP", "binance:XRPNEW"))
GONE = Market("okx", "DOGE/USDT")
NEVER_FILLED, FILLED_LATER = Market("okx", "BTC/USDT"), Market("binance", "ETH/USDT:USDT")
FLAT, CORRECTED = Market("gate", "SOL/USDT:USDT"), Market("bybit", "BTC/USDT")
DOWN = "gate"

LISTED_AT, DELISTED_AT = instant("2026-03-02T09:30:00Z"), instant("2026-03-02T20:20:00Z")
RENAMED_AT = instant("2026-02-27T20:00:00Z")
OUTAGE = Window.of("2026-03-03T09:20:00Z", "2026-03-03T14:40:00Z")
HOLE = Window.of("2026-02-26T10:20:00Z", "2026-02-26T11:25:00Z")
LATER_HOLE, FILLED_AT = Window.of("2026-02-27T05:10:00Z", "2026-02-27T05:40:00Z"), instant("2026-03-01T12:00:00Z")
FLAT_WINDOW = Window.of("2026-03-01T02:00:00Z", "2026-03-01T03:45:00Z")
CORRECTION, CORRECTED_AT = Window.of("2026-03-04T07:57:00Z", "2026-03-04T08:00:00Z"), instant("2026-03-04T08:30:00Z")

LISTINGS = (
    {"market": str(NEW), "like": "bybit:SOL/USDT", "listed_at": LISTED_AT},
    {"market": str(GONE), "delisted_at": DELISTED_AT},
    {"market": str(OLD_NAME), "delisted_at": RENAMED_AT, "renamed_to": str(NEW_NAME)},
)
LASTING = (
    {"kind": "outage", "venue": DOWN, "since": OUTAGE.start, "until": OUTAGE.end},
    {"kind": "hole", "market": str(NEVER_FILLED), "timeframe": "1m", "start": HOLE.start, "end": HOLE.end},
    {"kind": "gap", "market": str(FLAT), "start": FLAT_WINDOW.start, "end": FLAT_WINDOW.end, "flat": True},
    {
        "kind": "restated",
        "market": str(CORRECTED),
        "start": CORRECTION.start,
        "end": CORRECTION.end,
        "ticks": 3,
        "since": CORRECTED_AT,
    },
)
UNTIL_FILLED = {
    "kind": "hole",
    "market": str(FILLED_LATER),
    "timeframe": "1m",
    "start": LATER_HOLE.start,
    "end": LATER_HOLE.end,
}

LIVELY: Mapping[str, Window] = {
    DOWN: Window(OUTAGE.end - 3 * HOUR, OUTAGE.end + 2 * HOUR),
    "okx": Window(DELISTED_AT - HOUR, DELISTED_AT + 5 * HOUR),
    "binance": Window(RENAMED_AT - HOUR, RENAMED_AT + 5 * HOUR),
    "bybit": Window(CORRECTED_AT - HOUR, CORRECTED_AT + 2 * HOUR),
}
"""When a venue's tail comes every hour."""


def _both(coins: str, spot: str, perpetual: str = "") -> list[str]:
    return [coin + tail for coin in coins.split() for tail in (spot, perpetual) if tail]


_SYMBOLS = {
    "binance": [*_both("BTC ETH SOL XRP", "/USDT", "/USDT:USDT"), NEW_NAME.symbol, "BNB/USDT"],
    "gate": _both("BTC ETH SOL XRP ADA", "/USDT", "/USDT:USDT"),
    "bitfinex": _both("BTC ETH SOL XRP DOGE", "/USD", "/USDT:USDT"),
    "okx": _both("BTC ETH SOL XRP DOGE", "/USDT", "/USDT:USDT"),
    "bybit": [*_both("BTC ETH SOL XRP", "/USDT", "/USDT:USDT"), "DOGE/USDT", NEW.symbol],
    "kraken": _both("BTC ETH SOL XRP DOGE", "/USD", "/USDT"),
}
MARKETS = {venue: tuple(Market(venue, symbol) for symbol in symbols) for venue, symbols in _SYMBOLS.items()}
"""Ten of each venue, those that are listed in the week included."""


def tails(venue: str) -> list[Instant]:
    """When the venue's tail comes."""
    hours = range(WEEK.start + HOUR, WEEK.end + 1, HOUR)
    lively = LIVELY.get(venue, Window(0, 1))
    every = HOUR if IS_HOURLY else EVERY.get(venue, USUALLY)
    return [at + SETTLED for at in hours if (at - WEEK.start) % every == 0 or lively.contains(at)]


def agendas(venue: str) -> list[Instant]:
    """After which of the venue's tails its agenda is gone through."""
    return [at for at in tails(venue) if at % EVERY.get(venue, USUALLY) == SETTLED]


def renewals() -> list[Instant]:
    """When instruments are renewed: before the week, and every night."""
    return [WEEK.start, *range(WEEK.start + DAY + RENEWED, WEEK.end, DAY)]


@dataclass
class Lived:
    """A lake beside a sandbox, and what was done in the week so far.

    Attributes:
        asked: (venue, time) of each run of a tail, with the markets it asked about.
        agendas: sentences of what the agendas asked for.
        down: how often a venue did not answer a run at all.
        seconds: how long it took, by the real clock.
    """

    lake: Lake
    sandbox: Sandbox
    asked: dict[tuple[str, Instant], tuple[Market, ...]] = field(default_factory=dict)
    agendas: list[str] = field(default_factory=list)
    down: int = 0
    seconds: float = 0

    @property
    def now(self) -> Instant:
        """The one clock's time."""
        return self.sandbox.clock.now()

    def live(self) -> None:
        """The whole week, hour by hour."""
        due: dict[Instant, list[str]] = {}
        for venue in MARKETS:
            for at in tails(venue):
                due.setdefault(at, []).append(venue)
        moments = sorted({*due, *renewals(), FILLED_AT})
        for at in moments:
            self.sandbox.move_clock(at)
            if at == FILLED_AT:
                self.sandbox.plan_faults(LASTING)
            if at in renewals():
                self.renew()
            self.visit(due.get(at, []))

    def visit(self, venues: Iterable[str]) -> None:
        """The tails that are due, and the agendas after them."""
        for venue in venues:
            self.tail(venue)
            if self.now in agendas(venue):
                self.agenda(venue)

    def renew(self) -> None:
        """What every venue lists now."""
        for venue in MARKETS:
            refresh(self.lake, venue, run_id=f"instruments-{self.now}", url=self.sandbox.url)

    def tail(self, venue: str) -> None:
        """The months a tail schedule would ask for, from the week's beginning on."""
        first = month_window(month_of(self.now - DAY)).start
        markets = self.known(venue)
        self.asked[venue, self.now] = markets
        try:
            self._ask(markets, Window(max(WEEK.start, first), self.now), Asking(tail=TAIL, patient=True))
        except VenueDown:
            self.down += 1

    def agenda(self, venue: str) -> None:
        """What the gap sensor would find, asked for."""
        kept = {venue: VenueUniverse(venue, self.known(venue), derived=())}
        universe = Universe(WEEK.start, kept, Path("universe.toml"))
        found = planned(self.lake, universe, now=self.now, venue_time=self.now, budget=1_000)
        for one in found.ranges:
            self.agendas.append(one.sentence)
            first, last = (month_window(month) for month in (one.months[0], one.months[-1]))
            try:
                window = Window(max(WEEK.start, first.start), last.end)
                self._ask(one.markets, window, Asking(recheck=True, patient=True))
            except VenueDown:
                self.down += 1

    def known(self, venue: str) -> tuple[Market, ...]:
        """The universe's markets of the venue that were ever on its list."""
        listed = instruments(self.lake, venue)
        return tuple(one for one in MARKETS[venue] if one.symbol in listed)

    def _ask(self, markets: tuple[Market, ...], window: Window, asking: Asking) -> None:
        # A request that a busy machine answers late is not to be made, and counted, twice.
        asking = replace(asking, clock=self.sandbox.clock.now, deadlines=Deadlines(request_s=120))
        run = f"run-{self.now}"
        backfill(self.lake, markets, Timeframe.M1, window, run_id=run, url=self.sandbox.url, asking=asking)


@contextmanager
def beginning(folder: Path) -> Iterator[Lived]:
    """An empty lake beside a sandbox that stands still where the week begins."""
    faults = (*LASTING, UNTIL_FILLED)
    with serving(now=WEEK.start, faults=faults, listings=LISTINGS) as sandbox, Lake.open(folder / "lake") as lake:
        yield Lived(lake, sandbox)
