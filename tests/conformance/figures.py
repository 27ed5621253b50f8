"""What the conformance tests counted, kept for docs/reliability.md.

What lives here: writing one line a test. What does not: adding the lines up (``report`` does).
"""

import json
import os
from pathlib import Path

FOLDER = "QMD_RELIABILITY_OUT"
"""The environment variable that names the folder; nothing is written where it is not set."""

LONG = "QMD_RELIABILITY_LONG"
"""Where it is set, tests that stop after a time take ten times as long: every fault at every call, more crash states."""


def is_patient() -> bool:
    """Whether all is to be tried: the page is written, or patience is asked for."""
    return bool(os.environ.get(FOLDER) or os.environ.get(LONG))


def tries(full: int) -> int:
    """``full`` where all is to be tried, else a sixth of it: so many each run of CI tries."""
    return full if is_patient() else max(full // 6, 3)


def record(name: str, backend: str, **counts: int) -> None:
    """Keep what a test counted: ``trials``, ``acked``, ``lost``, ``torn``, ``double`` and whatever else it has.

    Args:
        name: what was tried, as the table's row says it: ``kill storm, writers``.
        backend: where, by the names of ``backends``: ``sqlite+disk``.
        counts: numbers by column. Lines of the same name and backend are added up.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    line = json.dumps({"name": name, "backend": backend, **counts}) + "\n"
    # A file a process, appended to: workers of pytest-xdist do not write into each other's lines.
    with (Path(folder) / f"{os.getpid()}.jsonl").open("a") as file:
        file.write(line)
