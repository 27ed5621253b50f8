"""A stand-in for Dagster's UI: it answers GraphQL as a script says, over a real socket.

What lives here: the server. What does not: the real UI, which ``test_orchestrated_for_real`` starts.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Ui(ThreadingHTTPServer):
    """Answers the launch with ``launched``, then every look with the next of ``looks``, the last one again and again."""

    daemon_threads = True

    def __init__(self, launched: Any, looks: list[Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.launched = launched
        self.looks = looks
        self.asked: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Ui

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked["variables"])
        is_launch = "launchPartitionBackfill" in asked["query"]
        looks = self.server.looks
        said = self.server.launched if is_launch else (looks.pop(0) if len(looks) > 1 else looks[0])
        door = "launchPartitionBackfill" if is_launch else "partitionBackfillOrError"
        status, body = (502, b"Bad Gateway") if said is None else (200, json.dumps({"data": {door: said}}).encode())
        if isinstance(said, str):
            body = said.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Nothing: a test's output is its own."""


@contextmanager
def ui(launched: Any, *looks: Any) -> Iterator[Ui]:
    """See ``Ui``."""
    with Ui(launched, list(looks)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
