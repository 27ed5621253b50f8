"""What all markets of one venue share during a backfill.

What lives here: the way to the lake, the room for pages and months, the time left, a ban; how far a market is. What does
not: asking (``ingest.asked``), the months (``ingest.months``).
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qmd_platform.config import open_coordination
from qmd_platform.errors import Banned
from qmd_platform.ingest.asking import Asking
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market

if TYPE_CHECKING:
    from qmd_platform.coordination.opening import Coordination
    from qmd_platform.venues.archive import Archive


def coordinated(lake: Lake, given: "Coordination | None") -> AbstractContextManager["Coordination"]:
    """What the workers of ``lake`` share besides its data: opened, and closed in the end, unless it is ``given``."""
    return open_coordination(lake) if given is None else nullcontext(given)


PAGES_IN_FLIGHT = 16
"""Pages of one venue asked at the same time; at 0.1 s a round trip that is 160 requests a second, more than any
venue allows, so the budget and not the distance is the limit."""

MONTHS_IN_FLIGHT = 16
"""Months of one venue under work at the same time: enough that months of a page each fill the room for pages."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one market is: candles asked for so far, of those to ask for. Zero to ask means all is held."""

    market: Market
    done: int
    total: int


OnProgress = Callable[[Progress], None]


@dataclass(slots=True)
class Shared:
    """See above. ``ends_at`` is when the run's time is over, by the event loop's clock."""

    lake: Lake
    run_id: str
    source: str
    on_progress: OnProgress
    asking: Asking
    coordination: "Coordination"
    ends_at: float
    archive: "Archive | None" = None
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PAGES_IN_FLIGHT))
    rooms: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MONTHS_IN_FLIGHT))
    banned: Banned | None = None

    @property
    def is_late(self) -> bool:
        """Whether the run's time is over."""
        return asyncio.get_running_loop().time() >= self.ends_at
