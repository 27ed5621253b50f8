"""What recovers when one part is killed (kill -9), how, and how long it takes. Nobody does anything but wait.

Each test takes a month out of the lake first, so that the gap sensor has something to ask for.
"""

import time
from uuid import uuid4

import dagster as dg
import pytest
import requests

from qmd_platform.model.series import Market, Partition, Series
from tests.conformance.figures import record
from tests.recovery.conftest import month
from tests.recovery.world import World, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

BTC = Market("binance", "BTC/USDT")
HEAL_SECONDS = 150


def lost(world: World, before: int = 1) -> Partition:
    """Take a month of minutes out of the lake."""
    world.heal(HEAL_SECONDS)
    partition = Partition(Series("candles_1m", BTC.venue, BTC.symbol), month(before))
    world.lose(partition)
    return partition


def at_work(world: World) -> dg.DagsterRun:
    """Wait for a run of candles that has begun, and is not done."""
    wanted = dg.RunsFilter(job_name="binance_candles", statuses=[dg.DagsterRunStatus.STARTED])
    found: list[dg.DagsterRun] = []

    def is_there() -> bool:
        with world.instance() as instance:
            found[:] = instance.get_runs(wanted)
        return bool(found)

    wait_for(is_there, 90, lambda: "no run was started", every=0.05)
    return found[0]


def run(world: World, run_id: str) -> dg.DagsterRun:
    with world.instance() as instance:
        found = instance.get_run_by_id(run_id)
    assert found is not None
    return found


def healed(world: World, what: str, **counts: int) -> None:
    """Everything is well again by itself; the time that took is kept."""
    seconds = world.heal(HEAL_SECONDS)
    assert world.differences() == []
    record(f"recovery, {what}", "sqlite+disk", trials=1, seconds=round(seconds), **counts)


def answers(world: World) -> bool:
    """Whether the webserver does."""
    try:
        return requests.get(f"{world.url}/server_info", timeout=2).ok
    except requests.RequestException:
        return False


def test_a_killed_run_worker_is_noticed_and_its_run_started_again(world: World):
    lost(world)
    first = at_work(world)
    assert world.kill("worker")
    wait_for(lambda: run(world, first.run_id).is_failure, 30, lambda: "its death was not noticed")
    healed(world, "run worker killed")
    with world.instance() as instance:
        again = instance.get_runs(dg.RunsFilter(tags={"dagster/parent_run_id": first.run_id}))
    assert [one.status for one in again] == [dg.DagsterRunStatus.SUCCESS]


def test_a_run_outlives_the_code_server_that_started_it_and_the_webserver_answers_again(world: World):
    lost(world)
    first = at_work(world)
    before = world.pids("inner code server")
    assert world.kill("inner code server")
    assert world.kill("webserver")
    began = time.monotonic()
    wait_for(lambda: answers(world), 60, lambda: "the webserver did not come back")
    record("recovery, webserver killed", "sqlite+disk", trials=1, seconds=round(time.monotonic() - began))
    healed(world, "code server killed during a run")
    assert run(world, first.run_id).is_success
    assert world.pids("inner code server")
    assert set(before).isdisjoint(world.pids("inner code server"))


def test_a_worker_that_died_with_its_code_server_is_missed_and_a_run_that_never_starts_is_ended(world: World):
    """Run monitoring does both. The run that does not start is one whose maker was killed before it was queued."""
    lost(world)
    first = at_work(world)
    stuck = dg.DagsterRun(job_name="binance_candles", run_id=str(uuid4()))
    with world.instance() as instance:
        instance.add_run(stuck)
    before = world.pids("code server")
    for part in ("code server", "inner code server", "worker"):
        assert world.kill(part)
    wait_for(lambda: run(world, first.run_id).is_failure, 60, lambda: "nobody missed it")
    healed(world, "run worker and code servers killed")
    assert run(world, stuck.run_id).is_failure
    assert set(before).isdisjoint(world.pids("code server"))


def test_an_exchange_that_was_away_is_asked_again(world: World):
    lost(world)
    assert world.kill("sandbox")
    first = at_work(world)
    wait_for(lambda: run(world, first.run_id).is_failure, 60, lambda: "nobody missed it")
    world.start_sandbox()
    healed(world, "exchange away")


def test_an_exchange_that_hangs_fails_the_step_with_a_reason_and_frees_its_place(world: World):
    partition = lost(world)
    fault = {"fault": [{"kind": "hang", "venue": "binance", "seconds": 600}]}
    requests.post(f"{world.venue_url}/__sandbox/faults", json=fault, timeout=10).raise_for_status()
    try:
        config = {"ops": {"binance__candles_1m": {"config": {"request_s": 1.0, "partition_s": 2.0, "run_s": 4.0}}}}
        hung = world.launch("binance_candles", partition.key, partition.key, ["candles_1m"], config)
        wait_for(lambda: run(world, hung).is_finished, 90, lambda: "it hangs with the exchange")
    finally:
        requests.post(f"{world.venue_url}/__sandbox/faults", json={"fault": []}, timeout=10).raise_for_status()
    with world.instance() as instance:
        failed = instance.all_logs(hung, of_type=dg.DagsterEventType.STEP_FAILURE)
    assert run(world, hung).is_failure
    (event,) = [entry.dagster_event for entry in failed]
    error = event.step_failure_data.error if event else None
    assert error is not None
    assert error.cause is not None
    assert "OutOfTime" in error.cause.message
    assert "the run's 4 s are over" in error.cause.message
    healed(world, "exchange hangs")


def test_daemon_and_code_server_killed_in_the_middle_of_ticks_lose_nothing_and_ask_for_nothing_twice(world: World):
    lost(world)
    began = time.time()
    kills = 0
    for part, wait in (("daemon", 1.2), ("inner code server", 2.1), ("daemon", 0.4)):
        time.sleep(wait)
        kills += world.kill(part)
        wait_for(lambda part=part: bool(world.pids(part)), 40, lambda: "not started again")
    healed(world, "ticks killed midway", kills=kills)
    with world.instance() as instance:
        runs = instance.get_run_records(dg.RunsFilter(tags={"dagster/sensor_name": "binance_gaps"}))
    keys = [one.dagster_run.tags["dagster/run_key"] for one in runs if one.create_timestamp.timestamp() > began]
    roots = [one.dagster_run for one in runs if one.dagster_run.parent_run_id is None]
    assert kills >= 3
    assert keys
    assert len({one.tags["dagster/run_key"] for one in roots}) == len(roots)
