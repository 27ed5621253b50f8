"""What is killed: `qmd backfill`, or a look at what venues list, in a process forked from one that has imported all it needs.

What lives here: the jobs. What does not: forking and killing (``tests.conformance.forks``), what is expected
(``test_kill``).
"""

import os
import sys
from pathlib import Path

import ccxt.async_support  # noqa: F401 - imported before the fork, for it takes a second
import rich.progress  # noqa: F401 - as above

import qmd_platform.cli.backfill
import qmd_platform.ingest.candles
import qmd_platform.venues.archive  # noqa: F401 - as above
from qmd_platform.cli.app import app
from qmd_platform.ingest.instruments import refresh
from qmd_platform.lake.store import Lake
from tests.conformance.forks import Emit


def command(emit: Emit, home: str, url: str, *arguments: str) -> None:
    """Run `qmd` with ``arguments``, and say its exit code."""
    os.environ |= {"QMD_HOME": home, "QMD_VENUE_URL": url}
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    try:
        app.main(list(arguments))
    except SystemExit as end:
        emit(end.code)


def look(emit: Emit, home: str, url: str, *venues: str) -> None:
    """Ask each venue what it lists, and say it when all of it is kept."""
    with Lake.open(Path(home)) as lake:
        for venue in venues:
            refresh(lake, venue, run_id="r", url=url)
    emit("kept")
