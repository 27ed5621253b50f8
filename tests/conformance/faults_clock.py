"""Commits while the clock on the wall jumps: ``python -m tests.conformance.faults_clock FOLDER SEED``, under the shim.

What lives here: the jumps, and the question what was known at a time. What does not: what must hold (``test_faults``).
Prints one JSON line: the time of every commit, and the snapshots by time that were not right.
"""

import json
import random
import sys
from pathlib import Path

from qmd_platform.lake.store import Lake
from qmd_platform.model.window import iso
from tests.conformance.shim import Shim
from tests.conformance.shimmed import HOURS, commit, write

COMMITS = 30
HOUR = 3_600_000


def main(root: Path, seed: int) -> None:
    """Commit, with the clock up to ten hours back or ahead."""
    shim, rng = Shim(), random.Random(seed)  # noqa: S311 - draws the jumps
    with Lake.open(root) as lake:
        for number in range(1, COMMITS + 1):
            commit(lake, [write(HOURS, "2026-01", number, float(number), 1)])
            shim.shift_clock(rng.randrange(-10 * HOUR, 10 * HOUR))
        times = [one.at for one in sorted(lake.ledger.log(limit=COMMITS), key=lambda one: one.id)]
        wrong = []
        for at in sorted({*times, times[0] - 1, times[-1] + 1}):
            known = [number for number, time in enumerate(times, 1) if time <= at]
            seen = [int(price) for price in lake.candles(HOURS, as_of=iso(at)).close]
            if seen != known:
                wrong.append([at, seen])
    print(json.dumps({"times": times, "wrong": wrong}))  # noqa: T201 - its result


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
