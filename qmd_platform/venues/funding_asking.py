"""Asking a venue for funding, spoken by ccxt (``port.FundingVenue``).

What lives here: the loop around the requests for one window, what a window beyond the venue's reach means, and the
current intervals of contracts. What does not: sending one request (``ccxt_client``), which one is next
(``funding_paging``).
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from qmd_platform.errors import BeyondHistory
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues import facts, funding_paging
from qmd_platform.venues.dialects import Request
from qmd_platform.venues.funding_dialects import INTERVALS, TABLE, funding_request, stated_intervals
from qmd_platform.venues.funding_parsing import FundingRows
from qmd_platform.venues.listing import CcxtMarket
from qmd_platform.venues.port import FundingPage, Traffic
from qmd_platform.venues.terms import USUAL, VENUE, Interval, funding_interval
from qmd_platform.venues.transport import Answer

T = TypeVar("T")

_KIND = "perpetual"


class Asking(Protocol):
    """A client that knows its venue's markets and sends requests."""

    name: str

    async def server_time(self) -> Instant:
        """The venue's own clock, epoch ms."""
        ...

    async def record(self, market: Market) -> CcxtMarket:
        """The record of ``market`` as ccxt keeps it."""
        ...

    async def listed(self, *kinds: str) -> Mapping[str, CcxtMarket]:
        """The records of the markets that the venue lists, by symbol, all of ``kinds`` among them."""
        ...

    def asked(
        self, request: Request, bucket: str, read: Callable[[Answer], T], counted: Sequence[Traffic]
    ) -> Awaitable[T]:
        """What ``read`` makes of the answer to ``request``."""
        ...


class AsksFunding:
    """``port.FundingVenue``'s part about funding, for a client that is ``Asking``."""

    def has_funding(self: Asking, market: Market) -> bool:
        """See ``port.FundingVenue``."""
        return market.kind == _KIND and facts.VENUES[self.name].funding is not None

    def funding_page_hours(self: Asking, market: Market) -> int:
        """See ``port.FundingVenue``."""
        return facts.funding_of(self.name, market.kind).page_hours

    async def funding(self: Asking, market: Market, window: Window, traffic: Traffic | None = None) -> FundingPage:
        """See ``port.FundingVenue``."""
        return await history(self, market, window, () if traffic is None else (traffic,))

    async def funding_intervals(self: Asking) -> dict[str, float]:
        """See ``port.FundingVenue``."""
        return {symbol: one.hours for symbol, one in (await intervals(self)).items()}

    async def interval_facts(self: Asking) -> dict[str, Interval]:
        """See ``port.FundingVenue``."""
        return await intervals(self)


async def history(client: Asking, market: Market, window: Window, counted: Sequence[Traffic]) -> FundingPage:
    """See ``port.FundingVenue.funding``."""
    venue = client.name
    known = facts.funding_of(venue, market.kind)
    dialect, digest = TABLE[venue], hashlib.sha256()
    record = await client.record(market)

    walk = funding_paging.walk(venue, window)

    def read(answer: Answer) -> tuple[FundingRows, bytes]:
        return walk.checked(dialect.decode(venue, answer.body)), answer.body

    while walk.rest is not None:
        request = funding_request(venue, record, walk.rest)
        rows, body = await client.asked(request, known.budget.bucket, read, counted)
        digest.update(body)
        walk.heard(rows)
    settlements = funding_paging.settlements_of(venue, walk.rows(), window)
    if known.reach_days is not None:
        # To the day, so that whoever asks again from `oldest` on is not refused a second later.
        served = (await client.server_time() // _DAY - known.reach_days) * _DAY
        oldest = min(int(settlements.settled_at[0]), served) if len(settlements) else served
        if window.start < oldest:
            raise BeyondHistory(venue, f"serves funding of the last {known.reach_days} days only", oldest=oldest)
    account = funding_paging.accounted(venue, walk, window, settlements)
    return FundingPage(window, settlements, digest.hexdigest(), dialect.method, *account)


_DAY = Timeframe.D1.step


async def intervals(client: Asking) -> dict[str, Interval]:
    """See ``port.FundingVenue.interval_facts``."""
    venue = client.name
    known, request = facts.funding_of(venue, _KIND), INTERVALS.get(venue)
    listed = await client.listed(_KIND)
    stated: dict[str, float] = {}
    if request is not None:
        stated = await client.asked(request, known.budget.bucket, lambda one: stated_intervals(venue, one.body), ())
    found: dict[str, Interval] = {}
    for symbol, record in listed.items():
        hours = stated.get(str(record["id"])) or funding_interval(venue, record)
        if record.get("swap") and (hours or known.usual_hours):
            found[symbol] = Interval(hours, VENUE) if hours else Interval(known.usual_hours or 0, USUAL)
    return found
