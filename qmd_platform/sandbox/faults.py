"""The fault plan: which requests go wrong and how, and what befalls the markets themselves.

What lives here: the kinds, and deciding, request by request, which fault strikes. What does not: reading a plan
(``faultfile``), doing it to the answer (``spoil``, ``spoiled_rows``) or to the connection (``service``). The same
requests in the same order meet the same faults.

| kind | what the client sees |
|---|---|
| ``empty_page`` | candles, funding: no rows |
| ``short_page`` | candles, funding: the first half of the rows |
| ``descending`` | candles, funding: the rows the other way round |
| ``duplicates`` | candles, funding: the first half of the rows twice, row by row |
| ``contradicting`` | candles, funding: the row in the middle twice, the second time with prices a tick, or a rate 0.001, higher |
| ``forming`` | candles: the candle in progress as one more row, even when the window ended before now |
| ``half_built`` | candles: the newest row as it stood in the middle of its time, though it is closed |
| ``wrong_market`` | candles: those of another market of the venue (``of``, default the first other one) |
| ``outside`` | candles: five more rows on either side of the window |
| ``misaligned`` | candles: the row in the middle opens a second late |
| ``bad_values`` | candles: the row in the middle has ``value``: ``low_above_high``, ``negative`` volume or ``nan`` |
| ``shifted`` | candles: every row labelled ``by`` candles late (1, or -1 for early) |
| ``percent`` | funding: every rate in percent, a hundred times as large |
| ``seconds`` | funding: every time a thousandth: in seconds where ms belong |
| ``throttle`` | status 429 (or ``status``) with ``Retry-After: retry_after`` and the venue's own body |
| ``ban`` | status 418 with ``Retry-After: retry_after`` (default 120) and the venue's own body |
| ``server_error`` | status 503 (or ``status``) and the venue's own body |
| ``outage`` | the same from ``since`` until ``until``; ``refused = true``: the connection closes without an answer |
| ``hang`` | nothing for ``seconds``, then the right answer |
| ``truncated_json`` | status 200, the first half of the body |
| ``html`` | status 200, a page of HTML |
| ``cut_connection`` | the first half of the body, then the connection closes |
| ``clock_skew`` | the venue's time and the ``Date`` header ``seconds`` ahead (behind: less than 0), not its candles |
| ``stated_interval`` | lists of contracts and of intervals: every contract settles every ``hours`` (default 2) |
| ``gap`` | ``market`` did not trade from ``start`` to ``end``: no such minutes, or flat ones (``flat = true``) |
| ``hole`` | the API has no candles of ``market`` and ``timeframe`` that open from ``start`` to ``end`` |
| ``restated`` | prices of ``market`` from ``start`` to ``end`` are ``ticks`` higher, from ``since`` or ``from_request`` on |
| ``ws_drop`` | WebSockets: the message never comes |
| ``ws_duplicate`` | WebSockets: the message comes twice |
| ``ws_reorder`` | WebSockets: the message comes after the next ``within`` (default 1) of its topic |
| ``ws_truncated`` | WebSockets: the first half of the message |
| ``ws_unknown`` | WebSockets: before the message, one of a kind that nobody knows |
| ``ws_skew`` | WebSockets: the time at which the message says it was said is ``seconds`` ahead (behind: less than 0) |
| ``ws_cut`` | WebSockets: in place of the message the connection is cut |
| ``ws_stall`` | WebSockets: open, but nothing comes, no heartbeats either; with ``heartbeats``, ``path`` or ``message`` these messages only |
| ``ws_refused`` | WebSockets: status 503 in place of a connection |
| ``ws_restart`` | WebSockets: from ``since`` connections end as the venue ends them, and new ones are refused ``until`` then |

Which requests: those of ``venue`` (default all) whose path and query contain ``path`` (default all), at times of the
sandbox's clock from ``since`` until ``until``; of these every ``every``-th, or those counted in ``at`` (from 1), or
the ``first`` so many, or all; at most ``times`` in total. Kinds that say "candles" count requests for candles only,
those that say "candles, funding" also requests for histories of funding, those that say "funding" only these.
``gap``, ``hole`` and ``restated`` are about markets and strike no request. Kinds that say "WebSockets" count messages with data
(``message``: one of ``MESSAGES``, default all), whose address, topic or market contains ``path``; ``share`` strikes that part of
them, which ones ``seed`` decides. ``ws_refused`` counts connections.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.sandbox.noise import scrambled

OPTIONS: dict[str, frozenset[str]] = {
    "empty_page": frozenset(),
    "short_page": frozenset(),
    "descending": frozenset(),
    "duplicates": frozenset(),
    "contradicting": frozenset(),
    "forming": frozenset(),
    "half_built": frozenset(),
    "wrong_market": frozenset({"of"}),
    "outside": frozenset(),
    "misaligned": frozenset(),
    "bad_values": frozenset({"value"}),
    "shifted": frozenset({"by"}),
    "percent": frozenset(),
    "seconds": frozenset(),
    "throttle": frozenset({"retry_after", "status"}),
    "ban": frozenset({"retry_after"}),
    "server_error": frozenset({"status"}),
    "outage": frozenset({"status", "refused"}),
    "hang": frozenset({"seconds"}),
    "truncated_json": frozenset(),
    "html": frozenset(),
    "cut_connection": frozenset(),
    "clock_skew": frozenset({"seconds"}),
    "stated_interval": frozenset({"hours"}),
    "gap": frozenset({"market", "start", "end", "flat"}),
    "hole": frozenset({"market", "start", "end", "timeframe"}),
    "restated": frozenset({"market", "start", "end", "ticks", "since", "from_request"}),
    "ws_drop": frozenset({"message", "share", "seed"}),
    "ws_duplicate": frozenset({"message", "share", "seed"}),
    "ws_reorder": frozenset({"message", "share", "seed", "within"}),
    "ws_truncated": frozenset({"message", "share", "seed"}),
    "ws_unknown": frozenset({"message", "share", "seed"}),
    "ws_skew": frozenset({"message", "share", "seed", "seconds"}),
    "ws_cut": frozenset({"message", "share", "seed"}),
    "ws_stall": frozenset({"message", "heartbeats"}),
    "ws_refused": frozenset(),
    "ws_restart": frozenset(),
}
"""The kinds, and what can be said about each besides which requests it strikes."""

KINDS = tuple(OPTIONS)
OF_ROWS = frozenset(KINDS[: KINDS.index("throttle")])
"""Kinds that change the rows of a page before they are printed; they count requests for such pages only."""
ONLY_FUNDING = frozenset({"percent", "seconds"})
"""Kinds of these that change the rows of a history of funding and of nothing else."""
OF_FUNDING = frozenset({"empty_page", "short_page", "descending", "duplicates", "contradicting"}) | ONLY_FUNDING
"""Kinds of these that change the rows of a history of funding too, and count requests for it."""
OF_MARKETS = frozenset({"gap", "hole", "restated"})
"""Kinds that befall a market, whoever asks."""
OF_STREAMS = frozenset(kind for kind in KINDS if kind.startswith("ws_"))
"""Kinds about WebSockets."""
MESSAGES = ("snapshot", "forming", "closed", "mark")
"""What messages with data are about."""
BAD_VALUES = ("low_above_high", "negative", "nan")
_ALL = 2.0**64


@dataclass(slots=True)
class Fault:
    """One entry of the plan, and how often it was met and struck so far."""

    kind: str
    venue: str | None = None
    path: str = ""
    every: int | None = None
    at: frozenset[int] | None = None
    first: int | None = None
    times: int | None = None
    since: Instant | None = None
    until: Instant | None = None
    retry_after: float = 1
    status: int = 503
    seconds: float = 60
    refused: bool = False
    of: Market | None = None
    value: str = BAD_VALUES[0]
    by: int = 1
    hours: int = 2
    market: Market | None = None
    window: Window | None = None
    timeframe: Timeframe | None = None
    flat: bool = False
    ticks: int = 1
    from_request: int | None = None
    message: str | None = None
    share: float | None = None
    seed: int = 0
    within: int = 1
    heartbeats: bool = False
    met: int = field(default=0, init=False)
    struck: int = field(default=0, init=False)

    def matches(self, venue: str, target: str, now: Instant, *, is_candles: bool, is_funding: bool = False) -> bool:
        """Whether the entry is about such a request at all."""
        has_rows = (is_candles and self.kind not in ONLY_FUNDING) or (is_funding and self.kind in OF_FUNDING)
        if self.kind in OF_MARKETS | OF_STREAMS or (self.kind in OF_ROWS and not has_rows):
            return False
        return self.is_about(venue, target, now)

    def is_about(self, venue: str, target: str, now: Instant) -> bool:
        """Whether it is about this venue, address and time."""
        if self.venue not in {None, venue} or self.path not in target:
            return False
        return (self.since is None or self.since <= now) and (self.until is None or now < self.until)

    def strikes(self) -> bool:
        """Count one more matching request, and say whether it is one that goes wrong."""
        self.met += 1
        if self.times is not None and self.struck >= self.times:
            return False
        if self.share is not None:
            return bool(scrambled(self.seed, np.array([self.met]))[0] / _ALL < self.share)
        if self.every is not None:
            return self.met % self.every == 0
        if self.at is not None:
            return self.met in self.at
        return self.first is None or self.met <= self.first


class FaultPlan:
    """All entries, in the order written: the first that strikes wins, each counts for itself."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self.faults = list(faults)

    def strike(
        self, venue: str, target: str, now: Instant, *, is_candles: bool, is_funding: bool = False
    ) -> Fault | None:
        """The fault that befalls this request at ``now``; None when it may go well. ``target``: path and query."""
        struck: Fault | None = None
        for fault in self.faults:
            about = fault.matches(venue, target, now, is_candles=is_candles, is_funding=is_funding)
            if about and fault.strikes() and struck is None:
                struck = fault
        if struck is not None:
            struck.struck += 1
        return struck

    def strike_stream(
        self, kinds: Collection[str], venue: str, target: str, now: Instant, message: str
    ) -> Fault | None:
        """The fault of ``kinds`` that befalls a message, or a connection (``message`` is empty then); None if none does."""
        struck: Fault | None = None
        for fault in self.faults:
            is_such = fault.kind in kinds and fault.message in {None, message}
            if is_such and fault.is_about(venue, target, now) and fault.strikes() and struck is None:
                struck = fault
        if struck is not None:
            struck.struck += 1
        return struck

    def of_markets(self) -> list[Fault]:
        """The entries about markets."""
        return [fault for fault in self.faults if fault.kind in OF_MARKETS]

    def reset(self) -> None:
        """Start counting again."""
        for fault in self.faults:
            fault.met = fault.struck = 0
