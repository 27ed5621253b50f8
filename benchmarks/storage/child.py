"""One task of one system in a process of its own: ``python -m benchmarks.storage.child SYSTEM TASK HOME DATA SIZE``.

What lives here: the stopwatch; the last line printed is JSON. What does not: which tasks, in which order.
"""

import gc
import importlib
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.storage.data import SCALES, Data
from benchmarks.storage.port import Store
from benchmarks.storage.tasks import OPTIONAL, TASKS

SYSTEMS = {
    "qmd": ("benchmarks.storage.qmd", "Qmd"),
    "plain": ("benchmarks.storage.plain", "Plain"),
    "delta": ("benchmarks.storage.delta", "Delta"),
    "duckdb": ("benchmarks.storage.duckdb_file", "DuckDB"),
    "arcticdb": ("benchmarks.storage.arcticdb_lmdb", "ArcticDB"),
}


def main(name: str, task: str, home: str, data: str, size: str) -> None:
    """Run it and say how long it took, and what came of it."""
    module, made = SYSTEMS[name]
    system: type[Store] = getattr(importlib.import_module(module), made)
    if task in OPTIONAL and not hasattr(system, task):
        print("{}")
        return
    work = TASKS[task](system, Path(home) / name, Data(Path(data), SCALES[size]))
    taken, cpu, last = [], [], None
    for call in work.calls:
        gc.collect()
        began, used = time.perf_counter(), time.process_time()
        last = call()
        taken.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    said = {
        "seconds": taken[1:] or taken,
        "cpu": cpu[1:] or cpu,
        "answer": work.answer(last),
        "notes": work.notes,
        "settings": system.settings,
        "versions": {package: version(package) for package in system.packages},
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
