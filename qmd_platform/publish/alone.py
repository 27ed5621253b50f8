"""One load of a table at a time, for a store that cannot keep two apart.

What lives here: waiting for one's turn, and whether it still is. What does not: leases themselves (``coordination``), what is
loaded (``loading``).

QuestDB has no transaction over several statements, so of two loads at once the slower one may put older rows over newer
ones that are written down already. A lease keeps them apart, and ends by itself when its holder is killed. Who lost it (a machine that
slept) is told, and does not write down what it sent.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qmd_platform.config import open_coordination
from qmd_platform.coordination.leases import POLL_S, RENEWALS, Lease, Leases
from qmd_platform.errors import StoreError

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake

PATIENCE_S = 3600.0
"""How long another load of the same table is waited for: the first one of a large lake takes long."""


@contextmanager
def alone(lake: "Lake", store: str, table: str) -> Iterator[Callable[[], bool]]:
    """Load ``table`` into the kind of store named ``store`` while nobody else of this lake does; gives a question: is it still so?

    It is the kind and not the address, as one server may be called by many names. Where the workers' own store is away nobody is
    kept away, and the answer is yes.

    Raises:
        StoreError: another one has been loading it for ``PATIENCE_S``.
    """
    with open_coordination(lake) as shared:
        lease = _taken(shared.leases, f"publish|{store}|{table}", shared.settings.lease_s)
        if lease is None:
            hint = "wait for it; what it has not loaded by then is loaded by the next one"
            raise StoreError(f"{store}/{table} is being loaded by another one for more than an hour", hint=hint)
        over = threading.Event()
        renewing = threading.Thread(target=_renewed, args=(lease, over), name="publish-lease", daemon=True)
        renewing.start()
        try:
            yield lambda: lease.is_held() if lease.is_granted else True
        finally:
            over.set()
            renewing.join()
            lease.release()


def _taken(leases: Leases, key: str, seconds: float) -> Lease | None:
    until = time.monotonic() + PATIENCE_S
    while (lease := leases.take(key, owner=f"publish-{os.getpid()}", seconds=seconds)) is None:
        if time.monotonic() >= until:
            return None
        time.sleep(POLL_S)
    return lease


def _renewed(lease: Lease, over: threading.Event) -> None:
    while not over.wait(lease.seconds / RENEWALS) and lease.renew():
        pass
