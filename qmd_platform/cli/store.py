"""Opening the lake from the command line.

What lives here: a lake that is only looked at must exist already, and one that is written to may be made. What
does not: the lake itself (``qmd_platform.lake``).
"""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from qmd_platform.errors import ConfigError

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake


DEMO_HOMES = (".qmd", ".qmd/demo")
"""Where `make demo` and `qmd demo` leave a lake, in the folder they are started in."""

SANDBOX = "http://127.0.0.1:8080"
"""Where the hints have a sandbox exchange be started."""

_ANOTHER = "set QMD_HOME to a folder you may write to"


def lake_to_read() -> "Lake":
    """The lake under QMD_HOME; ConfigError when there is none, so that looking creates nothing."""
    from qmd_platform.config import is_lake_there, lake_root, open_lake

    if not is_lake_there():
        raise ConfigError(f"there is no lake at {lake_root()}", hint=_where_one_is())
    return open_lake()


def _where_one_is() -> str:
    """How to come to a lake: to the one that a demo left in this folder, or to a new one."""
    from qmd_platform.config import is_lake_in

    for place in DEMO_HOMES:
        if is_lake_in(Path.cwd() / place):
            return f'there is one in {place}: export QMD_HOME="$PWD/{place}"'
    return (
        "set QMD_HOME to the folder that holds it, or fill one: `qmd demo` (its last lines say which QMD_HOME it is in), "
        "`qmd backfill --help`"
    )


def lake_to_write() -> "Lake":
    """The lake under QMD_HOME, made when it is not there yet; ConfigError when the place cannot be written."""
    from qmd_platform.config import qmd_home

    home = qmd_home()
    refuse_unwritable(home)
    return lake_in(home)


def lake_in(home: Path) -> "Lake":
    """The lake under ``home``, made when it is not there yet; ConfigError when the folder cannot be made."""
    from qmd_platform.config import open_lake

    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot keep state in {home}: {error.strerror}", hint=_ANOTHER) from None
    return open_lake(home)


def refuse_unwritable(home: Path) -> None:
    """ConfigError when ``home`` is a file, or cannot be written or made."""
    above = next(folder for folder in (home, *home.parents) if folder.exists())
    if not above.is_dir():
        raise ConfigError(f"cannot keep state in {home}: {above} is not a folder", hint=_ANOTHER)
    if not os.access(above, os.W_OK | os.X_OK):
        raise ConfigError(f"cannot keep state in {home}: it cannot be written", hint=_ANOTHER)


def refuse_unmakeable(home: Path) -> None:
    """ConfigError when nothing can be made in ``home`` or in the nearest folder above it; leaves nothing behind.

    Permissions alone do not tell: root may write everywhere, yet nothing can be made in ``/proc``.
    """
    refuse_unwritable(home)
    above = next(folder for folder in (home, *home.parents) if folder.exists())
    try:
        with tempfile.TemporaryDirectory(prefix=".qmd-doctor-", dir=above):
            pass
    except OSError as error:
        why = f"nothing can be made in {above} ({error.strerror})"
        raise ConfigError(f"cannot keep state in {home}: {why}", hint=_ANOTHER) from None


def asking(lake: "Lake", line: str) -> str:
    """The command ``line``, which asks venues, as it can be typed for ``lake``: sandbox data need a sandbox to ask."""
    from qmd_platform.config import venue_url

    if lake.world != "sandbox" or venue_url():
        return f"`{line}`"
    return f"`{line} --venue-url {SANDBOX}` with `qmd sandbox --port {SANDBOX.rpartition(':')[2]}` in another terminal"


def world_of(home: Path) -> str | None:
    """Which world the lake under ``home`` is of, ``live`` or ``sandbox``; None without a lake or before its first data."""
    from qmd_platform.config import is_lake_there, open_lake

    return open_lake(home).world if is_lake_there(home) else None
