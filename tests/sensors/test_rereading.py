"""When history is read again, and which night's or week's turn it is."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import dagster as dg
import pytest

from sensors.rereading import rereading_job, rereading_schedules

NIGHT = datetime(2026, 11, 23, 1, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    folder = str(tmp_path_factory.mktemp("instance"))
    with dg.DagsterInstance.local_temp(folder, {"telemetry": {"enabled": False}}) as made:
        yield made


def asked(instance: dg.DagsterInstance, when: int, now: datetime = NIGHT) -> dg.RunRequest | dg.SkipReason:
    """What the nightly (0) or the weekly (1) schedule asks for."""
    schedule = rereading_schedules("gate", rereading_job("gate"))[when]
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=now) as context:
        return schedule(context)


@pytest.mark.parametrize("when", [0, 1])
def test_a_run_is_told_whose_turn_it_is(instance: dg.DagsterInstance, when: int):
    request = asked(instance, when)
    assert isinstance(request, dg.RunRequest)
    (config,) = request.run_config["ops"].values()
    assert config == {"config": {"whole_months": bool(when), "at": "2026-11-23"}}


def test_nights_and_weeks_have_keys_of_their_own(instance: dg.DagsterInstance):
    requests = [asked(instance, 0), asked(instance, 1), asked(instance, 0, NIGHT.replace(day=24))]
    keys = [request.run_key for request in requests if isinstance(request, dg.RunRequest)]
    assert len(set(keys)) == 3


def test_while_one_is_at_it_no_other_is_started(instance: dg.DagsterInstance):
    run = dg.DagsterRun("gate_rereading", str(uuid4()), status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
    assert isinstance(asked(instance, 1), dg.SkipReason)
    instance.report_run_failed(run)
    assert isinstance(asked(instance, 1), dg.RunRequest)
