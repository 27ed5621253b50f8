"""``qmd backup``: all of the lake into a folder.

What lives here: progress, what is said at the end, the exit code. What does not: the backup (``lake.backup``).
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.errors import LakeError

if TYPE_CHECKING:
    from qmd_platform.lake.backup import Saved


@kit.command(
    {
        "qmd backup /mnt/backup/main": "The first time all of it, then what is new.",
        "QMD_HOME=/mnt/backup/main qmd verify": "A backup is a home of its own: look into it with any command.",
    }
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def command(*, folder: Path, as_json: bool) -> int | None:
    """Save the whole lake into FOLDER.

    What is there afterwards is an embedded lake, FOLDER/lake, also of a lake in PostgreSQL and on an object store. Every file is proven by
    its hash while it is copied, and those an earlier backup has are not copied again. Others may write meanwhile. Stopped at any instant, the
    earlier backup is still whole. Exits with 4 when files of the lake are damaged; the rest is saved. `qmd restore` is the way back.
    """
    from qmd_platform.cli.progress import progress
    from qmd_platform.lake.backup import backup

    with store.lake_to_read() as lake, progress("file") as tell:
        saved = backup(lake, folder.expanduser() / "lake", lambda done, total: tell("backup", done, total))
    if as_json:
        kit.emit({"folder": str(folder), **asdict(saved)})
    else:
        draw(saved, f"The lake is saved in {folder}")
        damage(saved, "`qmd verify --repair` takes damaged files out, and a backfill fetches their candles again.")
    return LakeError.exit_code if saved.damaged else None


def draw(saved: "Saved", begin: str) -> None:
    """Say what was done."""
    from qmd_platform.cli import show

    new = f"{show.counted(saved.copied, 'file')} copied ({show.size(saved.bytes)})"
    gone = f", {saved.removed:,} of an earlier one removed" if saved.removed else ""
    show.say(f"{show.plain(begin)}, up to commit {saved.commit}: {show.counted(saved.files, 'file')}, {new}{gone}.")


def damage(saved: "Saved", remedy: str) -> None:
    """Say which files could not be had."""
    from qmd_platform.cli import show

    if saved.damaged:
        show.say(f"[bold red]{show.counted(len(saved.damaged), 'file')} could not be had:[/]")
        for one in saved.damaged:
            show.say(f"  {show.plain(one)}")
        show.say(remedy)
    if saved.lost:
        show.say(f"{show.counted(len(saved.lost), 'file')} could not be had that only past snapshots need.")
