"""``qmd migrate-dagster``: Dagster's runs and history from SQLite files to PostgreSQL.

What lives here: the settings, progress, what is said at the end. What does not: the move (``resources.moving``, in a process of
its own: the library does not import Dagster), the ledger's (``cli.migrate_ledger``).
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qmd_platform.cli import instance, kit, store
from qmd_platform.errors import ConfigError, QmdError

PROGRAM = "resources.moving"


@kit.command(
    {
        "qmd migrate-dagster": "After QMD_POSTGRES_URL is set, and with no `qmd dev` running.",
        "qmd migrate-dagster --json": "The rows moved, by table, for a program.",
    }
)
def command(*, as_json: bool) -> int | None:
    """Move Dagster's runs and history to PostgreSQL.

    Copies runs, their logs, materializations, checks, partitions, schedules, sensors and cursors from QMD_HOME/dagster
    into the database of QMD_POSTGRES_URL, which must hold no others; counts them there; and makes dagster.yaml one for
    PostgreSQL. All or nothing. The SQLite files stay as they are. Run again, it says that it is done. `qmd
    migrate-ledger` does the same for the lake's ledger.
    """
    from qmd_platform.cli.checkout import checkout
    from qmd_platform.config import postgres_url, qmd_home

    folder, source = qmd_home() / "dagster", checkout()
    url = postgres_url()
    if url is None:
        raise ConfigError(
            f"{instance.SETTING} is not set", hint="set it to postgresql://user:password@host:5432/database"
        )
    target = instance.dagster_url(url)
    if not (folder / instance.FILE).is_file():
        raise ConfigError(
            f"there is no Dagster instance in {folder}", hint="`qmd dev` makes one, in PostgreSQL at once"
        )
    store.refuse_unwritable(folder)
    moved = _moved(folder, source, target)
    changed = instance.switch(folder, source)
    if as_json:
        kit.emit({"rows": moved["rows"], "moved_now": moved["is_new"], "dagster_yaml_changed": changed})
    else:
        _draw(moved, folder, instance.kept_in(folder, url))
    return None


def _moved(folder: Path, source: Path, target: str) -> dict[str, Any]:
    """What the program said at last, its refusal raised."""
    from qmd_platform.cli.children import ended, ended_by_signals, started
    from qmd_platform.cli.progress import progress

    env = dict(os.environ) | {"DAGSTER_HOME": str(folder), instance.DERIVED: target}
    log = folder / "migrate.log"
    with ended_by_signals():
        process = started([sys.executable, "-m", PROGRAM], env=env, cwd=source, log=log)
        with ended([process]), progress("row") as tell:
            said: dict[str, Any] = {}
            for said in _lines(process.stdout):
                if "progress" in said:
                    tell(*said["progress"])
    if "refused" in said:
        raise ConfigError(said["refused"], hint=said["hint"])
    if "moved" not in said:
        raise QmdError("the move failed; nothing was moved", hint=f"see the end of {log}")
    moved: dict[str, Any] = said["moved"]
    return moved


def _lines(stdout: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a pipe of text or None
    for line in stdout or ():
        yield json.loads(line)


def _draw(moved: dict[str, Any], folder: Path, where: str) -> None:
    from qmd_platform.cli import show

    rows = moved["rows"]
    if not moved["is_new"]:
        show.say(f"Dagster's history was moved before: {show.counted(rows['runs'], 'run')} in {where}.")
        return
    what = f"{show.counted(rows['runs'], 'run')} with {show.counted(rows['event_logs'], 'event')}"
    show.say(f"Moved {what} and {show.counted(sum(rows.values()), 'row')} in all to {where}; counted there again.")
    show.say(
        f"`qmd dev` uses it from now on. The SQLite files, {folder}/history and {folder}/schedules, can be deleted."
    )
