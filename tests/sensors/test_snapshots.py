"""The schedule that looks at perpetuals: when, over which months, and why it leaves off."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from qmd_platform.config import Universe
from sensors.snapshots import CRON, snapshots_job, snapshots_schedule
from sensors.universe import align
from tests.graph import universe_in

RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@pytest.fixture
def universe(tmp_path: Path) -> Universe:
    return universe_in(tmp_path)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path), {"telemetry": {"enabled": False}}) as made:
        yield made


def looked(universe: Universe, instance: dg.DagsterInstance, *when: int) -> dg.RunRequest | dg.SkipReason:
    venue = universe.venues["binance"]
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=datetime(*when, tzinfo=UTC)) as context:
        return snapshots_schedule(venue, snapshots_job(venue), universe.first_month)(context)


def test_every_quarter_of_an_hour_the_month_is_looked_at_and_on_its_first_day_the_one_before(
    universe: Universe, instance: dg.DagsterInstance
):
    waits = looked(universe, instance, 2026, 11, 21, 5, 25)
    assert isinstance(waits, dg.SkipReason)
    assert "universe sensor" in str(waits.skip_message)
    align(instance, universe)
    for when, months in (
        ((2026, 11, 21, 5, 25), ["2026-11", "2026-11"]),
        ((2026, 12, 1, 0, 10), ["2026-11", "2026-12"]),
        ((2024, 2, 1, 0, 10), ["2024-02", "2024-02"]),
    ):
        asked = looked(universe, instance, *when)
        assert isinstance(asked, dg.RunRequest)
        assert [asked.tags[name] for name in RANGE] == months
    early = looked(universe, instance, 2024, 1, 31, 23, 55)
    assert isinstance(early, dg.SkipReason)
    assert "2024-02" in str(early.skip_message)
    minutes = sorted(int(minute) for minute in CRON.split()[0].split(","))
    assert [b - a for a, b in zip(minutes, [*minutes[1:], minutes[0] + 60], strict=True)] == [15] * 4
    assert 55 in minutes, "five minutes before every settlement, which is on a full hour"


def test_while_an_earlier_look_is_unfinished_no_other_is_asked_for(universe: Universe, instance: dg.DagsterInstance):
    align(instance, universe)
    instance.add_run(dg.DagsterRun(job_name="binance_snapshots", run_id="one", status=dg.DagsterRunStatus.STARTED))
    waits = looked(universe, instance, 2026, 11, 21, 5, 25)
    assert isinstance(waits, dg.SkipReason)
    assert "run one of this job has not finished" in str(waits.skip_message)
