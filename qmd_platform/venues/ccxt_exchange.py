"""A ccxt exchange with its network taken out: ccxt writes the request, we send it and read the answer.

What lives here: setting up ccxt's object, replacing its ``fetch``, its tables of error codes, its market records. What
does not: what is asked and how an answer is decoded (``ccxt_client``), sockets (``transport``), repeating (``retry``).
"""

import asyncio
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

from qmd_platform.errors import BadPage, VenueError
from qmd_platform.venues import facts, listing, taxonomy
from qmd_platform.venues.ccxt_lazy import exchange_class
from qmd_platform.venues.dialects import Params
from qmd_platform.venues.listing import CcxtMarket
from qmd_platform.venues.retry import Meter, Retry
from qmd_platform.venues.transport import Answer, Toll, Transport, rehosted

_CONFIG: dict[str, Any] = {
    # The one throttle and the one retry layer are ours.
    "enableRateLimit": False,
    # Currencies cost requests and are not used.
    "has": {"fetchCurrencies": False},
    # Contracts settled in anything else are not kept; their lists would cost requests.
    "options": {"swap": {"fetchMarkets": {"settlementCurrencies": ["usdt"]}}},
}

_LISTING_WEIGHT = {"binance": 20}
"""Weight of a request for a venue's markets where it is not 1 (Binance exchangeInfo, ccxt 4.5.90)."""

_toll: ContextVar[Toll | None] = ContextVar("toll", default=None)
"""Set while one of our requests is under way: its answer is handed over as it came. Else ccxt wants it parsed."""


class CcxtExchange:
    """One venue's ccxt object, its answers as bytes and its errors as ours."""

    def __init__(self, venue: str, venue_url: str | None, transport: Transport, retry: Retry, meter: Meter) -> None:
        """``venue_url`` takes the place of the venue's own hosts. ``meter`` counts what loading markets costs."""
        self._venue = venue
        self._transport = transport
        self._retry = retry
        bucket = next(iter(facts.VENUES[venue].kinds.values())).budget.bucket
        self._listing_toll = Toll(bucket, _LISTING_WEIGHT.get(venue, 1), meter)
        self._ccxt: Any = exchange_class(venue)(_CONFIG)
        self._ccxt.fetch = self._fetch
        if venue_url:
            self._ccxt.urls["api"] = _rehosted_tree(self._ccxt.urls["api"], venue_url)
        self._loaded: set[str] = set()
        self._told: set[str] = set()
        self._loading = asyncio.Lock()

    @property
    def markets(self) -> dict[str, CcxtMarket]:
        """The records of the markets known so far, by symbol."""
        return self._ccxt.markets or {}

    @property
    def listed(self) -> dict[str, CcxtMarket]:
        """The records of the markets that the venue listed when it was asked: what was only known before is not in it."""
        return {symbol: record for symbol, record in self.markets.items() if symbol in self._told}

    @property
    def precision_mode(self) -> int:
        """How ccxt states this venue's precisions (``listing.TICK_SIZE`` or not)."""
        return int(self._ccxt.precisionMode)

    def add(self, records: Iterable[CcxtMarket]) -> None:
        """Make these markets known; no request."""
        self._ccxt.set_markets([*self.markets.values(), *records])

    async def load(self, kind: str) -> None:
        """Make all markets of ``kind`` known, asking the venue unless they are already.

        Raises:
            VenueError: there was no answer; BadPage when it has no market at all of a kind the venue trades.
        """
        group = listing.GROUPS[self._venue][kind]
        async with self._loading:
            if group in self._loaded:
                return
            if group:
                self._ccxt.options["fetchMarkets"] = {"types": [group]}
            records = await self._retry.answer(lambda: self._listed(group), self._listing_toll.meter)
            self.add(records)
            self._told |= {str(record["symbol"]) for record in records}
            self._loaded.add(group)

    async def _listed(self, group: str) -> list[CcxtMarket]:
        records = listing.kept(self._venue, await self._ccxt.fetch_markets())
        # An empty list with status 200 is an exchange out of order; believed, it would empty the stored table.
        lacking = listing.lacking(self._venue, group, records)
        if lacking:
            raise BadPage(self._venue, f"lists no {' and no '.join(lacking)} market at all")
        return records

    async def answer(self, method: str, params: Params, toll: Toll) -> Answer:
        """The answer to one call of ccxt's implicit ``method``, not repeated.

        Raises:
            VenueError: there was none, or the venue refused.
        """
        token = _toll.set(toll)
        try:
            answer: Answer = await getattr(self._ccxt, method)(params)
        finally:
            _toll.reset(token)
        return answer

    async def _fetch(
        self, url: str, method: str = "GET", headers: dict[str, str] | None = None, body: str | None = None
    ) -> Any:  # noqa: ANN401 - an Answer for us, parsed JSON for ccxt's own calls
        """In place of ccxt's ``fetch``: one request. Only public data is asked for, so always GET without a body."""
        toll = _toll.get()
        answer = await self._transport.get(url, headers or {}, toll or self._listing_toll)
        error = self._refusal(url, answer)
        if error is not None:
            raise error
        return self._parsed(answer) if toll is None else answer

    def _refusal(self, url: str, answer: Answer) -> VenueError | None:
        """What is wrong with the answer before anyone decodes it: status and body first, then ccxt's tables."""
        status, headers, body = answer.status, answer.headers, answer.body
        error = taxonomy.of_answer(self._venue, status, headers, body)
        if error is not None or not taxonomy.is_refusal(status, body):
            return error
        return (
            taxonomy.of_words(self._venue, body)
            or self._ccxt_says(url, answer)
            or taxonomy.of_status(self._venue, status, body)
            or taxonomy.unheard_of(self._venue, body)
        )

    def _ccxt_says(self, url: str, answer: Answer) -> VenueError | None:
        """What ccxt's tables make of the venue's error code; None when they do not know it."""
        text = answer.body.decode("utf-8", "replace")
        parsed = self._ccxt.parse_json(text)
        if parsed is None:
            return None
        try:
            self._ccxt.handle_errors(answer.status, "", url, "GET", {}, text, parsed, {}, None)
        except self._root_error() as error:
            return taxonomy.of_ccxt(self._venue, error, answer.status, answer.headers)
        return None

    def _root_error(self) -> type[Exception]:
        """``ccxt.BaseError``, reached through the table every exchange carries: the package need not be imported."""
        bases: tuple[type[Exception], ...] = self._ccxt.httpExceptions["400"].__mro__
        return next(one for one in bases if one.__name__ == "BaseError")

    def _parsed(self, answer: Answer) -> Any:  # noqa: ANN401 - what ccxt wants
        parsed = self._ccxt.parse_json(answer.body.decode("utf-8", "replace"))
        if parsed is None:
            raise BadPage(self._venue, f"not JSON: {taxonomy.shown(answer.body)}", sample=answer.body)
        return parsed


def _rehosted_tree(urls: Any, host: str) -> Any:  # noqa: ANN401 - ccxt nests them as it likes
    """Every HTTP address in ccxt's tree of addresses moved to ``host``."""
    if isinstance(urls, dict):
        return {name: _rehosted_tree(below, host) for name, below in urls.items()}
    return rehosted(urls, host) if isinstance(urls, str) and urls.startswith("http") else urls
