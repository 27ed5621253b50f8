"""The markets with all that befalls them: what is listed, changed by a listings file and by the fault plan.

What lives here: putting both onto the listings of an exchange, again whenever one changes. What does not: reading
them (``listed``, ``faultfile``), what they do to candles (``happened``).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.events import Events, Hole, Restatement, Silence
from qmd_platform.sandbox.exchange import Exchange
from qmd_platform.sandbox.faults import Fault, FaultPlan
from qmd_platform.sandbox.universe import Listing

_ALWAYS: Instant = 0


class World:
    """The markets of ``exchange``. ``listed`` are its listings before anything befell them."""

    def __init__(self, exchange: Exchange, listed: Sequence[Listing], plan: FaultPlan) -> None:
        """ConfigError: ``plan`` is about a market there is none of, or one that is replayed."""
        self._exchange = exchange
        self._listed = list(listed)
        self._plan = plan
        self._asked: Counter[Market] = Counter()
        self.befall(plan)

    @property
    def is_waiting(self) -> bool:
        """Whether some restatement waits for a request to come."""
        waiting = (fault.from_request for fault in self._plan.of_markets() if fault.market is not None)
        return any(number is not None for number in waiting)

    def befall(self, plan: FaultPlan) -> None:
        """Let what ``plan`` says befall the markets, and nothing else; ConfigError as of the constructor, unchanged."""
        _check(plan, self._listed, self._exchange)
        self._plan = plan
        self.reset()

    def relist(self, listed: Sequence[Listing]) -> None:
        """List these markets in the place of all others; ConfigError as of the constructor, unchanged."""
        _check(self._plan, listed, self._exchange)
        self._listed = list(listed)
        self._put()

    def asked(self, market: Market) -> None:
        """Count a request for candles of ``market`` that was answered."""
        self._asked[market] += 1
        if self.is_waiting:
            self._put()

    def reset(self) -> None:
        """Count requests from 1 again."""
        self._asked.clear()
        self._put()

    def _put(self) -> None:
        self._exchange.relist([replace(one, events=self._events(one)) for one in self._listed])

    def _events(self, listing: Listing) -> Events:
        mine = [fault for fault in self._plan.of_markets() if fault.market == listing.market]
        windows = [(fault, fault.window) for fault in mine if fault.window is not None]
        return replace(
            listing.events,
            silences=tuple(Silence(window, fault.flat) for fault, window in windows if fault.kind == "gap"),
            holes=tuple(Hole(window, fault.timeframe) for fault, window in windows if fault.timeframe is not None),
            restatements=tuple(
                Restatement(window, fault.ticks, fault.since or _ALWAYS)
                for fault, window in windows
                if fault.kind == "restated" and self._is_due(fault, listing.market)
            ),
        )

    def _is_due(self, fault: Fault, market: Market) -> bool:
        return fault.from_request is None or self._asked[market] + 1 >= fault.from_request


def _check(plan: FaultPlan, listed: Sequence[Listing], exchange: Exchange) -> None:
    known = {one.market for one in listed}
    for fault in plan.of_markets():
        if fault.market not in known:
            raise ConfigError(f"{fault.kind}: the sandbox lists no market {fault.market}")
        if fault.market in exchange.replayed:
            raise ConfigError(f"{fault.kind}: {fault.market} is replayed; a recording is not changed")
