"""Dagster's default run launcher, with an eye on the processes it has runs in.

What lives here: whether a run's process is still there, and ending it when the code server that started it is not. What
does not: noticing in good time and what follows (run monitoring and run retries, ``dagster.yaml``).

With the launcher that Dagster brings, a run's process is watched by the code server that started it, and by nobody
else: when both have died, the run stays "started" for ever. A process is told by its number and the time of its start,
so that another one that was given the number later is not taken for it.
"""

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.events import DagsterEventType
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher

HOST_TAG = "qmd/host"
"""A run's tag: the machine it was started from, which is the only one that can see its process."""

STARTED = "Started process for run (pid: "
"""How the event begins in which a run tells its process."""

SLACK_SECONDS = 5
"""By how much the clocks of a process's start and of its event may differ."""


class WatchedRunLauncher(DefaultRunLauncher):
    """Starts runs in processes of the code server, and knows whether they live when the code server does not."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes: run monitoring asks at every poll."""
        return True

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run."""
        self._instance.add_run_tags(context.dagster_run.run_id, {HOST_TAG: socket.gethostname()})
        super().launch_run(context)

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process lives; it counts as alive where this machine cannot know."""
        worker = self._worker(run)
        if worker is None or is_alive(*worker):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"the run's process {worker[0]} is gone")

    def terminate(self, run_id: str) -> bool:
        """End the run: through its code server, or by a signal when that is gone."""
        with suppress(DagsterUserCodeUnreachableError):
            if super().terminate(run_id):  # type: ignore[no-untyped-call]  # Dagster gives it no types
                return True
        run = self._instance.get_run_by_id(run_id)
        worker = self._worker(run) if run is not None and not run.is_finished else None
        if worker is None or not is_alive(*worker):
            return False
        with suppress(ProcessLookupError):
            os.kill(worker[0], signal.SIGINT)
        return True

    def _worker(self, run: dg.DagsterRun) -> tuple[int, float] | None:
        """The process's number and when it told us (epoch seconds); None when it has not, or is another machine's."""
        if run.tags.get(HOST_TAG) != socket.gethostname():
            return None
        for entry in reversed(self._instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)):
            if entry.message.startswith(STARTED):
                return int(entry.message.removeprefix(STARTED).partition(")")[0]), entry.timestamp
        return None


def is_alive(pid: int, told_at: float) -> bool:
    """Whether process ``pid``, which told us so at ``told_at`` (epoch seconds), is at work."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (ProcessLookupError, PermissionError):
        return False
    except FileNotFoundError:
        return not Path("/proc/self/stat").exists()  # gone since, or a system that tells nothing more
    state, *rest = stat.rpartition(")")[2].split()
    began = _boot_time() + int(rest[18]) / os.sysconf("SC_CLK_TCK")
    return state != "Z" and began <= told_at + SLACK_SECONDS


def _boot_time() -> float:
    lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("btime ")))
