"""``qmd unpin NAME``: a pin is forgotten.

What lives here: the command. What does not: pins (``Ledger.unpin``), deleting what only they kept (``cli.vacuum``).
"""

import click

from qmd_platform.cli import kit, store


@kit.command(
    {
        "qmd unpin backtest-7": "Forget it.",
        "qmd unpin backtest-7 --json": "The same, for a program.",
    }
)
@click.argument("name")
def command(*, name: str, as_json: bool) -> None:
    """Forget a pin.

    Nothing is deleted by this: what only the pin kept goes with a later `qmd vacuum`.
    """
    store.lake_to_read().ledger.unpin(name, run_id=kit.run_id("unpin"))
    if as_json:
        kit.emit({"unpinned": name})
    else:
        kit.note(f"{name} is forgotten; `qmd vacuum` frees what only it kept")
