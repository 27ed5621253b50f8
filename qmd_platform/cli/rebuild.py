"""``qmd rebuild``: the ledger made again from the commits' records.

What lives here: asking first, progress, what is said at the end. What does not: the rebuilding
(``qmd_platform.lake.rebuild``).

The lake is never opened here: its ledger may be lost or unreadable.
"""

import sys
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit
from qmd_platform.errors import ConfigError

if TYPE_CHECKING:
    from qmd_platform.lake.rebuild import Rebuilt


@kit.command(
    {
        "qmd rebuild": "Ask first, then make the ledger again.",
        "qmd rebuild --yes --json": "Without asking; the answer for a program.",
    }
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(*, yes: bool, as_json: bool) -> None:
    """Make a lost or damaged ledger again.

    Every commit left a record beside the data, from which the ledger is made as it was: versions, coverage, pins
    and all. Stop everything else that uses the lake first. The old ledger is set aside, not deleted, and refused to
    be replaced by one that knows less. With QMD_POSTGRES_URL the ledger is made there. Verdicts of the quality
    rules and episodes of opportunities are not in the records; the next checks and the next run bring them back.
    """
    from qmd_platform import config

    root, postgres, files = config.lake_root(), config.postgres_url(), config.files_url()
    if postgres is None and not any((root / name).exists() for name in ("FORMAT.json", "ledger.sqlite", "log")):
        raise ConfigError(f"there is no lake at {root}", hint="set QMD_HOME to the folder that holds it")
    if not yes:
        _ask(f"Make the ledger of {root} again? Nothing else may use the lake meanwhile.")
    done = _rebuilt(postgres, files)
    if as_json:
        kit.emit({"commit": done.commit, "partitions": done.partitions, "set_aside": done.set_aside})
    else:
        _draw(done)


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        hint = "stop everything that uses the lake, then add --yes"
        raise ConfigError("making the ledger again wants a yes, and nobody can be asked here", hint=hint)
    click.confirm(question, abort=True, err=True)


def _rebuilt(postgres: str | None, files: str | None) -> "Rebuilt":
    from qmd_platform.cli.progress import progress
    from qmd_platform.config import lake_root
    from qmd_platform.lake.rebuild import rebuild

    with progress("commit") as tell:
        return rebuild(
            lake_root(),
            now=kit.now(),
            postgres=postgres,
            files=files,
            progress=lambda done, total: tell("rebuild", done, total),
        )


def _draw(done: "Rebuilt") -> None:
    from qmd_platform.cli import show

    partitions = show.counted(done.partitions, "partition")
    show.say(f"The ledger is made again: {partitions}, up to commit {done.commit}.")
    if done.set_aside:
        show.say(f"The old one is in {show.plain(done.set_aside)}; delete it when all is well.")
    show.say("`qmd verify` proves that it agrees with the files.")
