"""``qmd migrate-ledger``: the lake's ledger and files from this machine to a team's servers, or back.

What lives here: the settings, progress, what is said at the end. What does not: the move (``lake.moving``), Dagster's
runs (``cli.migrate_dagster``).
"""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit
from qmd_platform.errors import ConfigError

if TYPE_CHECKING:
    from qmd_platform.lake.moving import Moved


@kit.command(
    {
        "qmd migrate-ledger": "After QMD_POSTGRES_URL (and QMD_FILES_URL) are set.",
        "qmd migrate-ledger --files s3://bucket/lake": "The files as well, to an object store.",
        "qmd migrate-ledger --to-sqlite": "The way back, before the settings are unset.",
    }
)
@click.argument("postgres_url", required=False)
@click.option(
    "--files",
    metavar="URL",
    help="Object store for the lake's files, s3://bucket/prefix (default: QMD_FILES_URL, else they stay).",
)
@click.option("--to-sqlite", is_flag=True, help="Move back to the files under QMD_HOME.")
def command(*, postgres_url: str | None, files: str | None, to_sqlite: bool, as_json: bool) -> None:
    """Move the lake to PostgreSQL and an object store.

    POSTGRES_URL is postgresql://user:password@host:5432/database, with ?schema=NAME for another schema than qmd; without it
    QMD_POSTGRES_URL is used, which keeps the password out of the list of processes. Every row is read back and every file is
    proven by its hash before the switch; nothing is deleted. From then on the old ledger is refused, also by programs that have it
    open. Stopped at any instant, run it again.
    """
    from qmd_platform import config
    from qmd_platform.cli.progress import progress
    from qmd_platform.lake import moving

    postgres = config.postgres_url(postgres_url)
    if postgres is None:
        hint = "set QMD_POSTGRES_URL to postgresql://user:password@host:5432/database"
        raise ConfigError("it is not said which database", hint=hint)
    url = config.files_url(files)
    if not to_sqlite and not config.is_lake_in():
        hint = "set only QMD_POSTGRES_URL: a new lake needs no move; or set QMD_HOME to the folder that holds one"
        raise ConfigError(f"there is no lake at {config.lake_root()}", hint=hint)
    move = moving.to_sqlite if to_sqlite else moving.to_postgres
    with progress("item") as tell:
        moved = move(config.lake_root(), postgres, url, tell)
    if as_json:
        kit.emit(asdict(moved))
    else:
        _draw(moved, url, to_sqlite=to_sqlite)


def _draw(moved: "Moved", url: str | None, *, to_sqlite: bool) -> None:
    from qmd_platform.cli import show

    if not moved.now:
        show.say(f"The ledger was moved before: it is {show.plain(moved.ledger)}, at commit {moved.commit}.")
    else:
        what = f"{show.counted(moved.rows, 'row')} up to commit {moved.commit}"
        show.say(f"Moved the ledger, {what}, to {show.plain(moved.ledger)}; every row was read back.")
    if moved.files:
        said = f"{show.counted(moved.copied, 'file')} copied ({show.size(moved.bytes)})"
        show.say(f"{show.counted(moved.files, 'file')} proven by hash, {said}.")
    if to_sqlite:
        show.say("Now unset QMD_POSTGRES_URL and QMD_FILES_URL wherever the lake is used.")
        return
    show.say("Now set, wherever the lake is used (here the password is left out):")
    show.say(f"  QMD_POSTGRES_URL={show.plain(moved.ledger)}")
    if url:
        show.say(f"  QMD_FILES_URL={show.plain(url)}")
    show.say("`qmd migrate-dagster` moves Dagster's runs. Of the old lake nothing was deleted.")
