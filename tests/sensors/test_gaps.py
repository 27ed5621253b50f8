"""The gap sensor: what it asks for, in which words, and what it leaves to others."""

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.execution.asset_backfill import AssetBackfillData
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from qmd_platform.config import Universe, open_lake
from qmd_platform.coverage.causes import TOO_OLD
from qmd_platform.definitions import build_definitions
from qmd_platform.lake.store import Write
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, month_window
from qmd_platform.sandbox.market import truth
from sensors import gaps as sensing
from sensors.gaps import gap_sensor
from sensors.schedules import candles_job
from sensors.universe import align
from sensors.wishes import TAG, VENUE_TAG, Vain, Wish, in_vain
from tests.graph import universe_in
from tests.sensors.ticking import (
    BEFORE,
    BTC,
    DAY,
    ETH,
    LAST,
    NOW,
    RANGE,
    UNIVERSE,
    Tick,
    Ticking,
    held,
    started,
    tables,
    told,
    whole_lake,
)


@pytest.fixture
def universe(tmp_path: Path) -> Universe:
    return universe_in(tmp_path, UNIVERSE.replace('native = ["1w"]\n', ""))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """An instance on disk: a sensor opens it by its folder."""
    folder = str(tmp_path_factory.mktemp("instance"))
    with dg.DagsterInstance.local_temp(folder, {"telemetry": {"enabled": False}}) as made:
        yield made


@pytest.fixture
def instance(stored: dg.DagsterInstance, universe: Universe) -> Iterator[dg.DagsterInstance]:
    """The same, empty but for the universe's markets."""
    align(stored, universe)
    yield stored
    for run in stored.get_runs():
        stored.delete_run(run.run_id)
    for key in stored.all_asset_keys():
        stored.wipe_assets([key])
    for backfill in stored.get_backfills():
        stored.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED))


@pytest.fixture
def tick(universe: Universe, instance: dg.DagsterInstance) -> Ticking:
    return lambda: Tick(universe, instance)


def test_an_empty_lake_is_asked_for_as_one_range_with_all_that_is_made_of_it(tick: Ticking):
    (asked,) = tick().asked
    assert [asked.tags[name] for name in RANGE] == [f"binance~BTC-USDT|{BEFORE}", f"binance~ETH-USDT|{LAST}"]
    assert tables(asked) == ["candles_1h", "candles_4h", "candles_1d"]
    assert asked.run_config == {"ops": {"binance__candles_1h": {"config": {"recheck": True, "patient": True}}}}
    assert int(asked.tags["dagster/priority"]) < 0


def test_each_decision_is_a_line_of_the_log(tick: Ticking):
    looked = tick()
    assert any("asked now" in line and "never asked for" in line for line in looked.said)


def test_the_same_gaps_have_the_same_run_key_and_other_gaps_another(tick: Ticking):
    first, again = tick().asked[0].run_key, tick().asked[0].run_key
    assert first == again
    held(BTC, BEFORE)
    assert first not in [asked.run_key for asked in tick().asked]


def test_what_a_run_is_at_is_not_asked_for_again(tick: Ticking, instance: dg.DagsterInstance):
    run = started(instance, tick().asked[0])
    looked = tick()
    assert looked.asked == []
    assert any(f"run {run.run_id[:8]} is at it" in line for line in looked.said)
    assert "in the hands of runs" in looked.skipped


@pytest.mark.parametrize(
    "tags",
    [
        {RANGE[0]: f"binance~BTC-USDT|{BEFORE}", RANGE[1]: f"binance~ETH-USDT|{LAST}"},
        {"dagster/partition": f"binance~BTC-USDT|{LAST}"},
        {RANGE[0]: f"binance~BTC-USDT|{LAST}", RANGE[1]: f"binance~BTC-USDT|{LAST}"},
    ],
    ids=["a schedule's range", "a person's one partition", "a range of one"],
)
def test_a_run_that_anybody_else_started_is_respected_too(
    tick: Ticking, instance: dg.DagsterInstance, tags: dict[str, str]
):
    instance.add_run(dg.DagsterRun("binance_candles", str(uuid4()), status=dg.DagsterRunStatus.STARTING, tags=tags))
    for asked in tick().asked:
        assert not (asked.tags[RANGE[0]].startswith("binance~BTC") and asked.tags[RANGE[1]].endswith(LAST))


def test_what_a_backfill_will_yet_ask_for_is_left_to_it(
    tick: Ticking, instance: dg.DagsterInstance, universe: Universe
):
    graph = build_definitions(universe).resolve_asset_graph()
    key = dg.AssetKey(["binance", "candles_1h"])
    definition = graph.get(key).partitions_def
    subset = definition.subset_with_partition_keys([f"binance~BTC-USDT|{LAST}", f"binance~BTC-USDT|{BEFORE}"])
    target = dg._core.definitions.assets.graph.asset_graph_subset.AssetGraphSubset({key: subset})  # noqa: SLF001 - what a backfill keeps
    data = AssetBackfillData.empty(target, time.time(), None)
    instance.add_backfill(
        PartitionBackfill(
            "abcdef",
            BulkActionStatus.REQUESTED,
            from_failure=False,
            tags={},
            backfill_timestamp=time.time(),
            asset_selection=[key],
            asset_backfill_data=data,
            title=None,
            description=None,
        )
    )
    looked = tick()
    assert [asked.tags[RANGE[0]] for asked in looked.asked if "candles_1h" in tables(asked)] == [
        f"binance~ETH-USDT|{BEFORE}"
    ]
    assert any("backfill abcdef will be at it" in line for line in looked.said)


def test_a_killed_run_does_not_silence_its_gap(tick: Ticking, instance: dg.DagsterInstance):
    first = tick().asked[0]
    instance.report_run_failed(started(instance, first))
    (again,) = tick().asked
    assert again.tags[TAG] == first.tags[TAG]
    assert again.run_key != first.run_key


def test_a_gap_whose_runs_keep_failing_waits_longer_and_longer(tick: Ticking, instance: dg.DagsterInstance):
    waits = []
    for _ in range(4):
        looked = tick()
        if looked.asked:
            instance.report_run_failed(started(instance, looked.asked[0]))
            continue
        waits.append(next(line for line in looked.said if "in vain, so not before" in line))
    assert waits
    assert "2 runs for it ended in vain" in waits[0]


def test_runs_that_ended_before_the_partition_changed_are_not_in_vain(instance: dg.DagsterInstance, universe: Universe):
    """Their gap was closed since, and is open again: a file was damaged."""
    venue = universe.venues["binance"]
    wish = Wish(venue, ("candles_1h",), (BTC,), (BEFORE,), "binance|x", "why")
    for _ in range(3):
        instance.report_run_failed(started(instance, wish.request(0)))
    (partition,) = wish.partitions
    later = time.time_ns() // 1_000_000 + DAY
    assert in_vain(instance, [wish], {partition: later})[wish.key] == Vain(generation=3)
    found = in_vain(instance, [wish], {partition: 0})[wish.key]
    assert (found.generation, found.ends) == (3, 3)
    assert found.due_at > later - DAY


FAILED, RETRIED = {"dagster/failure_reason": "STEP_FAILURE"}, {"dagster/auto_retry_run_id": "another"}


@pytest.mark.parametrize(
    ("tags", "runs", "minutes"),
    [
        ({}, 1, 0),
        ({}, 2, 1),
        ({}, 9, 1),
        (FAILED, 1, 0),
        (FAILED, 2, 1),
        (FAILED, 3, 4),
        (FAILED, 4, 16),
        (FAILED, 9, 16),
        (RETRIED, 9, 0),
    ],
)
def test_runs_that_fail_wait_longer_than_runs_that_are_killed(
    instance: dg.DagsterInstance, universe: Universe, tags: dict[str, str], runs: int, minutes: int
):
    wish = Wish(universe.venues["binance"], ("candles_1h",), (BTC,), (BEFORE,), "binance|x", "why")
    for _ in range(runs):
        run = started(instance, wish.request(0))
        instance.report_run_failed(run)
        instance.add_run_tags(run.run_id, tags)
    found = in_vain(instance, [wish], {})[wish.key]
    assert found.due_at == (found.last_at + minutes * 60_000 if minutes else 0)


def test_a_failed_run_that_dagster_starts_again_is_still_in_flight(tick: Ticking, instance: dg.DagsterInstance):
    run = started(instance, tick().asked[0])
    instance.report_run_failed(run)
    instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
    assert tick().asked == []
    instance.add_run_tags(run.run_id, {"dagster/auto_retry_run_id": "another"})
    assert tick().asked


def test_more_runs_than_are_of_use_are_not_queued(tick: Ticking, instance: dg.DagsterInstance):
    for _ in range(sensing.RUNS_AT_ONCE):
        run = dg.DagsterRun("y", str(uuid4()), status=dg.DagsterRunStatus.STARTING, tags={VENUE_TAG: "binance"})
        instance.add_run(run)
    looked = tick()
    assert looked.asked == []
    assert "wait until there is room" in looked.skipped


def test_dagster_is_told_of_what_came_into_the_lake_without_it(tick: Ticking, instance: dg.DagsterInstance):
    whole_lake()
    (asked,) = tick().asked
    assert tables(asked) == ["candles_1h", "candles_4h", "candles_1d"]
    told(instance)
    looked = tick()
    assert looked.skipped == "nothing is missing"
    assert looked.cursor


def test_a_tick_that_had_nothing_to_do_is_believed_until_the_lake_changes(
    tick: Ticking, universe: Universe, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    whole_lake()
    started(instance, tick().asked[0])
    in_flight = tick()
    assert in_flight.skipped
    assert in_flight.cursor is None  # runs end, and then it is another matter
    for run in instance.get_runs():
        instance.delete_run(run.run_id)
    told(instance)
    cursor = tick().cursor
    with monkeypatch.context() as blind:
        blind.setattr(sensing, "lacking", lambda *rest, **named: pytest.fail("it looked"))
        assert Tick(universe, instance, cursor).skipped == "nothing is missing"
    with open_lake() as lake:
        lake.claim_world("live")
        start = month_window(BEFORE).start
        other = Write(
            Partition(Series("candles_1h", "binance", "SOL/USDT"), BEFORE),
            truth(BTC, Timeframe.H1, Window(start, start + DAY), NOW).to_arrow(),
            asked=(Window(start, start + DAY),),
        )
        lake.commit([other], run_id="x", source="live:binance")
    assert Tick(universe, instance, cursor).cursor not in {None, cursor}


def test_what_no_api_has_is_never_asked_for_and_never_taken_as_there(tick: Ticking):
    start = month_window(BEFORE).start
    gap = Run(Window(start, start + DAY), State.MISSING, TOO_OLD)
    held(BTC, BEFORE, explained=(gap,))
    for market, month in ((BTC, LAST), (ETH, BEFORE), (ETH, LAST)):
        held(market, month)
    looked = tick()
    assert not any("asked now" in line for line in looked.said), looked.said
    assert any("no API has it" in line for line in looked.said)
    with open_lake() as lake:
        runs = lake.coverage(Series.candles(BTC, Timeframe.H1), gap.window)
    assert {run.state for run in runs} == {State.MISSING}


def test_a_lake_of_the_other_world_is_left_alone(tick: Ticking):
    with open_lake() as lake:
        lake.claim_world("sandbox")
    assert "the lake holds sandbox data, and the venues are live" in tick().skipped


def test_without_partitions_it_says_what_it_waits_for(universe: Universe, instance: dg.DagsterInstance):
    for slug in instance.get_dynamic_partitions("binance_markets"):
        instance.delete_dynamic_partition("binance_markets", slug)
    assert "universe sensor" in Tick(universe, instance).skipped


def test_an_exchange_is_asked_only_after_a_person_said_so_a_sandbox_at_once(
    universe: Universe, monkeypatch: pytest.MonkeyPatch
):
    venue = universe.venues["binance"]
    assert gap_sensor(venue, candles_job(venue), universe).default_status is dg.DefaultSensorStatus.STOPPED
    monkeypatch.setenv("QMD_VENUE_URL", "http://127.0.0.1:1")
    assert gap_sensor(venue, candles_job(venue), universe).default_status is dg.DefaultSensorStatus.RUNNING


def test_how_often_it_looks_is_a_setting(universe: Universe, monkeypatch: pytest.MonkeyPatch):
    venue = universe.venues["binance"]
    assert gap_sensor(venue, candles_job(venue), universe).minimum_interval_seconds == 30
    monkeypatch.setenv("QMD_GAP_SECONDS", "300")
    assert gap_sensor(venue, candles_job(venue), universe).minimum_interval_seconds == 300
