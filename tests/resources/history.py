"""A small Dagster history with one of everything, and what an instance says of it.

What lives here: making it, asking about it. What does not: moving it (``test_moving``).
"""

from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)

MARKETS = dg.DynamicPartitionsDefinition(name="markets")
DAYS = dg.StaticPartitionsDefinition(["monday", "tuesday", "wednesday"])

PRICES, SPREAD, WIPED = dg.AssetKey(["venue", "prices"]), dg.AssetKey(["venue", "spread"]), dg.AssetKey("wiped")

STEPS = {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_OUTPUT, dg.DagsterEventType.STEP_SUCCESS}

ORIGIN = RemoteInstigatorOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("qmd_platform"), "__repository__"), "s"
)


@dg.asset(key=PRICES, partitions_def=MARKETS, check_specs=[dg.AssetCheckSpec("whole", asset=PRICES)])
def prices(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    if context.partition_key == "broken":
        raise dg.Failure("this market is broken")
    is_whole = context.partition_key != "holed"
    return dg.MaterializeResult(
        metadata={"rows": len(context.partition_key)},
        data_version=dg.DataVersion(context.partition_key),
        check_results=[dg.AssetCheckResult(passed=is_whole, check_name="whole", metadata={"holes": 1 - is_whole})],
        tags={"colour": "red"},
    )


@dg.asset(key=SPREAD, deps=[PRICES], partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def spread(context: dg.AssetExecutionContext) -> None:
    for key in context.partition_keys:
        context.add_asset_metadata({"day": key}, partition_key=key)


@dg.asset(key=WIPED)
def wiped() -> None: ...


DEFINITIONS = dg.Definitions(assets=[prices, spread, wiped], executor=dg.in_process_executor)


def run(instance: dg.DagsterInstance, key: dg.AssetKey, **how: Any) -> dg.ExecuteInProcessResult:
    job = DEFINITIONS.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(instance=instance, asset_selection=[key], raise_on_error=False, **how)


def make(instance: dg.DagsterInstance) -> None:
    """Live through it."""
    instance.add_dynamic_partitions("markets", ["sound", "holed", "broken", "empty"])
    for market in ("sound", "holed", "broken", "sound"):
        run(instance, PRICES, partition_key=market)
    days = {"dagster/asset_partition_range_start": "monday", "dagster/asset_partition_range_end": "tuesday"}
    run(instance, SPREAD, tags=days)
    run(instance, WIPED)
    instance.wipe_assets([WIPED])
    instance.report_runless_asset_event(dg.AssetMaterialization(SPREAD, partition="wednesday"))
    instance.report_runless_asset_event(dg.AssetObservation(PRICES, partition="sound", metadata={"seen": True}))
    instance.event_log_storage.set_concurrency_slots("lake", 1)
    instance.daemon_cursor_storage.set_cursor_values({"EVENT_LOG_CONSUMER_CURSOR-RUN_FAILURE": "7"})
    state = InstigatorState(ORIGIN, InstigatorType.SENSOR, InstigatorStatus.RUNNING, SensorInstigatorData(cursor="11"))
    instance.add_instigator_state(state)
    tick = TickData(
        ORIGIN.get_id(),
        "s",
        InstigatorType.SENSOR,
        TickStatus.SKIPPED,
        1.5,
        skip_reason="none",
        selector_id=state.selector_id,
    )
    instance.create_tick(tick)


def answers(instance: dg.DagsterInstance) -> dict[str, Any]:
    """What the instance says, by question."""
    records = instance.get_run_records()
    return {
        "runs": [
            (one.storage_id, one.dagster_run, one.start_time, one.end_time, one.create_timestamp) for one in records
        ],
        "logs": {one.dagster_run.run_id: _log(instance, one.dagster_run.run_id) for one in records},
        "stats": [instance.get_run_stats(one.dagster_run.run_id) for one in records],
        "steps": [instance.get_run_step_stats(one.dagster_run.run_id) for one in records],
        "assets": {key: _of_asset(instance, key) for key in (PRICES, SPREAD, WIPED)},
        "checks": _checks(instance),
        "markets": instance.get_dynamic_partitions("markets"),
        "pool": instance.event_log_storage.get_concurrency_info("lake").slot_count,
        "cursors": instance.daemon_cursor_storage.get_cursor_values({"EVENT_LOG_CONSUMER_CURSOR-RUN_FAILURE"}),
        "instigators": [(state.status, state.instigator_data) for state in instance.all_instigator_state()],
        "ticks": [(tick.tick_id, tick.tick_data) for tick in _ticks(instance)],
        "failures": instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, limit=10).records,
    }


def _log(instance: dg.DagsterInstance, run_id: str) -> list[tuple[float, str]]:
    """A run's events in the order of their times, each with its text."""
    return sorted((entry.timestamp, entry.to_json()) for entry in instance.all_logs(run_id))


def _of_asset(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, Any]:
    latest = instance.get_latest_materialization_event(key)
    return {
        "materializations": instance.fetch_materializations(key, limit=100).records,
        "observations": instance.fetch_observations(key, limit=100).records,
        "planned": instance.event_log_storage.get_latest_planned_materialization_info(key),
        "latest": latest and latest.to_json(),
        "partitions": instance.get_materialized_partitions(key),
        "latest by partition": instance.event_log_storage.get_latest_storage_id_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION
        ),
        "tags": instance.event_log_storage.get_latest_tags_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
        ),
        "is known": key in instance.all_asset_keys(),
    }


def _checks(instance: dg.DagsterInstance) -> list[Any]:
    key = dg.AssetCheckKey(PRICES, "whole")
    return list(instance.event_log_storage.get_asset_check_execution_history(key, limit=10))


def _ticks(instance: dg.DagsterInstance) -> Any:
    (state,) = instance.all_instigator_state()
    return instance.get_ticks(ORIGIN.get_id(), state.selector_id)


def instance_in(folder: Path, yaml: str = "telemetry: {enabled: false}\n") -> dg.DagsterInstance:
    """An instance configured by ``yaml`` in ``folder``, SQLite's unless that says otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagster.yaml").write_text(yaml, encoding="utf-8")
    return dg.DagsterInstance.from_config(str(folder))
