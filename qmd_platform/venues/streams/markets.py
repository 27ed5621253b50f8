"""Which market is which at the venue: its record, and the size of its contracts.

What lives here: asking for it before anything is listened to, for as long as it takes. What does not: asking itself
(``ccxt_client``).
"""

import asyncio
from collections.abc import Sequence

from qmd_platform.errors import Banned, StreamRefused, UnknownMarket, VenueDown
from qmd_platform.model.window import Instant
from qmd_platform.venues import facts
from qmd_platform.venues.ccxt_client import CcxtVenue, client
from qmd_platform.venues.port import Instrument
from qmd_platform.venues.streams.connection import Listener
from qmd_platform.venues.streams.state import Counters, Phase, StreamState, counted
from qmd_platform.venues.streams.wanted import EVER, Subject, Wanted, market_of, subject

NAME = "markets"
"""What this part of listening is called in states."""

_CONTRACTS = "contracts"


class Markets:
    """Finds the markets of one venue."""

    def __init__(self, venue: str, url: str | None, listener: Listener) -> None:
        self._venue = venue
        self._url = url
        self._endurance = listener.endurance
        self._dice = listener.dice
        self._clock = listener.clock
        self._on_state = listener.on_state
        self._has_waited = False

    async def subjects(self, wanted: Sequence[Wanted], instruments: Sequence[Instrument]) -> list[Subject]:
        """``wanted`` with their markets, those that the venue lists; asked for until there is an answer.

        Raises:
            UnknownMarket: it lists none of them.
        """
        failures = 0
        while True:
            try:
                async with client(self._venue, venue_url=self._url, instruments=instruments) as asked:
                    return await self._found(asked, wanted)
            except Banned as error:
                await self._wait(error.message, error.retry_after, failures)
            except VenueDown as error:
                failures += 1
                await self._wait(error.message, self._endurance.wait(failures, self._dice), failures)

    async def _found(self, asked: CcxtVenue, wanted: Sequence[Wanted]) -> list[Subject]:
        found: list[Subject] = []
        unknown: list[UnknownMarket] = []
        for one in wanted:
            market = market_of(one)
            try:
                record = await asked.record(market)
            except UnknownMarket as error:
                unknown.append(error)
                continue
            in_contracts = facts.of(market.venue, market.kind).volume_unit == _CONTRACTS
            sizes = asked.sizes.in_time(market, record) if in_contracts else EVER
            found.append(subject(one, record, sizes, is_live=self._url is None))
        if unknown and not found:
            raise unknown[0]
        if unknown or self._has_waited:  # who was told of a wait is told that it is over
            self._tell(Phase.LIVE, "", 0.0, [StreamRefused(self._venue, error.message, topic="") for error in unknown])
        return found

    async def _wait(self, why: str, seconds: float, failures: int) -> None:
        self._has_waited = True
        self._tell(Phase.WAITING, why, seconds, (), failures)
        await asyncio.sleep(seconds)

    def _tell(
        self, phase: Phase, why: str, seconds: float, refusals: Sequence[StreamRefused], failures: int = 0
    ) -> None:
        at: Instant = self._clock.now()
        self._on_state(
            StreamState(
                venue=self._venue,
                connection=NAME,
                phase=phase,
                since=at,
                streams=0,
                at=at,
                message_at=None,
                heard_at=None,
                failures=failures,
                wait_seconds=seconds,
                why=why,
                silent=(),
                refusals=tuple(refusals),
                last_unreadable=None,
                counters=counted(Counters()),
            )
        )
