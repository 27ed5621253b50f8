"""Everything the sandbox is, without sockets: clock, markets, faults, limits, counters.

What lives here: putting these together from options, and changing them while it runs (``control.Controlled``). What
does not: connections (``service``), what a venue answers (``dispatch``).
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TypedDict

from qmd_platform.errors import ConfigError
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, InstantLike, Window, iso
from qmd_platform.sandbox import archive, archive_defects, dispatch, faultfile, listed, spoiled_funding, tardis
from qmd_platform.sandbox.bodies import Bodies
from qmd_platform.sandbox.clock import Clock
from qmd_platform.sandbox.exchange import Answer, Exchange, Query
from qmd_platform.sandbox.faultfile import Faults
from qmd_platform.sandbox.faults import OF_FUNDING, OF_ROWS, Fault, FaultPlan
from qmd_platform.sandbox.funding import settlements_of
from qmd_platform.sandbox.limits import Limiter, Limits
from qmd_platform.sandbox.listed import Listings
from qmd_platform.sandbox.market import truth_of
from qmd_platform.sandbox.replay import Replay, load
from qmd_platform.sandbox.spoiled_rows import spoiled
from qmd_platform.sandbox.stats import Stats
from qmd_platform.sandbox.universe import Listing
from qmd_platform.sandbox.universe import listings as universe
from qmd_platform.sandbox.world import World


class Options(TypedDict, total=False):
    """What a sandbox is made from; all can be left out.

    now: freezes the venues' clock at this instant; without it the clock runs.
    speed: lets the clock run so many times as fast, from ``now`` or from the real time.
    stream_seconds: seconds between two WebSocket messages about a candle in progress (``streams.hub.PACES``; usually 2).
    replay: folder with a ``replay.toml`` of recorded series to serve.
    faults: TOML file with the fault plan, or its tables as mappings (``faults``).
    listings: TOML file with dates of listings, delistings, renames, or its tables as mappings (``listed``).
    gate_history_points: how many points back Gate serves (the real one: 10,000); all without it.
    limits: whether the venues' limits are enforced; a mapping such as ``{"gate": (50, 2.0)}`` enforces them with
        other numbers for a venue or ``venue.bucket``: weight in so many seconds.
    archive_files: TOML file with what is wrong with files of the archive (``archive_defects``).
    """

    now: InstantLike | None
    speed: float | None
    stream_seconds: int
    replay: Path | str | None
    faults: Faults | None
    listings: Listings | None
    gate_history_points: int | None
    limits: Limits
    archive_files: Path | str | None


class State:
    """A sandbox without sockets. ConfigError: a file or the time is not as it must be."""

    def __init__(self, options: Options) -> None:
        self.clock = Clock(options.get("now"), options.get("speed"))
        replay = options.get("replay")
        known = universe()
        recorded = Replay(known, {}, {}) if replay is None else load(Path(replay), known)
        self._universe = recorded.listings
        self.exchange = Exchange([], recorded.series, gate_history_points=options.get("gate_history_points"))
        self.exchange.recorded_funding.update(recorded.funding)
        self.exchange.replayed |= recorded.funding.keys()
        self.faults = faultfile.plan(options.get("faults"))
        self._world = World(self.exchange, listed.changed(self._universe, options.get("listings")), self.faults)
        self.limiter = Limiter(options.get("limits", False))
        files = options.get("archive_files")
        self.archive = archive.Archive(self.exchange, archive_defects.load(Path(files)) if files is not None else [])
        self.tardis = tardis.Tardis(self.exchange)
        self.stats = Stats()
        self.bodies = Bodies()

    def answer(self, path: str, query: Query, fault: Fault | None = None) -> Answer:
        """What goes back for ``path``, with wrong rows or a wrong time where that is what ``fault`` does."""
        now = self.told(path, fault)
        if path.startswith(archive.PREFIX):
            return self.archive.answer(path, now)
        if path.startswith(tardis.PREFIXES):
            return self.tardis.answer(path, query, now)
        if fault is not None and fault.kind in OF_FUNDING and dispatch.is_funding(path):
            return spoiled_funding.spoiled(dispatch.answer(self.exchange, path, query, now), fault)
        exchange = spoiled(self.exchange, fault) if fault is not None and fault.kind in OF_ROWS else self.exchange
        answer = dispatch.answer(exchange, path, query, now)
        if answer.ask is not None:
            self._world.asked(answer.ask.listing.market)
        return answer

    def told(self, path: str, fault: Fault | None) -> Instant:
        """The time by which ``path`` is answered."""
        skew = fault.seconds if fault is not None and fault.kind == "clock_skew" else 0
        has_rows = dispatch.is_candles(path) or dispatch.is_funding(path)
        return self.clock.now() + (0 if has_rows else round(skew * 1000))

    def may_keep(self, answer: Answer) -> bool:
        """Whether the same request gets the same answer until something is changed here."""
        if answer.ask is None or self._world.is_waiting:
            return False
        return answer.settled or self.clock.frozen is not None

    def figures(self) -> Mapping[str, object]:
        """All counters, as ``/__sandbox/stats`` shows them."""
        return {**self.stats.as_dict(self.clock.now()), "limits": self.limiter.as_dict()}

    def requests(self) -> list[dict[str, object]]:
        """Requests one by one, oldest first."""
        return self.stats.one_by_one()

    def reset(self) -> None:
        """Counters, limits and the counting of faults start again; clock and plans stay."""
        self.stats.reset()
        self.faults.reset()
        self.limiter.reset()
        self.archive.reset()
        self._world.reset()
        self.bodies.clear()

    def faults_met(self) -> list[dict[str, object]]:
        """The fault plan, without what an entry leaves open, and its counts."""
        return [_shown(fault) for fault in self.faults.faults]

    def set_faults(self, text: str, where: str) -> None:
        """Put the plan in TOML or JSON ``text`` in the place of the one before; ConfigError, nothing changed."""
        self._befall(faultfile.plan_of_text(text, where))

    def plan_faults(self, faults: Faults | None) -> None:
        """``set_faults`` with a file or mappings."""
        self._befall(faultfile.plan(faults))

    def _befall(self, plan: FaultPlan) -> None:
        self._world.befall(plan)
        self.faults = plan
        self.bodies.clear()

    def set_listings(self, text: str, where: str) -> None:
        """Put other dates of listings in the place of the ones before; ConfigError, nothing changed."""
        self._world.relist(listed.changed_by_text(self._universe, text, where))
        self.bodies.clear()

    def move_clock(self, now: InstantLike) -> Instant:
        """Set the clock that stands still; ConfigError where it runs."""
        moved = self.clock.move(now)
        self.bodies.clear()
        return moved

    def truth(self, market: Market, timeframe: Timeframe, window: Window) -> Candles:
        """The closed candles of ``market`` opening in ``window`` as they ought to end up in a lake by now.

        With all that has befallen the market until now: listing, delisting, gaps, holes, restatements.

        Raises:
            ConfigError: there is no such market, or it is replayed.
        """
        return truth_of(self._made(market), timeframe, window, self.clock.now())

    def settlements_truth(self, market: Market, window: Window) -> Settlements:
        """The settlements of ``market`` in ``window`` as they ought to end up in a lake by now. Raises as ``truth``."""
        return settlements_of(self._made(market), window, self.clock.now())

    def _made(self, market: Market) -> Listing:
        found = self.exchange.of_market(market)
        if found is None:
            raise ConfigError(f"the sandbox lists no market {market}")
        if market in self.exchange.replayed:
            raise ConfigError(f"{market} is replayed: its recording is the truth")
        return found


def _shown(fault: Fault) -> dict[str, object]:
    empty = Fault(fault.kind)
    shown: dict[str, object] = {"kind": fault.kind}
    for name in (one.name for one in fields(fault)):
        value = getattr(fault, name)
        if value != getattr(empty, name) or name in {"met", "struck"}:
            shown[name] = _written(value)
    return shown


def _written(value: object) -> object:
    if isinstance(value, Window):
        return {"start": iso(value.start), "end": iso(value.end)}
    return value if isinstance(value, int | float | str) else str(value)
