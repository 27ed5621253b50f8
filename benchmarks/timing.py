"""Running whole programs and taking their wall and processor time.

What lives here: the stopwatch. What does not: what is measured.
"""

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds: wall clock, and processor time of the program with its children."""

    wall: float
    cpu: float


def program(arguments: Sequence[str], environment: dict[str, str]) -> Took:
    """Run a program to its end; RuntimeError with its output if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(arguments, env=os.environ | environment, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def median(times: int, run: Callable[[int], Took]) -> Took:
    """The median of ``times`` runs, wall and processor time each on its own. ``run`` gets the run's number."""
    taken = [run(number) for number in range(times)]
    return Took(statistics.median(t.wall for t in taken), statistics.median(t.cpu for t in taken))


def seconds(run: Callable[[], object], times: int = 5) -> float:
    """The median wall time of calling ``run``, after one call to warm up."""
    run()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)
