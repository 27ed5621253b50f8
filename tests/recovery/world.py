"""A whole platform on a home of its own: ``qmd dev`` and a sandbox exchange, really started, to be killed part by part.

What lives here: starting, finding and killing its processes; what Dagster and the lake say; when all is well. What does
not: what is killed when (``storm``, the tests).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import requests

from qmd_platform.config import Universe, load_universe
from qmd_platform.coverage.agenda import Agenda
from qmd_platform.ingest.agenda import planned
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.window import Window, months
from tests.servers import free_port

CHECKOUT = Path(__file__).parents[2]
QMD = Path(sys.executable).with_name("qmd")

PROGRAMS = {
    "code server": "dagster code-server start",
    "inner code server": "dagster api grpc",
    "daemon": "dagster._daemon",
    "webserver": "dagster_webserver",
    "worker": "multiprocessing.spawn import spawn_main",
}
"""What a process of this kind has in its command line."""

QUICK = {
    "poll_interval_seconds: 15": "poll_interval_seconds: 2",
    "start_timeout_seconds: 180": "start_timeout_seconds: {start_seconds}",
    "free_slots_after_run_end_seconds: 30": "free_slots_after_run_end_seconds: 2",
    "user_code_failure_retry_delay: 10": "user_code_failure_retry_delay: 1",
}
"""The shipped settings, made impatient. Nothing else is changed."""

FRESH_MS = 20 * 60_000
"""Candles younger than this may not be there yet: the gap sensor leaves them to the tail."""

LAUNCH = """
mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } } } }
"""
UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


@dataclass
class World:
    """The platform in ``home``. ``universe`` is the text of its universe file.

    ``start_seconds`` is how long a run may take to start: a few seconds, but half a minute where much is started at once.
    """

    home: Path
    universe: str
    environ: Mapping[str, str] = field(default_factory=dict)
    start_seconds: int = 60
    port: int = field(default_factory=free_port)
    venues: int = field(default_factory=free_port)
    dev: subprocess.Popen[bytes] | None = None
    sandbox: subprocess.Popen[bytes] | None = None

    @property
    def venue_url(self) -> str:
        return f"http://127.0.0.1:{self.venues}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start everything; it comes up by itself."""
        (self.home / "universe.toml").write_text(self.universe, encoding="utf-8")
        (self.home / "dagster").mkdir(exist_ok=True)
        text = (CHECKOUT / "resources" / "dagster.yaml").read_text(encoding="utf-8")
        if self.environ.get("QMD_POSTGRES_URL"):
            text += "\n" + (CHECKOUT / "resources" / "dagster.postgres.yaml").read_text(encoding="utf-8")
        for slow, quick in QUICK.items():
            assert slow in text
            text = text.replace(slow, quick.format(start_seconds=self.start_seconds))
        (self.home / "dagster" / "dagster.yaml").write_text(text, encoding="utf-8")
        self.start_sandbox()
        told = {
            "QMD_HOME": str(self.home),
            "QMD_GAP_SECONDS": "3",
            "DAGSTER_EVENT_LOG_CONSUMER_DAEMON_INTERVAL_SECONDS": "1",
        }
        line = [QMD, "dev", "--port", str(self.port), "--venue-url", self.venue_url]
        self.dev = self._started(line, "dev.log", dict(os.environ) | told | dict(self.environ))

    def start_sandbox(self) -> None:
        """Start the exchange, at the address it always has."""
        line = [QMD, "sandbox", "--port", str(self.venues)]
        self.sandbox = self._started(line, "sandbox.log", dict(os.environ))

    def _started(self, line: list[Any], log: str, environ: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.home / log).open("ab") as file:
            return subprocess.Popen(line, stdout=file, stderr=subprocess.STDOUT, env=environ, cwd=CHECKOUT)

    def close(self) -> None:
        """End everything."""
        for process in (self.dev, self.sandbox):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in (self.dev, self.sandbox):
            if process is not None:
                process.wait(60)
        for pid in self._all():
            _signal(pid)

    def pids(self, kind: str) -> list[int]:
        """The living processes of a kind (``PROGRAMS``, ``sandbox``)."""
        if kind == "sandbox":
            return [self.sandbox.pid] if self.sandbox and self.sandbox.poll() is None else []
        return [pid for pid, line in self._all().items() if PROGRAMS[kind] in line]

    def _all(self) -> dict[int, str]:
        """Every process that was told this home, wherever it hangs now, with its command line."""
        mark = f"QMD_HOME={self.home}\0".encode()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes() + b"\0":
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (OSError, ProcessLookupError):
                continue
        return found

    def kill(self, kind: str) -> int:
        """kill -9 of every process of a kind; how many there were."""
        pids = self.pids(kind)
        for pid in pids:
            _signal(pid)
        if kind == "sandbox" and self.sandbox:
            self.sandbox.wait()
        return len(pids)

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Dagster's records, beside the programs that write them."""
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            yield instance

    @contextmanager
    def lake(self) -> Iterator[Lake]:
        """The lake, beside the programs that write to it."""
        lake = Lake.open(self.home / "lake", postgres=self.environ.get("QMD_POSTGRES_URL"))
        try:
            yield lake
        finally:
            lake.close()

    def kept(self) -> Universe:
        """The universe."""
        return load_universe(self.home / "universe.toml")

    def launch(self, job: str, first: str, last: str, tables: list[str], config: dict[str, Any]) -> str:
        """Start a run over a range, as a person does in the UI; its id."""
        venue = job.partition("_")[0]
        selector = {
            "repositoryLocationName": "qmd_platform",
            "repositoryName": "__repository__",
            "pipelineName": job,
            "assetSelection": [{"path": [venue, table]} for table in tables],
        }
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        params = {
            "selector": selector,
            "runConfigData": config,
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        answer = requests.post(
            f"{self.url}/graphql", json={"query": LAUNCH, "variables": {"params": params}}, timeout=60
        )
        said = answer.json()["data"]["launchRun"]
        assert said["__typename"] == "LaunchRunSuccess", said
        return str(said["run"]["runId"])

    def lose(self, *partitions: Partition) -> None:
        """Take months out of the lake, as a damaged disk does: files gone, candles missing."""
        from qmd_platform.lake.repair import repair

        with self.lake() as lake:
            for partition in partitions:
                for segment in lake.ledger.segments(partition.series, (partition.month, partition.month)):
                    (self.home / "lake" / "data" / segment.path).unlink()
            repair(lake, lake.verify(), run_id="lost")

    def agenda(self) -> Agenda:
        """What the sensors would ask for, all venues together."""
        with self.lake() as lake:
            now = time.time_ns() // 1_000_000
            return planned(lake, self.kept(), now=now, venue_time=now - FRESH_MS, budget=1_000_000)

    def partitions(self) -> list[Partition]:
        """Every partition of every candle asset."""
        kept = self.kept()
        until = time.time_ns() // 1_000_000 - FRESH_MS
        return [
            Partition(Series(f"candles_{step.value}", market.venue, market.symbol), month)
            for venue in kept.venues.values()
            for step in (venue.base, *venue.native, *venue.derived)
            for market in venue.markets
            for month, _ in months(Window(kept.start, until))
        ]

    def untold(self) -> list[Partition]:
        """Partitions that the UI shows as missing."""
        wanted = self.partitions()
        with self.instance() as instance:
            tables = {(one.series.venue, one.series.table) for one in wanted}
            told = {table: instance.get_materialized_partitions(dg.AssetKey(list(table))) for table in tables}
        return [one for one in wanted if one.key not in told[one.series.venue, one.series.table]]

    def unfinished(self) -> list[dg.DagsterRun]:
        """Runs that wait or are at work."""
        with self.instance() as instance:
            return list(instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED))))

    def trouble(self) -> str:
        """What is not as it should be, in words; empty when everything has healed."""
        plan = self.agenda()
        if open_ := [*plan.ranges, *plan.left]:
            return f"{len(open_)} gaps: {open_[0].sentence}"
        if untold := self.untold():
            return f"Dagster does not know of {len(untold)} partitions: {untold[0]}"
        if runs := self.unfinished():
            return f"{len(runs)} unfinished runs: {runs[0].run_id} {runs[0].status}"
        return ""

    def heal(self, seconds: float) -> float:
        """Wait until everything has healed by itself; after how many seconds. AssertionError when it does not."""
        began = time.monotonic()
        wait_for(lambda: not self.trouble(), seconds, self.trouble, every=2)
        return time.monotonic() - began

    def differences(self) -> list[str]:
        """Series whose candles are not the exchange's, with what differs."""
        from qmd_platform.sandbox.market import truth

        found = []
        with self.lake() as lake:
            until = time.time_ns() // 1_000_000 - FRESH_MS
            window = Window(self.kept().start, until)
            for series in {one.series for one in self.partitions()}:
                whole = Window(window.start, until // series.timeframe.step * series.timeframe.step)
                held = lake.candles(series, whole)
                ought = truth(Market(series.venue, series.symbol), series.timeframe, whole, until)
                if not held.to_arrow().equals(ought.to_arrow()):
                    found.append(f"{series}: {len(held)} held, {len(ought)} at the exchange")
        return found


def _signal(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def wait_for(is_so: Callable[[], bool], seconds: float, why: Callable[[], str], every: float = 0.2) -> None:
    """Wait until it is so; AssertionError with ``why`` when it is not in time."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, f"after {seconds} s: {why()}"
        time.sleep(every)
