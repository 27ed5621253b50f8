"""docs/tables.md and docs/cli.md, made from the code they describe.

What lives here: turning tables and commands into Markdown, writing it (``make docs``), comparing (``--check``). What
does not: any fact; those are in ``qmd_platform.model.tables`` and ``qmd_platform.cli``.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from qmd_platform.cli.app import COMMANDS, app
from qmd_platform.model import tables

HERE = Path(__file__).parent
WIDTH = 100
"""Characters in a line of help."""

ALL_TABLES = (tables.CANDLES, *tables.TABLES.values())


def tables_page() -> str:
    """Every table with its columns."""
    sections = [_table(table) for table in ALL_TABLES]
    intro = (
        "Made from `qmd_platform/model` by `make docs`. Instants are UTC; in Python and Parquet they are\n"
        "timestamps with a zone, on the command line ISO text. A column without *or nothing* is never null."
    )
    return "\n\n".join(["# Tables", intro, *sections]) + "\n"


def _table(table: tables.Table) -> str:
    rows = [
        f"| `{c.name}` | {c.dtype}{' or nothing' if c.nullable else ''} | {c.unit} | {c.sentence} |"
        for c in table.columns
    ]
    key = ", ".join(f"`{name}`" for name in table.key)
    head = f"## {table.name}\n\n{table.sentence} Unique and sorted by {key}; schema version {table.version}."
    return "\n".join([head, "", "| column | type | unit | means |", "|---|---|---|---|", *rows])


def cli_page() -> str:
    """The help of ``qmd`` and of each command, as the terminal shows it."""
    root = click.Context(app, info_name="qmd", terminal_width=WIDTH, help_option_names=["-h", "--help"])
    parts = [f"# The command line\n\nMade from the commands' own help by `make docs`.\n\n{_help(app, root)}"]
    for name in COMMANDS:
        command = app.get_command(root, name)
        if command is not None:
            context = click.Context(command, info_name=name, parent=root, terminal_width=WIDTH)
            parts.append(f"## qmd {name}\n\n{_help(command, context)}")
            parts += _below(command, context)
    return "\n\n".join(parts) + "\n"


def _below(command: click.Command, parent: click.Context) -> list[str]:
    """The help of each command of a group."""
    if not isinstance(command, click.Group):
        return []
    found = []
    for name, one in command.commands.items():
        context = click.Context(one, info_name=name, parent=parent, terminal_width=WIDTH)
        found.append(f"### qmd {parent.info_name} {name}\n\n{_help(one, context)}")
    return found


def _help(command: click.Command, context: click.Context) -> str:
    lines = [line.rstrip() for line in command.get_help(context).splitlines()]
    return "\n".join(["```text", *lines, "```"])


PAGES: dict[str, Callable[[], str]] = {"tables.md": tables_page, "cli.md": cli_page}


def stale() -> list[str]:
    """Names of the pages that do not say what the code says."""
    files = {name: HERE / name for name in PAGES}
    return [name for name, file in files.items() if not file.exists() or file.read_text("utf-8") != PAGES[name]()]


def main() -> None:
    """Write the pages, or with ``--check`` fail when they are stale."""
    found = stale()
    if "--check" in sys.argv[1:]:
        if found:
            sys.exit(f"docs/{', docs/'.join(found)} differ from the code: run `make docs`")
        return
    for name in found:
        (HERE / name).write_text(PAGES[name](), "utf-8")
        sys.stdout.write(f"wrote docs/{name}\n")


if __name__ == "__main__":
    main()
