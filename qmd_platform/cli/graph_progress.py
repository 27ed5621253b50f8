"""How far the runs of the graph are, on stderr: a line a finished run, and something to see in between.

What lives here: the lines and the bars. What does not: counting partitions (``cli.graph``), progress of anything else
(``cli.progress``).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qmd_platform.cli import kit, show
from qmd_platform.cli.workers import Outcome

if TYPE_CHECKING:
    from rich.progress import Progress

QUIET_SECONDS = 15.0
"""Where nobody sees bars, a line says what is being worked on whenever so long nothing was said."""

WHOLE = "whole graph"

WORDS = {
    "": "instruments",
    "funding": "funding, mark, index and premium",
    "snapshots": "what its perpetuals are like now",
    "*": "candles of all its markets",
}
"""What a run of a venue is about, by what follows the venue's name in its line; anything else is a market."""

ALONE = {
    "arbitrage": "tables of arbitrage across venues",
    "simulation": "simulated arbitrage",
    "coverage": "coverage of all venues",
}
"""Runs that are of no venue, by the name in their line."""

Partitions = tuple[str, int, int]
"""A market's name, how many of its partitions are up to date, of how many."""


class Watch:
    """What is said of the runs. ``look`` is called again and again.

    Args:
        total: how many runs there are.
        bars: where bars are drawn; None: lines alone.
        clock: seconds that only grow.
    """

    def __init__(self, total: int, bars: "Progress | None" = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._bars = bars
        self._clock = clock
        self._told = 0
        self._told_at = clock()

    def look(self, outcomes: Sequence[Outcome], at_work: Sequence[str], markets: Sequence[Partitions]) -> None:
        """Say what is new.

        Args:
            outcomes: of the runs that have ended, in their order.
            at_work: the lines of those that have not.
            markets: how far each market is.
        """
        partitions = _counted(markets)
        for outcome in outcomes[self._told :]:
            self._told += 1
            self._say(f"{self._so_far}: {_ended(outcome, partitions)}")
        names = {line.partition(" ")[0]: about(line) for line in at_work}
        if self._bars is not None:
            self._draw(names, partitions)
        elif names and self._clock() - self._told_at >= QUIET_SECONDS:
            working = (label + _of(partitions.get(name)) for name, label in names.items())
            self._say(f"{self._so_far} so far; at work: {'; '.join(working)}")

    @property
    def _so_far(self) -> str:
        return f"{self._told} of {show.counted(self._total, 'run')}"

    def _say(self, line: str) -> None:
        self._told_at = self._clock()
        if self._bars is None:
            kit.note(line)
        else:
            self._bars.console.print(line, markup=False, highlight=False)

    def _draw(self, names: dict[str, str], partitions: dict[str, tuple[int, int]]) -> None:
        """A bar for all runs, and one for each that is at work; what has ended has a line instead."""
        if self._bars is None:
            return
        wanted = {WHOLE: (self._told, self._total, self._so_far)}
        for name, label in names.items():
            done, total = partitions.get(name, (0, 0))
            wanted[label] = (done, total, f"{done} of {show.counted(total, 'partition')}" if total else "")
        for task in self._bars.tasks:
            if task.description not in wanted:
                self._bars.remove_task(task.id)
        known = {task.description: task.id for task in self._bars.tasks}
        for label, (done, total, counts) in wanted.items():
            task_id = known.get(label)
            if task_id is None:
                task_id = self._bars.add_task(label, total=total or None, counts=counts)
            self._bars.update(task_id, completed=done, counts=counts)


def about(line: str) -> str:
    """What the run of a worker's line (``sensors.graph_runner``) is about, in words."""
    name = line.partition(" ")[0]
    if name in ALONE:
        return ALONE[name]
    venue, _, rest = name.partition(":")
    return f"{venue}: {WORDS[rest]}" if rest in WORDS else name


def _counted(markets: Sequence[Partitions]) -> dict[str, tuple[int, int]]:
    """Partitions done, of how many, by market, and of all markets of a venue."""
    found: dict[str, tuple[int, int]] = {}
    for name, done, total in markets:
        found[name] = done, total
        every = f"{name.partition(':')[0]}:*"
        before = found.get(every, (0, 0))
        found[every] = before[0] + done, before[1] + total
    return found


def _ended(outcome: Outcome, partitions: dict[str, tuple[int, int]]) -> str:
    done = partitions.get(outcome.name)
    if not outcome.ok:
        return f"{about(outcome.asked)} failed"
    counted = f", {show.counted(done[1], 'partition')}" if done else ""
    return f"{about(outcome.asked)}{counted}, {show.seconds(outcome.seconds)}"


def _of(partitions: tuple[int, int] | None) -> str:
    return "" if partitions is None else f" ({partitions[0]} of {show.counted(partitions[1], 'partition')})"


@contextmanager
def watching(total: int) -> Iterator[Watch]:
    """A watch over ``total`` runs: with bars for a person who watches, else in lines."""
    from rich.console import Console

    err = Console(stderr=True)
    if not err.is_terminal:
        yield Watch(total)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    counts = TextColumn("[dim]{task.fields[counts]}")
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), counts, TimeElapsedColumn())
    with Progress(*columns, console=err) as bars:
        yield Watch(total, bars)
