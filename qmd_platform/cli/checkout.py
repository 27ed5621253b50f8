"""The checkout: the folder with the Dagster code location, which is not part of the wheel.

What lives here: finding it, and the environment Dagster runs in. What does not: where
Dagster keeps its runs (``cli.instance``), starting it (``cli.dev``).
"""

import os
from pathlib import Path

from qmd_platform.cli import instance
from qmd_platform.config import postgres_url
from qmd_platform.errors import ConfigError

WORKSPACE = "workspace.yaml"

AROUND = Path(__file__).parents[2]
"""The folder around the package: the checkout, unless the package is installed as a wheel."""

EVENT_BATCH_SIZE = "50"
"""Events of a run that Dagster writes at once where its storage can. A run over 24 to 240 months of six tables, each event
with a chart, took 1.4 to 3 times as long on PostgreSQL without; 200 gained no more, and on SQLite it makes no difference."""


def checkout() -> Path:
    """The folder with ``workspace.yaml``: around the package, else the current one. ConfigError when neither."""
    for folder in (AROUND, Path.cwd()):
        if (folder / WORKSPACE).is_file() and (folder / "assets").is_dir():
            return folder
    raise ConfigError(
        f"there is no {WORKSPACE} in {AROUND} or {Path.cwd()}: the Dagster side is not part of the installed package",
        hint="run this in a checkout of the repository; `qmd backfill` needs none",
    )


def environment(home: Path, source: Path, *, universe: Path, venue_url: str | None) -> dict[str, str]:
    """What Dagster's processes are told: where state lives, what is kept, who answers for the venues."""
    postgres = postgres_url()
    env = dict(os.environ)
    env |= {
        "QMD_HOME": str(home),
        "QMD_UNIVERSE": str(universe),
        "DAGSTER_HOME": str(instance.dagster_home(home, source, postgres)),
        "DAGSTER_EVENT_BATCH_SIZE": EVENT_BATCH_SIZE,
        "PYTHONWARNINGS": "ignore:Function `dev_command` is superseded",
    }
    if postgres:
        env[instance.DERIVED] = instance.dagster_url(postgres)
    if venue_url:
        env["QMD_VENUE_URL"] = venue_url
    else:
        env.pop("QMD_VENUE_URL", None)
    return env
