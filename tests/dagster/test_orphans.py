"""Nothing lies about in the code location unused."""

import json
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
FLOORS = ("assets", "sensors", "resources")

STARTED_BY_COMMANDS = {"sensors.graph_runner", "resources.moving", "resources.sqlite_records", "resources.launcher"}
"""Not part of the graph: programs that run it (``qmd_platform.cli.workers``) or move its history (``cli.migrate_dagster``),
and the launcher that ``dagster.yaml`` names."""

PROGRAM = "import json, sys, qmd_platform.definitions; print(json.dumps(sorted(sys.modules)))"


def test_every_module_of_the_code_location_is_reached_from_the_definitions():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    reached = set(json.loads(done.stdout.splitlines()[-1]))
    written = {f"{floor}.{file.stem}" for floor in FLOORS for file in (CHECKOUT / floor).glob("[!_]*.py")}
    assert written - reached == STARTED_BY_COMMANDS
