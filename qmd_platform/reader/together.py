"""Many series in one state of the lake.

What lives here: one look for all of them. What does not: filling (a series at a time, ``reader.strategies``).
"""

import time
from collections.abc import Sequence

from qmd_platform.reader import judging
from qmd_platform.reader.asked import Asked
from qmd_platform.reader.gathered import Gathered
from qmd_platform.reader.provenance import Read
from qmd_platform.reader.stored import stored_together
from qmd_platform.reader.strategies import read_of


def served_together(many: Sequence[Asked]) -> list[Read]:
    """Each read, in order; errors as ``reader.read``."""
    if not many:
        return []
    now = time.time_ns() // 1_000_000
    reads = []
    for asked, held in zip(many, stored_together(many), strict=True):
        got = Gathered(asked, now if asked.now is None else asked.now)
        got.looked(held)
        read = read_of(got)
        if not read.provenance.outcome.is_met:
            raise judging.refusal(got, read)
        reads.append(read)
    return reads
