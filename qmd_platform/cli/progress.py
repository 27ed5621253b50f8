"""Progress on stderr: bars for a person who watches, a line a finished piece where nobody does.

What lives here: drawing how far named pieces of work are. What does not: counting it (the library reports).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qmd_platform.cli import kit, show

Tell = Callable[[str, int, int], None]
"""``tell(name, done, total)``: how far the work called ``name`` is. A total of 0 means nothing to do."""


@contextmanager
def progress(unit: str) -> Iterator[Tell]:
    """Bars on stderr, one a name, with rate and time left; ``unit`` is what is counted, ``candle``."""
    from rich.console import Console

    err = Console(stderr=True)
    if not err.is_terminal:
        yield _by_lines(unit)
        return
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    counts = TextColumn("[dim]{task.fields[counts]}")
    bars = Progress(TextColumn("{task.description}"), BarColumn(), counts, TimeRemainingColumn(), console=err)
    tasks: dict[str, TaskID] = {}

    def tell(name: str, done: int, total: int) -> None:
        if not total:
            return
        if name not in tasks:
            tasks[name] = bars.add_task(name, total=total, counts="")
        speed = next(task.speed for task in bars.tasks if task.id == tasks[name])
        rate = f", {speed:,.0f}/s" if speed else ""
        bars.update(tasks[name], completed=done, total=total, counts=f"{done:,} of {total:,} {unit}s{rate}")

    with bars:
        yield tell


def _by_lines(unit: str) -> Tell:
    finished: set[str] = set()

    def tell(name: str, done: int, total: int) -> None:
        if total and done >= total and name not in finished:
            finished.add(name)
            kit.note(f"{name}: {show.counted(total, unit)}")

    return tell
