"""The universe sensor: dynamic partitions equal to the universe file.

What lives here: adding and deleting market partitions. What does not: the universe (``qmd_platform.config``).
Deleting a market's partition hides it from the UI; its data stays in the lake.
"""

import dagster as dg

from assets.partitions import markets_of, perpetuals_of
from qmd_platform.config import Universe, load_universe
from qmd_platform.venues import facts

EVERY_SECONDS = 30


def universe_sensor(universe: Universe) -> dg.SensorDefinition:
    """Keeps every venue's market partitions equal to the universe file, which is read anew at each tick."""

    @dg.sensor(
        name="universe",
        description="Keeps the market partitions equal to the universe file.",
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        changes = differences(context.instance, load_universe(universe.path))
        if not changes:
            return dg.SkipReason("the market partitions are those of the universe file")
        return dg.SensorResult(dynamic_partitions_requests=changes)

    return tick


def differences(
    instance: dg.DagsterInstance, universe: Universe
) -> list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest]:
    """What must be added to and deleted from the instance's market partitions."""
    changes: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    # All venues we know: one that was taken out of the file is not in it, but its partitions are in the instance.
    for venue in sorted({*facts.VENUES, *universe.venues}):
        kept = universe.venues.get(venue)
        for definition, markets in (
            (markets_of(venue), kept.markets if kept else ()),
            (perpetuals_of(venue), kept.perpetuals if kept else ()),
        ):
            wanted = [market.slug for market in markets]
            held = set(instance.get_dynamic_partitions(str(definition.name)))
            added = [slug for slug in wanted if slug not in held]
            gone = sorted(held - set(wanted))
            changes += [definition.build_add_request(added)] if added else []
            changes += [definition.build_delete_request(gone)] if gone else []
    return changes


def align(instance: dg.DagsterInstance, universe: Universe) -> None:
    """Make the market partitions so at once, for programs that do not wait for the sensor."""
    for change in differences(instance, universe):
        name = change.partitions_def_name
        if isinstance(change, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions(name, list(change.partition_keys))
        else:
            for key in change.partition_keys:
                instance.delete_dynamic_partition(name, key)
