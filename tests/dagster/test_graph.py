"""The graph as a committed picture: a change of it shows as a diff of ``__snapshots__/``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from qmd_platform.config import load_universe
from qmd_platform.definitions import build_definitions
from tests.graph import universe_in

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def definitions(tmp_path: Path) -> dg.Definitions:
    return build_definitions(universe_in(tmp_path))


def columns_of(spec: dg.AssetSpec) -> Sequence[dg.TableColumn]:
    """The columns of an asset that is a table; coverage, rereading and the lake's upkeep are none."""
    schema = spec.metadata.get("dagster/column_schema")
    return schema.columns if schema else ()


def _asset(spec: dg.AssetSpec) -> dict[str, Any]:
    dimensions = (
        spec.partitions_def.partitions_defs if isinstance(spec.partitions_def, dg.MultiPartitionsDefinition) else ()
    )
    return {
        "group": spec.group_name,
        "kinds": sorted(spec.kinds),
        "owners": list(spec.owners),
        "depends on": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        "partitions": {dimension.name: str(dimension.partitions_def) for dimension in dimensions},
        "columns": [column.name for column in columns_of(spec)],
    }


def _checks(definitions: dg.Definitions, key: dg.AssetKey) -> dict[str, str]:
    graph = definitions.resolve_asset_graph()
    checks = graph.get_check_keys_for_assets({key})
    return {
        check.name: "blocks" if graph.get_check_spec(check).blocking else "warns"
        for check in sorted(checks, key=lambda check: check.name)
    }


def test_assets_their_lineage_partitions_and_checks_are_the_reviewed_ones(
    definitions: dg.Definitions, snapshot: SnapshotAssertion
):
    graph = definitions.resolve_asset_graph()
    picture = {}
    for spec in sorted(definitions.resolve_all_asset_specs(), key=lambda spec: spec.key):
        node = graph.get(spec.key)
        picture[spec.key.to_user_string()] = _asset(spec) | {
            "checks": _checks(definitions, spec.key),
            "pools": sorted(node.pools or ()),
            "backfills": str(node.backfill_policy.policy_type.value) if node.backfill_policy else None,
        }
    assert picture == snapshot(extension_class=JSONSnapshotExtension)


def test_jobs_schedules_and_sensors_are_the_reviewed_ones(definitions: dg.Definitions, snapshot: SnapshotAssertion):
    repository = definitions.get_repository_def()
    named = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    picture = {
        "jobs": {
            job.name: sorted(key.to_user_string() for key in job.asset_layer.executable_asset_keys) for job in named
        },
        "schedules": {
            schedule.name: [schedule.job_name, schedule.cron_schedule, schedule.default_status.value]
            for schedule in repository.schedule_defs
        },
        "sensors": {
            sensor.name: [sensor.minimum_interval_seconds, sensor.default_status.value]
            for sensor in repository.sensor_defs
        },
    }
    assert picture == snapshot(extension_class=JSONSnapshotExtension)


def test_every_asset_says_what_it_holds_and_what_each_column_means(definitions: dg.Definitions):
    for spec in definitions.resolve_all_asset_specs():
        assert spec.description
        assert spec.owners
        is_table = spec.key.path[-1].startswith(
            (
                *("candles_", "instruments", "funding_", "mark_", "index_", "premium_", "basis"),
                *(
                    "venue_spreads",
                    "cash_and_carry",
                    "opportunities",
                    "simulation",
                    "open_interest",
                    "prediction_error",
                ),
            )
        )
        assert bool(columns_of(spec)) == is_table
        assert all(column.description for column in columns_of(spec))


def test_a_rolled_up_column_is_traced_to_the_same_column_of_its_base(definitions: dg.Definitions):
    specs = {spec.key: spec for spec in definitions.resolve_all_asset_specs()}
    lineage = specs[dg.AssetKey(["bitfinex", "candles_1h"])].metadata["dagster/column_lineage"].deps_by_column
    base = dg.AssetKey(["bitfinex", "candles_1m"])
    assert all(dg.TableColumnDep(base, name) in deps for name, deps in lineage.items())
    assert set(lineage) == {"open_at", "open", "high", "low", "close", "volume"}


def test_the_checkouts_own_universe_makes_definitions_that_load():
    dg.Definitions.validate_loadable(build_definitions(load_universe(CHECKOUT / "resources" / "universe.toml")))
