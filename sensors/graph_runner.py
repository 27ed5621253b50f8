"""The graph, run at once: a worker that is told what to run, for a program that does not wait for the daemon.

What lives here: one Dagster run a line of stdin, its outcome as a line of JSON on stdout. What does not: which
runs there are and what is shown of them (``qmd_platform.cli.demo``), the graph, which the starter hands in.

A line is a venue (its instruments), or a market and a month, ``venue:SYMBOL 2026-09`` (all candle tables of that
market, from that month to the current one); ``venue:*`` stands for all its markets; ``venue:funding 2026-09`` is the
funding, mark, index and premium of all its perpetuals, ``venue:snapshots 2026-09`` what they are like now;
``arbitrage 2026-09`` and ``simulation 2026-09`` are the tables across venues, ``coverage`` is the coverage of all
venues. The runs are ordinary ones: the UI shows them afterwards.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from assets.across import GROUP as ARBITRAGE
from assets.candles import key_of
from assets.coverage import NAME as COVERAGE
from assets.partitions import markets_of, perpetuals_of
from qmd_platform.config import Universe, VenueUniverse, load_universe
from qmd_platform.ledger.lock import held
from qmd_platform.model.series import Market
from qmd_platform.model.tables import INSTRUMENTS
from qmd_platform.model.window import Window, month_of, months
from sensors.arbitrage import arbitrage_job
from sensors.coverage import coverage_job
from sensors.funding import funding_job
from sensors.schedules import candles_job, instruments_job
from sensors.simulation import NAME as SIMULATION
from sensors.simulation import simulation_job
from sensors.snapshots import snapshots_job
from sensors.universe import align

FUNDING, SNAPSHOTS = ":funding", ":snapshots"
"""How the name of a venue's funding ends in a line, and of what its perpetuals are like now."""

ACROSS = {ARBITRAGE: arbitrage_job, SIMULATION: simulation_job}
"""What is made across venues, by the name in a line."""


def serve(defs: dg.Definitions) -> None:
    """Run what stdin asks for until it ends. First the line ``{"ready": true}``, then one for each that is asked."""
    # Dagster redirects file descriptor 1 while a step runs, so the answers keep one of their own.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    logging.disable(logging.INFO)
    universe = load_universe()
    # Two processes that make the same SQLite instance at once spoil its migration table (alembic stamps twice).
    with held(Path(os.environ["DAGSTER_HOME"]) / "opening.lock"):
        instance = dg.DagsterInstance.get()
        align(instance, universe)
    with instance:
        answers.write(json.dumps({"ready": True}) + "\n")
        for line in sys.stdin:
            answers.write(json.dumps(outcome(line.strip(), defs, instance, universe)) + "\n")


def outcome(asked: str, defs: dg.Definitions, instance: dg.DagsterInstance, universe: Universe) -> dict[str, object]:
    """Run it, and say what became of it: run id, success, seconds in all and by table, errors in words."""
    began = time.monotonic()
    result = _ran(asked, defs, instance, universe)
    return {
        "asked": asked,
        "run_id": result.run_id,
        "ok": result.success,
        "seconds": time.monotonic() - began,
        "tables": {
            _table(event): event.step_success_data.duration_ms / 1000
            for event in result.all_events
            if event.is_step_success
        },
        "errors": list(_errors(result)),
    }


def _ran(
    asked: str, defs: dg.Definitions, instance: dg.DagsterInstance, universe: Universe
) -> dg.ExecuteInProcessResult:
    if asked == COVERAGE:
        job = defs.resolve_job_def(coverage_job(universe).name)
        return job.execute_in_process(instance=instance, raise_on_error=False)
    name, _, month = asked.partition(" ")
    if name in ACROSS:
        return _since(month, defs.resolve_job_def(ACROSS[name]().name), instance)
    venue = name.partition(":")[0]
    if not month:
        key = dg.AssetKey([venue, INSTRUMENTS.name])
        job = defs.resolve_job_def(instruments_job(universe).name)
        return job.execute_in_process(instance=instance, asset_selection=[key], raise_on_error=False)
    if name.endswith(SNAPSHOTS):
        return _since(month, defs.resolve_job_def(snapshots_job(universe.venues[venue]).name), instance)
    if name.endswith(FUNDING):
        return _funding(venue, month, defs, instance, universe)
    every = instance.get_dynamic_partitions(str(markets_of(venue).name))
    slugs = every if name.endswith(":*") else [Market.parse(name).slug]
    known = [month for month, _ in months(Window(universe.start, time.time_ns() // 1_000_000))]
    told = _told(instance, universe.venues[venue])
    # Data may be there of which Dagster was never told: a run was killed between the two.
    untold = (other for other in known if not told.issuperset(f"{slug}|{other}" for slug in slugs))
    tags = {
        "dagster/asset_partition_range_start": f"{slugs[0]}|{min(month, next(untold, month))}",
        "dagster/asset_partition_range_end": f"{slugs[-1]}|{known[-1]}",
    }
    job = defs.resolve_job_def(candles_job(universe.venues[venue]).name)
    return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def _funding(
    venue: str, month: str, defs: dg.Definitions, instance: dg.DagsterInstance, universe: Universe
) -> dg.ExecuteInProcessResult:
    """All perpetuals of the venue, from the month on."""
    slugs = instance.get_dynamic_partitions(str(perpetuals_of(venue).name))
    last = month_of(time.time_ns() // 1_000_000)
    tags = {
        "dagster/asset_partition_range_start": f"{slugs[0]}|{month}",
        "dagster/asset_partition_range_end": f"{slugs[-1]}|{last}",
    }
    job = defs.resolve_job_def(funding_job(universe.venues[venue]).name)
    return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def _since(month: str, job: dg.JobDefinition, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """Tables that are partitioned by month alone, from the month on."""
    tags = {
        "dagster/asset_partition_range_start": month,
        "dagster/asset_partition_range_end": month_of(time.time_ns() // 1_000_000),
    }
    return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def _told(instance: dg.DagsterInstance, venue: VenueUniverse) -> set[str]:
    """The partitions that Dagster knows of every candle asset of the venue."""
    keys = [key_of(venue, timeframe) for timeframe in (venue.base, *venue.native, *venue.derived)]
    return set.intersection(*(instance.get_materialized_partitions(key) for key in keys))


def _table(event: dg.DagsterEvent) -> str:
    """The table a step fills; its key is ``venue__table``."""
    return (event.step_key or "").partition("__")[2]


def _errors(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            yield f"{_table(event)}: {error.message.strip() if error else event.message}"
