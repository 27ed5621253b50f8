"""The graph, run at once: a worker that is told what to run, for programs that do not wait for the daemon.

What lives here: one Dagster run a line of stdin, its outcome as a line of JSON on stdout. What does not: which
runs there are and what is shown of them (``qmd_platform.cli.demo``).

``python -m sensors.graph_runner`` reads ``venue`` (its instruments) or ``venue:SYMBOL`` (all candle tables of that
market, over all months of the universe). The runs are ordinary ones: the UI shows them afterwards.
"""

import json
import logging
import os
import sys
import time
from typing import TextIO

import dagster as dg

from assets.partitions import MONTH_FORMAT
from qmd_platform.config import Universe, load_universe
from qmd_platform.definitions import defs
from qmd_platform.model.series import Market
from qmd_platform.model.tables import INSTRUMENTS
from sensors.universe import align


def main() -> None:
    """Serve stdin until it ends."""
    # Dagster redirects file descriptor 1 while a step runs, so the answers keep one of their own.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    logging.disable(logging.INFO)
    universe = load_universe()
    with dg.DagsterInstance.get() as instance:
        align(instance, universe)
        print(json.dumps({"ready": True}), file=answers)
        for line in sys.stdin:
            _serve(line.strip(), instance, universe, answers)


def _serve(asked: str, instance: dg.DagsterInstance, universe: Universe, answers: TextIO) -> None:
    began = time.monotonic()
    result = _ran(asked, instance, universe)
    failures = [event for event in result.all_events if event.is_step_failure]
    steps = {
        event.step_key.partition("__")[2]: event.step_success_data.duration_ms / 1000
        for event in result.all_events
        if event.is_step_success and event.step_key
    }
    answer = {
        "asked": asked,
        "run_id": result.run_id,
        "ok": result.success,
        "seconds": time.monotonic() - began,
        "steps": steps,
        "errors": [f"{event.step_key}: {_why(event)}" for event in failures],
    }
    print(json.dumps(answer), file=answers)


def _ran(asked: str, instance: dg.DagsterInstance, universe: Universe) -> dg.ExecuteInProcessResult:
    """The run of ``venue`` (its instruments) or ``venue:SYMBOL`` (its candles)."""
    venue, _, symbol = asked.partition(":")
    if not symbol:
        job = defs.resolve_job_def("instruments")
        key = dg.AssetKey([venue, INSTRUMENTS.name])
        return job.execute_in_process(instance=instance, asset_selection=[key], raise_on_error=False)
    slug = Market.parse(asked).slug
    last = time.strftime(MONTH_FORMAT, time.gmtime())
    tags = {
        "dagster/asset_partition_range_start": f"{slug}|{universe.first_month}",
        "dagster/asset_partition_range_end": f"{slug}|{last}",
    }
    return defs.resolve_job_def(f"{venue}_candles").execute_in_process(
        instance=instance, tags=tags, raise_on_error=False
    )


def _why(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error else str(event.message)


if __name__ == "__main__":
    main()
