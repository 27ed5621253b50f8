"""A range of the agenda: neighbouring markets x consecutive months, and what becomes of their gaps. Pure.

What lives here: the range, its name for an orchestrator, its sentence. What does not: which ranges there are
(``coverage.agenda``).
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from qmd_platform.coverage.gaps import Gap
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import State, united
from qmd_platform.model.timeframe import Timeframe, timeframe
from qmd_platform.model.window import Instant, Window, iso

TOLD = 3
"""Kinds of gaps a sentence names; all are counted."""

DIGITS = 24
"""Hex digits of the digest in a key."""


class Verdict(StrEnum):
    """What becomes of a gap now."""

    ASK = "ask"
    LATER = "later"
    IN_FLIGHT = "in flight"
    WAIT = "wait"
    NEVER = "never"


@dataclass(frozen=True)
class Range:
    """Candles of one venue and timeframe: every one of ``markets`` in every one of ``months`` has gaps with this verdict.

    Attributes:
        verdict: what becomes of these gaps.
        table, venue: whose.
        markets: neighbours in the orchestrator's order, first to last.
        months: consecutive, oldest first.
        gaps: by partition; every partition of the range is there. Windows are inside the partition's month.
        requests: about how many it takes; 0 for candles that are rolled up.
        why: what the verdict follows from, where the gaps do not say it.
    """

    verdict: Verdict
    table: str
    venue: str
    markets: tuple[Market, ...]
    months: tuple[str, ...]
    gaps: Mapping[Partition, tuple[Gap, ...]]
    requests: int
    why: str = ""

    @property
    def timeframe(self) -> Timeframe:
        """The candles' timeframe."""
        return timeframe(self.table.removeprefix("candles_"))

    @property
    def partitions(self) -> list[Partition]:
        """Every partition, market by market."""
        return sorted(self.gaps, key=lambda one: (self.markets.index(one.series.market), one.month))

    @cached_property
    def windows(self) -> dict[Series, list[Window]]:
        """What to ask for of each series: its gaps, touching ones joined."""
        found: dict[Series, list[Window]] = defaultdict(list)
        for partition in self.partitions:
            found[partition.series] += [gap.window for gap in self.gaps[partition]]
        return {series: united(windows) for series, windows in found.items()}

    @property
    def candles(self) -> int:
        """How many candles the gaps are."""
        step = self.timeframe.step
        return sum(gap.window.steps(step) for gap in self._all())

    @property
    def due_at(self) -> Instant | None:
        """When the first of the gaps is due; None when none ever is."""
        return min((gap.due_at for gap in self._all() if gap.due_at is not None), default=None)

    @cached_property
    def key(self) -> str:
        """A name that changes if and only if the question does: the same gaps, asked as often, have the same one."""
        lines = [
            f"{self.table} {self.venue} {' '.join(market.slug for market in self.markets)} {' '.join(self.months)}"
        ]
        lines += [
            f"{partition} {gap.window.start} {gap.window.end} {gap.state} {gap.asks}"
            for partition in self.partitions
            for gap in self.gaps[partition]
        ]
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        return f"{self.venue}|{self.table}|{digest[:DIGITS]}"

    @property
    def sentence(self) -> str:
        """What is done about which candles, and why, for a log."""
        return f"{self.where}: {_does(self)}: {self.what}"

    @property
    def where(self) -> str:
        """Which markets and months: ``binance:BTC/USDT:1m 2026-09 to 2026-11``."""
        first, last = self.markets[0], self.markets[-1]
        step = self.timeframe.value
        names = (
            f"{first}:{step}" if first == last else f"{first} to {last.symbol} ({len(self.markets)} markets), {step}"
        )
        months = self.months[0] if len(self.months) == 1 else f"{self.months[0]} to {self.months[-1]}"
        return f"{names}, {months}"

    @property
    def what(self) -> str:
        """The gaps, counted by what is known of them: ``12 candles missing, asked for 3 times (...)``."""
        counted: Counter[str] = Counter()
        step = self.timeframe.step
        for gap in self._all():
            counted[known_of(gap)] += gap.window.steps(step)
        told = [f"{_counted(candles, 'candle')} {known}" for known, candles in counted.most_common(TOLD)]
        more = len(counted) - len(told)
        return "; ".join([*told, *([f"and {_counted(more, 'more kind')} of gaps"] if more else [])])

    def _all(self) -> Iterable[Gap]:
        return (gap for found in self.gaps.values() for gap in found)


def known_of(gap: Gap) -> str:
    """What is known of a gap, in words."""
    if not gap.asks and gap.state is State.MISSING and not gap.cause:
        return "never asked for"
    times = {0: "not asked for since", 1: "asked for once", 2: "asked for twice"}.get(
        gap.asks, f"asked for {gap.asks} times"
    )
    return f"{gap.state.value.replace('_', ' ')}, {times}" + (f" ({gap.cause})" if gap.cause else "")


def _does(one: Range) -> str:
    if one.verdict is Verdict.ASK:
        return (
            f"asked now, in about {_counted(one.requests, 'request')}"
            if one.requests
            else "made now from shorter candles"
        )
    if one.verdict is Verdict.WAIT:
        return f"not before {iso(one.due_at or 0)}"
    if one.verdict is Verdict.LATER:
        return f"left for later, about {_counted(one.requests, 'request')}: {one.why}"
    return "a run is at it" if one.verdict is Verdict.IN_FLIGHT else "not asked for again, no API has it"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
