"""The checkout: the folder with the Dagster code location, which is not part of the wheel.

What lives here: finding it, and the environment Dagster runs in. What does not: starting Dagster (``cli.dev``).
"""

import os
import shutil
from pathlib import Path

from qmd_platform.errors import ConfigError

WORKSPACE = "workspace.yaml"

AROUND = Path(__file__).parents[2]
"""The folder around the package: the checkout, unless the package is installed as a wheel."""

EVENT_BATCH_SIZE = "50"
"""Events of a run that Dagster writes at once where its storage can (PostgreSQL; SQLite writes each alone)."""


def checkout() -> Path:
    """The folder with ``workspace.yaml``: around the package, else the current one. ConfigError when neither."""
    for folder in (AROUND, Path.cwd()):
        if (folder / WORKSPACE).is_file() and (folder / "assets").is_dir():
            return folder
    raise ConfigError(
        f"there is no {WORKSPACE} in {AROUND} or {Path.cwd()}: the Dagster side is not part of the installed package",
        hint="run this in a checkout of the repository; `qmd backfill` needs none",
    )


def dagster_home(home: Path, source: Path) -> Path:
    """The folder of Dagster's instance inside ``home``, made with the checkout's ``dagster.yaml`` when absent."""
    folder = home / "dagster"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "dagster.yaml").exists():
            shutil.copyfile(source / "resources" / "dagster.yaml", folder / "dagster.yaml")
    except OSError as error:
        raise ConfigError(f"cannot keep Dagster's instance in {folder}: {error.strerror}") from error
    return folder


def environment(home: Path, source: Path, *, universe: Path, venue_url: str | None) -> dict[str, str]:
    """What Dagster's processes are told: where state lives, what is kept, who answers for the venues."""
    env = dict(os.environ)
    env |= {
        "QMD_HOME": str(home),
        "QMD_UNIVERSE": str(universe),
        "DAGSTER_HOME": str(dagster_home(home, source)),
        "DAGSTER_EVENT_BATCH_SIZE": EVENT_BATCH_SIZE,
        "PYTHONWARNINGS": "ignore:Function `dev_command` is superseded",
    }
    if venue_url:
        env["QMD_VENUE_URL"] = venue_url
    else:
        env.pop("QMD_VENUE_URL", None)
    return env
