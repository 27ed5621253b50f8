"""This machine's clock, in one place.

What lives here: ``now``. What does not: the venue's clock, which has the say once it was asked (``reader.phases``).
"""

import time

from qmd_platform.model.window import Instant


def now() -> Instant:
    """Epoch ms."""
    return time.time_ns() // 1_000_000
