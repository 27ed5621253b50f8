"""Worker processes that run the Dagster graph side by side, and the plan they work through.

What lives here: starting them, handing out what to run, collecting outcomes, ending them. What does not: running it
(``sensors.graph_runner``, in the worker), showing it (``cli.demo``).

The library does not import Dagster, so a worker is a program of its own, told what to run on its stdin.
"""

import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qmd_platform.cli.children import ended, started

PROGRAM = "from qmd_platform.definitions import defs; from sensors.graph_runner import serve; serve(defs)"

WORKERS = 2
"""Side by side. A run mostly computes (Dagster's events, roll-ups, rules), so more than the cores gain nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run. ``asked`` is as it was asked; ``tables`` are the seconds each table took."""

    asked: str
    run_id: str
    ok: bool
    seconds: float
    tables: Mapping[str, float]
    errors: tuple[str, ...]

    @property
    def name(self) -> str:
        """The venue or market it was about."""
        return self.asked.partition(" ")[0]


class Plan:
    """What is to be run: every venue's instruments first, then its markets. Shared by the workers' threads.

    Args:
        runs: of every venue, the lines a worker understands (``sensors.graph_runner``).
        at_last: lines for when all of these are done.

    Attributes:
        total: how many runs there are if none fails.
    """

    def __init__(self, runs: Mapping[str, Sequence[str]], at_last: Sequence[str] = ()) -> None:
        self.total = len(runs) + sum(map(len, runs.values())) + len(at_last)
        self._waiting = dict(runs)
        self._at_last = deque(at_last)
        self._ready = deque(self._waiting)
        self._running: list[str] = []
        self._changed = threading.Condition()

    @property
    def at_work(self) -> tuple[str, ...]:
        """What was taken and has not ended."""
        with self._changed:
            return tuple(self._running)

    def take(self) -> str | None:
        """What to run next, waiting for it if need be; None when there is nothing left."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or not self._running)
            if not self._ready and not self._at_last:
                return None
            self._running.append((self._ready or self._at_last).popleft())
            return self._running[-1]

    def finished(self, outcome: Outcome) -> None:
        """A venue's markets can be run once its instruments are there."""
        with self._changed:
            if outcome.asked in self._running:  # not once the plan is abandoned
                self._running.remove(outcome.asked)
            runs = self._waiting.pop(outcome.name, ())
            if outcome.ok:
                # Venues take turns, so that none is left alone at the end.
                self._ready = deque(_alternating([*self._ready], runs))
            self._changed.notify_all()

    def abandon(self) -> None:
        """Nothing more is handed out."""
        with self._changed:
            self._ready.clear()
            self._at_last.clear()
            self._running.clear()
            self._changed.notify_all()


def _alternating(first: Sequence[str], second: Sequence[str]) -> Iterator[str]:
    for place in range(max(len(first), len(second))):
        yield from first[place : place + 1]
        yield from second[place : place + 1]


@contextmanager
def working(
    plan: Plan, on_done: Callable[[Outcome], None], *, source: Path, env: Mapping[str, str], logs: Path
) -> Iterator[list[threading.Thread]]:
    """Workers at work on ``plan``; the threads that look after them end when the plan does.

    Args:
        plan: what to run.
        on_done: called after every run, from one of the threads.
        source: the checkout.
        env: the workers' environment.
        logs: folder for what the workers say on stderr.
    """
    files = [logs / f"demo-{number}.log" for number in range(1, WORKERS + 1)]
    workers = [started([sys.executable, "-c", PROGRAM], env=env, cwd=source, log=log) for log in files]
    with ended(workers):
        threads = [
            threading.Thread(target=_Serving(plan, worker, log, on_done).run, daemon=True)
            for worker, log in zip(workers, files, strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            yield threads
        finally:
            plan.abandon()


@dataclass(frozen=True, slots=True)
class _Serving:
    """One worker, and the thread that hands it its work."""

    plan: Plan
    worker: subprocess.Popen[str]
    log: Path
    on_done: Callable[[Outcome], None]

    def run(self) -> None:
        """Until the plan is done. A worker that dies fails what it was asked, and takes nothing more."""
        self._answer()
        while (asked := self.plan.take()) is not None:
            outcome = self._outcome(asked)
            self.on_done(outcome)
            self.plan.finished(outcome)
            if not outcome.run_id:
                return

    def _outcome(self, asked: str) -> Outcome:
        said = self._answer(asked)
        if not said:
            return Outcome(asked, "", ok=False, seconds=0, tables={}, errors=(f"the worker died: see {self.log}",))
        return Outcome(**(said | {"errors": tuple(said["errors"])}))

    def _answer(self, asked: str = "") -> dict[str, Any]:
        """The worker's next line, after asking for it; empty when it is gone."""
        if self.worker.stdin is None or self.worker.stdout is None:
            return {}
        try:
            if asked:
                self.worker.stdin.write(asked + "\n")
                self.worker.stdin.flush()
            line = self.worker.stdout.readline()
        except (BrokenPipeError, ValueError):  # ValueError: we closed its stdin, because we are being ended
            return {}
        answer: dict[str, Any] = json.loads(line) if line else {}
        return answer
