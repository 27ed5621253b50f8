"""A venue as the platform sees it (``port.Venue``), spoken by ccxt.

What lives here: from a question to its answer. What does not: spelling (``dialects``), ccxt's object
(``ccxt_exchange``), sockets (``transport``), decoding (``parsing``), repeating (``retry``).
"""

import hashlib
import random
from collections.abc import Callable, Sequence
from typing import Self, TypeVar

import msgspec

from qmd_platform.coordination.port import Spending
from qmd_platform.errors import BeyondHistory, UnknownMarket, choices
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues import dialects, facts, listing, paging
from qmd_platform.venues.ccxt_exchange import CcxtExchange
from qmd_platform.venues.contract_sizes import Sizes
from qmd_platform.venues.dialects import Request
from qmd_platform.venues.funding_asking import AsksFunding
from qmd_platform.venues.listing import CcxtMarket
from qmd_platform.venues.port import Instrument, Page, Traffic
from qmd_platform.venues.retry import Meter, Patience, Retry
from qmd_platform.venues.throttle import Pace
from qmd_platform.venues.transport import Answer, Toll, Transport

T = TypeVar("T")


def client(
    venue: str,
    *,
    venue_url: str | None = None,
    instruments: Sequence[Instrument] = (),
    concurrency: int = 8,
    timeout_seconds: float = 15,
    patience: Patience | None = None,
    spending: Spending | None = None,
) -> "CcxtVenue":
    """The venue called ``venue``, ready to be asked; use it as an async context manager.

    Args:
        venue: one of ``facts.VENUES``.
        venue_url: a server that answers in the venue's place (a sandbox). Its paths are the venue's; no budget is
            kept for it unless ``spending`` does, but what it asks to wait is waited.
        instruments: what is known already, earlier rows too; these markets are asked for without loading any.
        concurrency: requests under way at once.
        timeout_seconds: bound of a single request.
        patience: how long to keep trying; the default is ``Patience()``.
        spending: who keeps the venue's budgets and penalties, ``Coordination.budgets(venue, venue_url)``; without one
            this client keeps them by itself.

    Raises:
        ConfigError: no such venue; the hint has the choices.
    """
    facts.known_venue(venue)
    pace = Pace(venue, {} if venue_url and spending is None else facts.budgets(venue), spending)
    # Jitter only has to differ between processes; nobody gains by guessing it.
    retry = Retry(venue, pace, patience or Patience(), random.Random())  # noqa: S311
    transport = Transport(venue, pace, retry.check, concurrency=concurrency, timeout_seconds=timeout_seconds)
    asked = CcxtVenue(venue, venue_url, transport, retry)
    asked.know(instruments)
    return asked


class CcxtVenue(AsksFunding):
    """``port.FundingVenue`` through ccxt. In ``traffic``, bytes are bodies after decompression. ``sizes`` may be told more."""

    def __init__(self, venue: str, venue_url: str | None, transport: Transport, retry: Retry) -> None:
        self.name = venue
        self.traffic = Traffic()
        self._transport = transport
        self._retry = retry
        self.sizes = Sizes()
        self._exchange = CcxtExchange(venue, venue_url, transport, retry, Meter(self.traffic))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """See ``port.Venue``."""
        await self._transport.close()

    def know(self, instruments: Sequence[Instrument]) -> None:
        """Take these markets as listed, and what earlier rows say of contract sizes for then; no request."""
        self.sizes.know(instruments)
        if newest := [one for one in instruments if one.valid_to is None]:
            self._exchange.add([msgspec.json.decode(one.ccxt_market) for one in newest])

    def page_limit(self, market: Market, timeframe: Timeframe) -> int:
        """See ``port.Venue``."""
        return facts.of(self.name, market.kind).page_limit

    def omits_empty(self, market: Market) -> bool:
        """See ``port.Venue``."""
        return facts.of(self.name, market.kind).omits_empty

    async def server_time(self) -> Instant:
        """See ``port.Venue``. Bitfinex has no clock to ask: HTTP's is read, in whole seconds as Kraken's own."""
        bucket = next(iter(facts.VENUES[self.name].kinds.values())).budget.bucket

        def read(answer: Answer) -> Instant:
            return listing.clock(self.name, answer.headers.get("Date", ""), answer.body)

        return await self.asked(Request(listing.CLOCKS[self.name], {}, 1), bucket, read, ())

    async def instruments(self) -> list[Instrument]:
        """See ``port.Venue``."""
        listed = await self.listed(*facts.VENUES[self.name].kinds)
        return listing.instruments(self.name, listed, self._exchange.precision_mode)

    async def listed(self, *kinds: str) -> dict[str, CcxtMarket]:
        """See ``funding_asking.Asking``."""
        for kind in kinds:
            await self._exchange.load(kind)
        return self._exchange.listed

    async def page(self, market: Market, timeframe: Timeframe, window: Window, traffic: Traffic | None = None) -> Page:
        """See ``port.Venue``. Also raises ConfigError when the venue has no such timeframe."""
        record = await self._record(market, timeframe)
        request = dialects.candle_request(self.name, market.kind, record, timeframe, window)
        candles, digest = await self._candles(market, record, request, () if traffic is None else (traffic,))
        newest = facts.of(self.name, market.kind).newest_only
        served_from = paging.served_from(candles, timeframe.step, newest)
        if served_from is not None and window.start < served_from:
            raise BeyondHistory(
                self.name, f"serves only its newest {newest} candles of {timeframe}", oldest=served_from
            )
        return Page(window, candles, digest, request.method)

    def goes_on(self, market: Market) -> bool:
        """See ``port.Venue``."""
        return dialects.of(self.name, market.kind).oldest_params is not None

    async def onward(
        self, market: Market, timeframe: Timeframe, at: Instant, traffic: Traffic | None = None
    ) -> Page | None:
        """See ``port.Venue``."""
        record = await self._record(market, timeframe)
        request = dialects.onward_request(self.name, market.kind, record, timeframe, at)
        if request is None:
            return None
        candles, digest = await self._candles(market, record, request, () if traffic is None else (traffic,))
        return Page(Window(at, at + timeframe.step), candles, digest, request.method)

    async def first_candle_at(self, market: Market, timeframe: Timeframe, before: Instant = 0) -> Instant | None:
        """See ``port.Venue``. Where it cannot be asked (Gate), the venue's listing date, if it states one."""
        record = await self._record(market, timeframe)
        request = dialects.oldest_request(self.name, market.kind, record, timeframe)
        longest = dialects.longest_request(self.name, market.kind, record)
        if longest is not None:
            return await self._narrowed(market, record, longest, timeframe, before)
        if request is None:
            return listing.listed_at(record)
        candles, _ = await self._candles(market, record, request, ())
        return int(candles.open_at[0]) if len(candles) else None

    async def _narrowed(
        self, market: Market, record: CcxtMarket, longest: Request, timeframe: Timeframe, before: Instant
    ) -> Instant | None:
        """The first candle of ``timeframe``, found inside the first one of ever shorter ones.

        Never later than the truth, or candles would be called unlisted that are not: a shorter one must open at the price
        of the longer one that it begins. Otherwise, where the venue does not serve candles that old, and where all of the
        longer one is older than ``before``, the longer one's start is told.
        """
        if await self._is_cut(market, record, timeframe):
            return None
        lasts = dialects.longest_lasts(self.name, market.kind)
        first = await self._oldest(market, record, longest, before - lasts)
        if first is None:
            return None
        for rung in dialects.rungs(timeframe):
            window = Window(int(first.open_at[0]), int(first.open_at[0]) + lasts)
            if window.end <= before:
                break
            try:
                page = await self.page(market, rung, window)
            except BeyondHistory:
                break
            inside = page.candles.within(window).take(slice(1))
            if not len(inside) or inside.open[0] != first.open[0]:
                break
            first, lasts = inside, rung.step
        return int(first.open_at[0])

    async def _oldest(self, market: Market, record: CcxtMarket, longest: Request, enough: Instant) -> Candles | None:
        """The first of the longest candles; asked for twice, as an answer may be short, if it is not as old as ``enough``."""
        first: Candles | None = None
        for _ in range(2):
            rows, _ = await self._candles(market, record, longest, ())
            if len(rows) and (first is None or rows.open_at[0] < first.open_at[0]):
                first = rows.take(slice(1))
            if first is not None and first.open_at[0] <= enough:
                break
        return first

    async def _is_cut(self, market: Market, record: CcxtMarket, timeframe: Timeframe) -> bool:
        """Whether the market is older than what the venue serves of it: then its first candle is of no use."""
        newest = facts.of(self.name, market.kind).newest_only
        if newest is None:
            return False
        everything = Window(0, timeframe.step)  # such a venue answers with all it serves since then
        request = dialects.candle_request(self.name, market.kind, record, timeframe, everything)
        rows, _ = await self._candles(market, record, request, ())
        return paging.served_from(rows, timeframe.step, newest) == int(rows.open_at[0]) if len(rows) else False

    async def _record(self, market: Market, timeframe: Timeframe) -> CcxtMarket:
        """The record of ``market`` as ccxt keeps it; all markets of its kind are loaded unless it is known already.

        What the venue does not have at all is refused first, without a request.
        """
        dialects.spelling(self.name, market.kind, timeframe)
        return await self.record(market)

    async def record(self, market: Market) -> CcxtMarket:
        """See ``funding_asking.Asking``."""
        if market.symbol not in self._exchange.markets:
            await self._exchange.load(market.kind)
        record = self._exchange.markets.get(market.symbol)
        if record is None:
            hint = choices(market.symbol, self._exchange.markets)
            raise UnknownMarket(self.name, f"does not list {market.symbol!r}", hint=hint)
        return record

    async def _candles(
        self, market: Market, record: CcxtMarket, request: Request, counted: Sequence[Traffic]
    ) -> tuple[Candles, str]:
        """The candles of one answer, and the sha256 of its bytes."""

        def read(answer: Answer) -> tuple[Candles, str]:
            return self.sizes.read(market, record, answer.body), hashlib.sha256(answer.body).hexdigest()

        return await self.asked(request, facts.of(self.name, market.kind).budget.bucket, read, counted)

    async def asked(self, request: Request, bucket: str, read: Callable[[Answer], T], counted: Sequence[Traffic]) -> T:
        """What ``read`` makes of the answer to ``request``, asked as often as the retry layer sees fit."""
        toll = Toll(bucket, request.weight, Meter(self.traffic, *counted))

        async def once() -> T:
            return read(await self._exchange.answer(request.method, request.params, toll))

        return await self._retry.answer(once, toll.meter)
