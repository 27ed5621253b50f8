"""The lake as a Dagster resource.

What lives here: where it is. What does not: what it does (``qmd_platform.lake``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from qmd_platform.config import lake_root, qmd_home

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake


class LakeResource(dg.ConfigurableResource):
    """The lake below ``home``; ``QMD_HOME`` (or ``~/.qmd``) when that is empty."""

    home: str = ""

    @contextmanager
    def open(self) -> Iterator["Lake"]:
        """The lake, closed afterwards."""
        from qmd_platform.lake.store import Lake  # noqa: PLC0415 - Arrow and SQL, only when a step runs

        lake = Lake.open(lake_root(Path(self.home) if self.home else qmd_home()))
        try:
            yield lake
        finally:
            lake.close()
