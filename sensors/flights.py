"""What is in flight: the partitions that some run is filling, is about to fill, or will fill again after a crash.

What lives here: Dagster's runs and backfills, whoever started them, as the library's partitions. What does not: what
follows from it (``sensors.gaps``).

A run covers a rectangle: its market range, in the order of the dynamic partitions, times its month range.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    AUTO_RETRY_RUN_ID_TAG,
    PARTITION_NAME_TAG,
    WILL_RETRY_TAG,
)

from qmd_platform.model.series import Market, Partition, Series
from sensors.schedules import UNFINISHED

if TYPE_CHECKING:
    from dagster._core.execution.backfill import PartitionBackfill

RETRY_SECONDS = 120
"""A failed run that Dagster said it would start again counts as in flight for so long; then it was forgotten."""

Flights = Mapping[Partition, str]
"""Partitions in flight, each with what is at it, in words: ``run 12ab34cd is at it``."""


@dataclass(frozen=True, slots=True)
class Field:
    """One venue's partitions as Dagster has them.

    Attributes:
        venue: its name.
        slugs: its markets in Dagster's order.
        months: oldest first.
        tables: of candles, base first.
        job: the job that fills all of them.
    """

    venue: str
    slugs: Sequence[str]
    months: Sequence[str]
    tables: Sequence[str]
    job: str

    @property
    def markets(self) -> list[Market]:
        """The markets in Dagster's order."""
        return [Market.from_slug(slug) for slug in self.slugs]

    def flights(self, instance: dg.DagsterInstance) -> Flights:
        """Every partition of the venue that is in flight."""
        from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus  # noqa: PLC0415 - slow, and only a tick needs it

        found: dict[Partition, str] = {}
        for run in _at_work(instance):
            for partition in self._of_run(run):
                found.setdefault(partition, f"run {run.run_id[:8]} is at it")
        for backfill in instance.get_backfills(BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED])):
            for partition in self._of_backfill(backfill):
                found.setdefault(partition, f"backfill {backfill.backfill_id} will be at it")
        return found

    def _of_run(self, run: dg.DagsterRun) -> Iterator[Partition]:
        first = run.tags.get(ASSET_PARTITION_RANGE_START_TAG) or run.tags.get(PARTITION_NAME_TAG)
        last = run.tags.get(ASSET_PARTITION_RANGE_END_TAG) or first
        if first is None or last is None:
            return
        for table in self._tables_of(run):
            for slug in self._between(self.slugs, first.partition("|")[0], last.partition("|")[0]):
                market = Market.from_slug(slug)
                for month in self._between(self.months, first.partition("|")[2], last.partition("|")[2]):
                    yield Partition(Series(table, market.venue, market.symbol), month)

    def _tables_of(self, run: dg.DagsterRun) -> list[str]:
        if run.asset_selection is None:
            return list(self.tables) if run.job_name == self.job else []
        keys = {tuple(key.path) for key in run.asset_selection}
        return [table for table in self.tables if (self.venue, table) in keys]

    @staticmethod
    def _between(known: Sequence[str], first: str, last: str) -> Sequence[str]:
        if first not in known or last not in known:
            return ()
        return known[known.index(first) : known.index(last) + 1]

    def _of_backfill(self, backfill: "PartitionBackfill") -> Iterator[Partition]:
        """What the backfill will yet ask for; what it has asked for are runs."""
        data = backfill.asset_backfill_data
        if data is None:
            return
        for table in self.tables:
            key = dg.AssetKey([self.venue, table])
            if key not in data.target_subset.asset_keys:
                continue
            keys = set(data.target_subset.get_partitions_subset(key).get_partition_keys())
            if key in data.requested_subset.asset_keys:
                keys -= set(data.requested_subset.get_partitions_subset(key).get_partition_keys())
            for name in sorted(map(str, keys)):
                yield Partition.from_key(table, name)


def _at_work(instance: dg.DagsterInstance) -> Iterator[dg.DagsterRun]:
    """Unfinished runs, and those that failed a moment ago and are about to be started again."""
    for record in instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED)):
        yield record.dagster_run
    failed = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE],
        tags={WILL_RETRY_TAG: "true"},
        updated_after=datetime.fromtimestamp(time.time() - RETRY_SECONDS, UTC),
    )
    for record in instance.get_run_records(failed):
        if AUTO_RETRY_RUN_ID_TAG not in record.dagster_run.tags:
            yield record.dagster_run
