"""``qmd restore``: a lake out of a backup.

What lives here: progress, what is said at the end, the exit code. What does not: restoring (``lake.backup``).
"""

from dataclasses import asdict
from pathlib import Path

import click

from qmd_platform.cli import kit, store
from qmd_platform.errors import ConfigError, LakeError


@kit.command(
    {
        "qmd restore /mnt/backup/main": "Into QMD_HOME, which must not have a lake yet.",
        "QMD_HOME=/srv/main qmd restore /mnt/backup/main --json": "Into another place; the answer for a program.",
    }
)
@click.argument("folder", type=click.Path(path_type=Path))
def command(*, folder: Path, as_json: bool) -> int | None:
    """Make the lake under QMD_HOME from the backup in FOLDER.

    FOLDER is what `qmd backup` was given. Every file is proven by its hash. A lake that is there is never overwritten. Stopped at any
    instant, run it again. Exits with 4 when files of the backup are damaged; the rest is restored.
    """
    from qmd_platform import config
    from qmd_platform.cli.backup import damage, draw
    from qmd_platform.cli.progress import progress
    from qmd_platform.lake.backup import restore

    if config.postgres_url() is not None:
        hint = "unset QMD_POSTGRES_URL and QMD_FILES_URL, restore, then `qmd migrate-ledger` with an empty database"
        raise ConfigError("a backup is restored into files, and QMD_POSTGRES_URL is set", hint=hint)
    home = config.qmd_home()
    store.refuse_unwritable(home)
    with progress("file") as tell:
        saved = restore(folder / "lake", config.lake_root(), lambda done, total: tell("restore", done, total))
    if as_json:
        kit.emit({"lake": str(config.lake_root()), **asdict(saved)})
    else:
        draw(saved, f"The lake is restored in {config.lake_root()}")
        damage(saved, "Try another backup in another place, or fetch the candles again: `qmd verify --repair`.")
    return LakeError.exit_code if saved.damaged else None
