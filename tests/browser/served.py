"""``qmd dev`` as a person runs it: Dagster's webserver and daemon on a home of its own, ready to be clicked.

What lives here: starting and stopping it, and asking its GraphQL. What does not: the browser (``conftest``).
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

START_SECONDS = 120
PARTITIONS = "query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { partitionKeys } } }"


@dataclass(frozen=True)
class Served:
    """A running UI."""

    url: str

    def ask(self, query: str, **variables: Any) -> Any:
        """The ``data`` of a GraphQL answer."""
        answer = requests.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60)
        answer.raise_for_status()
        return answer.json()["data"]

    def partitions(self, *key: str) -> list[str]:
        """Partition keys of an asset as the UI offers them; none while the code location loads."""
        found: list[str] = self.ask(PARTITIONS, key={"path": list(key)})["assetNodeOrError"].get("partitionKeys", [])
        return found


@contextmanager
def served(home: Path, venue_url: str, *key: str) -> Iterator[Served]:
    """The UI on ``home``, from when asset ``key`` shows its partitions until the block ends."""
    port = _free_port()
    program = [Path(sys.executable).with_name("qmd"), "dev", "--port", str(port), "--venue-url", venue_url]
    with (home / "dev.log").open("w") as log:
        # Whoever clicks is alone: what fills a sandbox's lake by itself would be there first.
        environment = os.environ | {"QMD_HOME": str(home), "QMD_AUTOMATION": "off"}
        process = subprocess.Popen(program, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            ui = Served(f"http://127.0.0.1:{port}")
            _wait(process, ui, key)
            yield ui
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _wait(process: subprocess.Popen[bytes], ui: Served, key: tuple[str, ...]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, "`qmd dev` ended; see dev.log"
        try:
            if ui.partitions(*key):
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.3)
    raise TimeoutError(f"{ui.url} does not show the partitions of {key} after {START_SECONDS} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
