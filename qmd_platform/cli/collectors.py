"""One collector a venue, kept running.

What lives here: which programs, and what becomes of one that cannot be kept running. What does not: starting again and how
long to wait (``cli.services``), what a collector does (``qmd_platform.live``).

A venue that refuses us is no reason to hear nothing of the others: it is given up by itself, and told.
"""

import signal
import sys
import time
from collections.abc import Sequence

from qmd_platform.cli.children import ended
from qmd_platform.cli.services import LOOK_SECONDS, Service, Supervisor


def services(venues: Sequence[str]) -> list[Service]:
    """The collectors of ``venues``."""
    return [Service(f"collector of {one}", [sys.executable, "-m", "qmd_platform.live.child", one]) for one in venues]


class Collectors(Supervisor):
    """Keeps collectors running, each for itself."""

    def run(self) -> int:
        """Until interrupted; 1 when none can be kept running. All are ended on leaving."""
        with ended(self.ever, signal.SIGTERM):  # one that is only just starting has no words about it, as about SIGINT
            while self.services:
                for service in list(self.services):
                    self.look_after(service, time.monotonic())
                    if service.is_hopeless:
                        self.services.remove(service)
                        self.tell(f"the {service.name} is given up: it ended {service.failures} times in a row")
                time.sleep(LOOK_SECONDS)
            return 1
