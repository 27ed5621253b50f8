"""Our programs run as a user runs them: real processes, real sockets."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

QMD = Path(sys.executable).with_name("qmd")


def environment(home: Path, url: str | None = None) -> dict[str, str]:
    """This process's environment with the given state folder and venue server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QMD_")}
    return kept | {"QMD_HOME": str(home)} | ({"QMD_VENUE_URL": url} if url else {})


def qmd(*arguments: str, home: Path, url: str | None = None, expect: int = 0) -> str:
    """What the command printed on stdout; fails unless it exits with ``expect``."""
    done = subprocess.run(
        [QMD, *arguments], env=environment(home, url), capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def sandbox(*arguments: str) -> Iterator[str]:
    """A sandbox exchange in its own process; its URL."""
    with subprocess.Popen(
        [QMD, "sandbox", "--port", "0", "--json", *arguments], stdout=subprocess.PIPE, text=True
    ) as run:
        try:
            assert run.stdout is not None
            yield json.loads(run.stdout.readline())["url"]
        finally:
            run.terminate()


def stats(url: str) -> dict[str, Any]:
    """The sandbox's counters."""
    with urlopen(f"{url}/__sandbox/stats") as answer:  # noqa: S310 - our own loopback server
        return dict(json.load(answer))
