"""Dagster's programs kept running: code server, daemon, webserver; one that dies is started again.

What lives here: which programs, when one is dead, how long to wait before it is started again. What does not: starting
and ending a process (``cli.children``), runs whose worker died (``resources.launcher``, run monitoring).

``dagster dev`` ends as soon as its daemon or webserver has died, and does not notice a code server whose inner process
is gone; so the programs are started here, one by one.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from qmd_platform.cli.children import ended, offspring, started

LOOK_SECONDS = 0.5
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds before a program that died is started again: doubled each time, short again once it has lived for a while."""

LONGEST_WAIT_AFTER_KILL = 4.0
"""For one that was killed: it is not to blame, and nothing runs without it."""

HEALTHY_SECONDS = 20.0
"""That while; Dagster's programs take about 6 seconds to start."""

PATIENCE_SECONDS = 60.0
"""So long a program waits for the one that it needs, when all are started; then it is started anyway."""

GIVE_UP = 5
"""So often in a row a program may end by itself that never lived for a while: then something is wrong that a person
must see to. One that is killed is started again for ever."""

CHILDLESS_SECONDS = 2.0
"""A code server whose inner process has been gone for so long does not come back by itself."""

LOCATION = "qmd_platform"
MODULE = "qmd_platform.definitions"

Tell = Callable[[str], None]


@dataclass(slots=True)
class Service:
    """A program that is kept running.

    Attributes:
        name: for people.
        command: program and arguments.
        has_inner: whether it is of no use without a child of its own.
        after: what has to be there before it is started for the first time; it is not waited for for ever.
    """

    name: str
    command: list[str]
    has_inner: bool = False
    after: Callable[[], bool] | None = None
    process: subprocess.Popen[str] | None = None
    began: float = 0.0
    deaths: int = 0
    failures: int = 0
    has_lived: bool = False
    due: float = 0.0
    _had_inner: bool = False
    _childless: float = 0.0

    def died(self, now: float) -> str:
        """How it has died, in words; empty while it lives."""
        if self.process is None:
            return ""
        code = self.process.poll()
        if code is not None:
            return f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        if self.has_inner and self._is_hollow(now):
            self.process.kill()
            self.process.wait()
            return "has lost its inner process"
        return ""

    def _is_hollow(self, now: float) -> bool:
        inner = offspring(self.process.pid) if self.process else None
        if inner is None or inner or not self._had_inner:  # None: this system does not tell
            self._had_inner = self._had_inner or bool(inner)
            self._childless = 0.0
            return False
        self._childless = self._childless or now
        return now - self._childless >= CHILDLESS_SECONDS

    def fallen(self, now: float) -> float:
        """Note that it has died; for how long to wait, in seconds."""
        self.has_lived = self.has_lived or now - self.began >= HEALTHY_SECONDS
        code = self.process.returncode if self.process else None
        self.failures = self.failures + 1 if code is not None and code >= 0 else 0
        self.deaths = 1 if now - self.began >= HEALTHY_SECONDS else self.deaths + 1
        longest = LONGEST_WAIT if self.failures else LONGEST_WAIT_AFTER_KILL
        wait = min(FIRST_WAIT * float(1 << min(self.deaths - 1, 10)), longest)
        self.process, self.due, self._had_inner, self._childless = None, now + wait, False, 0.0
        return wait

    @property
    def is_hopeless(self) -> bool:
        """Whether starting it again is of no use."""
        return not self.has_lived and self.failures >= GIVE_UP


@dataclass(slots=True)
class Supervisor:
    """Keeps ``services`` running; ``tell`` is told of every death."""

    services: list[Service]
    env: Mapping[str, str]
    cwd: Path
    tell: Tell
    ever: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self) -> int:
        """Until interrupted; the exit code when a program cannot be kept running. All are ended on leaving."""
        with ended(self.ever):
            while not any(service.is_hopeless for service in self.services):
                for service in self.services:
                    self.look_after(service, time.monotonic())
                time.sleep(LOOK_SECONDS)
            (hopeless, *_) = [service for service in self.services if service.is_hopeless]
            self.tell(f"the {hopeless.name} cannot be kept running: it ended {hopeless.failures} times in a row")
            return 1

    def look_after(self, service: Service, now: float) -> None:
        """Start it if it is to run and does not."""
        if how := service.died(now):
            wait = service.fallen(now)
            self.tell(f"the {service.name} {how}; it is started again in {wait:.0f} s")
        if service.process is None and now >= service.due and self._may_start(service, now):
            service.process = started(service.command, env=self.env, cwd=self.cwd, with_us=True)
            service.began = now
            self.ever.append(service.process)

    def _may_start(self, service: Service, now: float) -> bool:
        if service.after is None or service.began:
            return True
        service.due = service.due or now
        return service.after() or now - service.due > PATIENCE_SECONDS


@contextmanager
def dagster_services(source: Path, host: str, port: int) -> Iterator[list[Service]]:
    """The programs, and the folder in which they find each other.

    The code server listens on a socket in a folder that only this user can enter. It is started first, because a
    webserver that does not find it shows an error until it is told to look again; then the webserver, which makes
    Dagster's tables where there are none: two programs that do so at once spoil them.
    """
    with tempfile.TemporaryDirectory(prefix="qmd-") as folder:
        code_socket, workspace = f"{folder}/code.sock", Path(folder) / "workspace.yaml"
        # JSON is YAML.
        where = {"grpc_server": {"socket": code_socket, "host": "localhost", "location_name": LOCATION}}
        workspace.write_text(json.dumps({"load_from": [where]}), encoding="utf-8")
        serving = ["code-server", "start", "-s", code_socket, "-m", MODULE, "-d", str(source)]
        # The UI shows every run and tick; a terminal full of them hides what has gone wrong.
        found, quietly = ["-w", str(workspace)], ["--log-level", "warning"]
        yield [
            Service(
                "code server",
                _python("dagster", *serving, "--location-name", LOCATION, *quietly),
                has_inner=True,
            ),
            Service(
                "webserver",
                _python(
                    "dagster_webserver", "-h", host, "-p", str(port), "--live-data-poll-rate", "2000", *found, *quietly
                ),
                after=lambda: _answers(code_socket),
            ),
            Service(
                "daemon", _python("dagster._daemon", "run", *found, *quietly), after=lambda: _answers((host, port))
            ),
        ]


def _answers(address: str | tuple[str, int]) -> bool:
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as probe:
        try:
            probe.connect(address)
        except OSError:
            return False
        return True


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
