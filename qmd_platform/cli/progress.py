"""Progress on stderr: bars for a person who watches, a line a finished piece where nobody does.

What lives here: drawing how far named pieces of work are. What does not: counting it (the library reports).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qmd_platform.cli import kit, show

if TYPE_CHECKING:
    from rich.progress import Progress

Tell = Callable[[str, int, int], None]
"""``tell(name, done, total)``: how far the work called ``name`` is. A total of 0 means nothing to do."""


@contextmanager
def progress(unit: str, *, rate: bool = True) -> Iterator[Tell]:
    """Bars on stderr, one a name.

    Args:
        unit: what is counted, ``candle``.
        rate: say how many a second and how much time is left; else how much time has passed.
    """
    from rich.console import Console

    err = Console(stderr=True)
    if not err.is_terminal:
        yield _by_lines(unit)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    clock = TimeRemainingColumn() if rate else TimeElapsedColumn()
    counts = TextColumn("[dim]{task.fields[counts]}")
    with Progress(TextColumn("{task.description}"), BarColumn(), counts, clock, console=err) as bars:
        yield _by_bars(bars, unit, rate=rate)


def _by_bars(bars: "Progress", unit: str, *, rate: bool) -> Tell:
    def tell(name: str, done: int, total: int) -> None:
        if not total:
            return
        task = next((task for task in bars.tasks if task.description == name), None)
        known = bars.add_task(name, total=total, counts="") if task is None else task.id
        speed = f", {task.speed:,.0f}/s" if rate and task and task.speed else ""
        bars.update(known, completed=done, total=total, counts=f"{done:,} of {total:,} {unit}s{speed}")

    return tell


def _by_lines(unit: str) -> Tell:
    finished: set[str] = set()

    def tell(name: str, done: int, total: int) -> None:
        if total and done >= total and name not in finished:
            finished.add(name)
            kit.note(f"{name}: {show.counted(total, unit)}")

    return tell
