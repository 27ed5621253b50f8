"""The lake as a Dagster resource.

What lives here: where it is, how long old states are kept. What does not: what it does (``qmd_platform.lake``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from qmd_platform.config import open_lake

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake


class LakeResource(dg.ConfigurableResource):
    """The lake of the settings: below ``home``, else ``QMD_HOME``, else ``~/.qmd``; a team's in its database."""

    home: str = Field(default="", description="Folder of all state; empty for QMD_HOME, or ~/.qmd when that is unset.")
    keep_days: float = Field(
        default=7, ge=0, description="Days for which every past state stays readable. A vacuum spares what they need."
    )
    grace_hours: float = Field(
        default=24,
        ge=1,
        description="Hours that files stay after nothing needs them: longer than any reader or writer takes.",
    )

    @contextmanager
    def open(self) -> Iterator["Lake"]:
        """The lake, closed afterwards."""
        lake = open_lake(Path(self.home) if self.home else None)
        try:
            yield lake
        finally:
            lake.close()
