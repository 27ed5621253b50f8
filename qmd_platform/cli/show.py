"""How answers look in a terminal: numbers for people, tables, coverage bars.

What lives here: formatting and drawing, with rich imported where it is needed. What does not: what is shown
(each command decides), JSON (``cli.kit``), progress bars (``cli.progress``).
"""

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Literal

from qmd_platform.coverage.summary import Summary
from qmd_platform.model.spans import Run, State
from qmd_platform.model.window import Instant, Window, iso

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PIPED_WIDTH = 240
"""Columns of a table that goes to a file or a pipe: wide enough that nothing is cut."""

GLYPHS = {
    State.VERIFIED_EMPTY: ("·", "cyan"),
    State.UNLISTED: ("-", "dim"),
    State.PRESENT: ("█", "green"),
    State.QUARANTINED: ("!", "yellow"),
    State.MISSING: ("x", "red"),
}
"""How a state is drawn, in order of what must not be overlooked: of all in one cell of a bar the last is drawn."""

UNKNOWN = " "
"""A cell nothing is known about: never asked for."""

Column = tuple[str, Literal["left", "right"]]


def count(number: int) -> str:
    """``12,345``."""
    return f"{number:,}"


def size(amount: int) -> str:
    """Bytes for people: ``812 B``, ``1.4 MB``."""
    value, unit = float(amount), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:  # noqa: PLR2004 - SI prefixes
            break
        value, unit = value / 1000, larger
    return f"{amount} B" if unit == "B" else f"{value:.1f} {unit}"


def share(part: int, whole: int) -> str:
    """Per cent of ``whole``, never rounded up to 100: one missing minute of a year shows as 99.99 %."""
    if part >= whole:
        return "100 %"
    return f"{min(part / whole * 100, 99.99):.2f} %"


def seconds(duration: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 05 s``."""
    if duration < 10:  # noqa: PLR2004 - two digits are enough
        return f"{duration:.1f} s"
    if duration < 120:  # noqa: PLR2004 - people count to two minutes in seconds
        return f"{duration:.0f} s"
    return f"{int(duration) // 60} min {int(duration) % 60:02d} s"


def each(amount: int, rows: int) -> str:
    """Bytes a row, ``5.31``; empty without rows."""
    return f"{amount / rows:.2f}" if rows else ""


def minute(at: Instant | None) -> str:
    """``2026-11-01 08:30``, UTC; empty for None."""
    return "" if at is None else iso(at)[:16].replace("T", " ")


def counted(number: int, noun: str) -> str:
    """``1 candle``, ``12,345 candles``."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def missing(summary: Summary) -> str:
    """The candles that ought to be there and are not, red when there are any."""
    absent = summary.missing + summary.quarantined
    return f"[bold red]{count(absent)}[/]" if absent else "0"


def console() -> "Console":
    """Where answers go, as rich sees it; not cut to 80 columns when it is no terminal."""
    from rich.console import Console

    out = Console(highlight=False, soft_wrap=False)
    return out if out.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    total: Sequence[str] | None = None,
    spare: Sequence[str] = (),
) -> None:
    """Print a table on stdout. Cells may hold rich markup.

    Args:
        columns: header and side; what stands on the right is never folded.
        rows: one cell a column.
        total: a last row, set apart.
        spare: headers of columns that are left out, in this order, until the table fits the terminal.
    """
    out = console()
    fit, left_out = fitting(columns, rows, total=total, spare=spare)
    if out.is_terminal:
        out.print(fit)
        if left_out:
            out.print(no_room(left_out))
        return
    with out.capture() as captured:
        out.print(fit)
    # Cells are filled up to the widest one; in a file or a pipe that is only trailing space.
    out.out("\n".join(line.rstrip() for line in captured.get().splitlines()), highlight=False)


def fitting(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    total: Sequence[str] | None = None,
    spare: Sequence[str] = (),
) -> "tuple[Table, list[str]]":
    """The table of ``table``, not printed, and which of the ``spare`` columns there is no room for."""
    out = console()
    unbounded = out.options.update(max_width=10_000)
    left_out: list[str] = []
    found = drawn(columns, rows, total)
    for name in spare:
        if out.measure(found, options=unbounded).maximum <= out.width:
            break
        left_out.append(name)
        found = drawn(columns, rows, total, left_out)
    return found, left_out


def no_room(left_out: Sequence[str]) -> str:
    """What is said below a table without these columns, in markup."""
    return f"[dim]no room for: {', '.join(left_out)} (a wider terminal or --json has them)[/]"


def drawn(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    total: Sequence[str] | None = None,
    left_out: Container[str] = (),
) -> "Table":
    """The table of ``table``, not printed, without the columns ``left_out``."""
    from rich import box
    from rich.table import Table

    shown = [place for place, (name, _) in enumerate(columns) if name not in left_out]
    found = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for place in shown:
        name, side = columns[place]
        found.add_column(name, justify=side, no_wrap=side == "right", overflow="fold")
    for row in rows:
        found.add_row(*(row[place] for place in shown))
    if total:
        found.add_section()
        found.add_row(*(total[place] for place in shown), style="bold")
    return found


def say(text: str = "") -> None:
    """Print a line for people on stdout. May hold rich markup."""
    console().print(text)


def state(of: State) -> str:
    """The state's name in its colour."""
    return f"[{GLYPHS[of][1]}]{of.value.replace('_', ' ')}[/]"


def plain(text: str) -> str:
    """``text`` with nothing in it taken for markup."""
    from rich.markup import escape

    return escape(text)


LEGEND = "  ".join(f"[{style}]{glyph}[/] {of.value.replace('_', ' ')}" for of, (glyph, style) in GLYPHS.items())
"""What the cells of a bar mean."""


def bar(runs: Sequence[Run], window: Window, cells: int = 62) -> str:
    """``window`` as ``cells`` glyphs, in markup. The gravest state inside a cell is the one drawn."""
    drawn = [
        UNKNOWN if found is None else f"[{GLYPHS[found][1]}]{GLYPHS[found][0]}[/]"
        for found in gravest(runs, window, cells)
    ]
    return "".join(drawn)


def gravest(runs: Sequence[Run], window: Window, cells: int) -> list[State | None]:
    """The gravest state in each of ``cells`` equal parts of ``window``; None where nothing is known."""
    order = list(GLYPHS)
    found: list[State | None] = [None] * cells
    span = window.end - window.start
    for run in runs:
        part = run.window.intersection(window)
        if part is None:
            continue
        first = (part.start - window.start) * cells // span
        last = (part.end - 1 - window.start) * cells // span
        for cell in range(first, last + 1):
            held = found[cell]
            if held is None or order.index(run.state) > order.index(held):
                found[cell] = run.state
    return found
