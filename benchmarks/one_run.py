"""One Dagster run over a range of ``binance/candles_1m``, as a program of its own; its argument is FIRST...LAST.

What lives here: the run and nothing else, so that its process can be timed from cold.
"""

import sys

import dagster as dg

from qmd_platform.config import load_universe, qmd_home
from qmd_platform.definitions import build_definitions
from sensors.universe import align


def main(first: str, last: str) -> None:
    """Run it."""
    (qmd_home() / "dagster").mkdir(exist_ok=True)
    universe = load_universe()
    definitions = build_definitions(universe)
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    with dg.DagsterInstance.get() as instance:
        align(instance, universe)
        job = definitions.resolve_job_def("binance_candles")
        keys = [dg.AssetKey(["binance", "candles_1m"])]
        if not job.execute_in_process(instance=instance, asset_selection=keys, tags=tags).success:
            sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1].split("..."))
