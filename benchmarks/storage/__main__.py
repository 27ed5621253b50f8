"""``make bench-storage``: every task on every system, printed as it comes and written to docs/benchmarks-storage.md.

What lives here: the order, the processes, and the check that all systems give the same answers. What does not: the
tasks (``tasks``), the words (``report``). Usage: python -m benchmarks.storage [--quick] [--folder FOLDER]
[--output FILE] [--systems plain,qmd,...]; --quick is over in half a minute and proves only that everything works.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from benchmarks import readers, reading
from benchmarks.storage.child import SYSTEMS
from benchmarks.storage.data import SCALES, Data
from benchmarks.storage.qmd import VENUE
from benchmarks.storage.report import Result, Results, report
from benchmarks.storage.tasks import TASKS
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe

ROOT = Path(__file__).parents[2]
NEEDS = {"delta": "deltalake", "duckdb": "duckdb"}
"""Packages of systems that run in this program's environment and may not be there."""


def main() -> None:
    """Run all and write the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", type=Path, default=ROOT / "bench-out" / "storage")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    asked = parser.parse_args()
    size = "quick" if asked.quick else "full"
    output = asked.output or (asked.folder / "report.md" if asked.quick else ROOT / "docs" / "benchmarks-storage.md")
    shutil.rmtree(asked.folder, ignore_errors=True)
    began = time.monotonic()
    data = Data(asked.folder / "data", SCALES[size])
    candles = data.prepare(reading.recordings())
    print(f"{candles:,} candles made, {time.monotonic() - began:.0f} s", flush=True)
    results = _measured([name for name in asked.systems.split(",") if _interpreter(name)], asked.folder, size)
    cold = _cold(asked.folder, data)
    shutil.rmtree(asked.folder / "home")
    text = report(results, data, candles, time.monotonic() - began, cold)
    output.write_text(text, encoding="utf-8")
    shutil.rmtree(asked.folder / "data")
    print(f"\n{text}\nwritten to {output}")


def _measured(systems: list[str], folder: Path, size: str) -> Results:
    """Task by task, so that the systems' turns at one task are close in time."""
    results: Results = {}
    for task in TASKS:
        for system in systems:
            result = _child(system, task, folder, size)
            if result is not None:
                results[task, system] = result
                print(f"{task:12} {system:9} {1000 * result.median:10.1f} ms  {result.answer}", flush=True)
        answers = {results[key].answer: key[1] for key in results if key[0] == task}
        if len(answers) > 1:
            sys.exit(f"{task}: the systems do not give the same answer: {answers}")
    return results


def _cold(folder: Path, data: Data) -> list[str]:
    """What a reader's start costs, out of the big store; nothing where the lake was not measured."""
    home = folder / "home" / "qmd" / "big"
    series = Series.candles(Market(VENUE, data.scale.names[0]), Timeframe.M1)
    return list(readers.cold(home, series, data.scale.day, data.scale.times)) if home.exists() else []


def _child(system: str, task: str, folder: Path, size: str) -> Result | None:
    command = [_interpreter(system), "-m", "benchmarks.storage.child", system, task]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, folder / "home", folder / "data", size],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{task} of {system} failed\n{done.stdout}\n{done.stderr}")
    said = json.loads(done.stdout.splitlines()[-1])
    return Result(**said) if said else None


def _interpreter(system: str) -> str | None:
    """The Python that has the system; None where there is none."""
    if system == "arcticdb":
        return os.environ.get("ARCTICDB_PYTHON")
    return sys.executable if system not in NEEDS or find_spec(NEEDS[system]) else None


if __name__ == "__main__":
    main()
