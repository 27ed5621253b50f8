"""Wishes: the runs that would close the gaps of an agenda, each with its key, and how long one that failed waits.

What lives here: ranges to run requests, how often runs of the same gap have ended in vain. What does not: which ranges
(``qmd_platform.coverage.agenda``), the sensor (``sensors.gaps``).
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.events import RunFailureReason
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, RUN_FAILURE_REASON_TAG

from assets.candles import key_of, run_config
from qmd_platform.config import VenueUniverse
from qmd_platform.coverage.ranges import Range
from qmd_platform.coverage.recheck import next_ask
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import State
from qmd_platform.model.timeframe import timeframe
from qmd_platform.model.window import Instant
from sensors.schedules import BEHIND

TAG = "qmd/gap"
"""A run's tag: the name of the gaps that it is for."""

VENUE_TAG = "qmd/venue"
"""A run's tag: the venue whose gaps it is for."""

LONGEST_WAIT = 3
"""Runs that fail wait for as long as after so many: 16 minutes. An exchange that is back is not left alone for a day."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One run: some tables of neighbouring markets in consecutive months.

    Attributes:
        venue: whose.
        tables: to be filled, the one that the others are made of first.
        markets: neighbours in Dagster's order.
        months: oldest first.
        key: changes if and only if what is asked for does.
        why: in words, for the log.
    """

    venue: VenueUniverse
    tables: tuple[str, ...]
    markets: tuple[Market, ...]
    months: tuple[str, ...]
    key: str
    why: str

    @property
    def partitions(self) -> Iterator[Partition]:
        """All that the run touches."""
        for table in self.tables:
            for market in self.markets:
                for month in self.months:
                    yield Partition(Series(table, market.venue, market.symbol), month)

    def request(self, generation: int) -> dg.RunRequest:
        """The run, for the ``generation``-th time."""
        asked = {timeframe.value for timeframe in (self.venue.base, *self.venue.native)}
        fetched = [table for table in self.tables if table.removeprefix("candles_") in asked]
        return dg.RunRequest(
            run_key=f"{self.key}|{generation}",
            asset_selection=[dg.AssetKey([self.venue.venue, table]) for table in self.tables],
            tags={
                "dagster/asset_partition_range_start": f"{self.markets[0].slug}|{self.months[0]}",
                "dagster/asset_partition_range_end": f"{self.markets[-1].slug}|{self.months[-1]}",
                TAG: self.key,
                VENUE_TAG: self.venue.venue,
                **BEHIND,
            },
            run_config=run_config(self.venue.venue, fetched, recheck=True, patient=True),
        )


def fetching(venue: VenueUniverse, ranges: Iterable[Range]) -> list[Wish]:
    """A run for each range; what is made of a base's candles follows them in the same run."""
    base = key_of(venue, venue.base).path[-1]
    derived = tuple(key_of(venue, timeframe).path[-1] for timeframe in venue.derived)
    return [
        Wish(
            venue,
            (one.table, *(derived if one.table == base else ())),
            one.markets,
            one.months,
            one.key,
            one.sentence,
        )
        for one in ranges
    ]


def making(venue: VenueUniverse, ranges: Iterable[Range]) -> list[Wish]:
    """A run for the ranges of the same markets and months, whatever their tables."""
    alike: dict[tuple[tuple[Market, ...], tuple[str, ...]], list[Range]] = defaultdict(list)
    for one in ranges:
        alike[one.markets, one.months].append(one)
    return [
        Wish(
            venue,
            tuple(sorted((one.table for one in same), key=_length)),
            markets,
            months,
            digest(venue.venue, *(one.key for one in same)),
            "; ".join(one.sentence for one in same),
        )
        for (markets, months), same in alike.items()
    ]


def digest(venue: str, *said: str) -> str:
    """A key of all that was said."""
    return f"{venue}|{hashlib.sha256(chr(10).join(said).encode()).hexdigest()[:24]}"


def _length(table: str) -> int:
    return timeframe(table.removeprefix("candles_")).step


@dataclass(frozen=True, slots=True)
class Vain:
    """What became of the runs of one key.

    Attributes:
        generation: how many have ended, ever.
        ends: how many since anything was committed to their partitions: these were in vain. One that was killed and
            that Dagster has started again has not ended.
        failed: how many of them failed by themselves: they were not killed.
        last_at: when the last of them ended, epoch ms.
    """

    generation: int = 0
    ends: int = 0
    failed: int = 0
    last_at: Instant = 0

    @property
    def due_at(self) -> Instant:
        """When there may be another: after the first at once, then a minute later; 4 and 16 where they failed."""
        if self.ends <= 1:
            return 0
        return next_ask(State.MISSING, "", max(min(self.ends - 1, self.failed, LONGEST_WAIT), 1), self.last_at) or 0


def in_vain(
    instance: dg.DagsterInstance, wishes: Collection[Wish], committed: Mapping[Partition, Instant]
) -> Mapping[str, Vain]:
    """By key, of every wish: what became of its runs so far; ``committed`` is when each partition changed last.

    A gap that was closed and is open again, because a file was damaged, may have the key that it had before.
    """
    found = dict.fromkeys((wish.key for wish in wishes), Vain())
    if not found:
        return found
    since = {wish.key: max((committed.get(one, 0) for one in wish.partitions), default=0) for wish in wishes}
    for record in instance.get_run_records(dg.RunsFilter(tags={TAG: list(found)})):
        if not record.dagster_run.is_finished:
            continue
        tags = record.dagster_run.tags
        before = found[tags[TAG]]
        ended = round((record.end_time or record.update_timestamp.timestamp()) * 1000)
        is_vain = ended >= since[tags[TAG]] and AUTO_RETRY_RUN_ID_TAG not in tags
        found[tags[TAG]] = Vain(
            before.generation + 1,
            before.ends + is_vain,
            before.failed + (is_vain and tags.get(RUN_FAILURE_REASON_TAG) == RunFailureReason.STEP_FAILURE.value),
            max(before.last_at, ended) if is_vain else before.last_at,
        )
    return found


def partitions(wishes: Sequence[Wish]) -> set[Partition]:
    """All that the runs would touch."""
    return {partition for wish in wishes for partition in wish.partitions}
