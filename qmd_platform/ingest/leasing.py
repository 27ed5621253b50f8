"""A month's lease, waited for.

What lives here: who holds it and how long one waits for it. What does not: how a lease is kept and renewed
(``coordination``).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from qmd_platform.coordination.leases import held_lease
from qmd_platform.ingest.shared import Shared
from qmd_platform.model.series import Partition


@asynccontextmanager
async def leased(shared: Shared, partition: Partition, until: float) -> AsyncIterator[bool]:
    """Hold the lease of ``partition``; False when another worker held it until ``until`` (the loop's clock).

    When nobody can say who holds it, it is worked on all the same: the compare-and-swap at commit keeps it right.
    """
    patience = max(until - asyncio.get_running_loop().time(), 0.0)
    leases, seconds = shared.coordination.leases, shared.coordination.settings.lease_s
    async with held_lease(leases, str(partition), owner=shared.run_id, seconds=seconds, patience_s=patience) as lease:
        yield lease is not None
