"""A checksum over what a reader of a partition is served, kept beside it. Pure.

What lives here: what it is made of. What does not: when it is written (``ledger.applying``) and compared
(``ledger.questions``).

SQLite has no checksums: a bit that flips in its file is a number that is wrong, or a row that is not there. In one of
sixty such flips readers were served something else and nothing said so.
"""

import hashlib
from collections.abc import Iterable

from qmd_platform.errors import LedgerError
from qmd_platform.ledger.records import PartitionState, Segment
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run


def checksum(state: PartitionState, segments: Iterable[Segment], runs: Iterable[Run]) -> str:
    """Of a partition's state, its live segments and its live runs, both in order of time."""
    said = (
        (str(state.partition), state.version, state.layout, state.rows, state.bytes, state.data_version),
        (state.first, state.last),
        [
            (one.path, one.rows, one.bytes, one.file_hash, one.first, one.last, str(one.window), one.digests)
            for one in segments
        ],
        [(run.window.start, run.window.end, run.state.value, run.cause) for run in runs],
    )
    return hashlib.blake2b(repr(said).encode(), digest_size=8).hexdigest()


def damaged(partition: Partition) -> LedgerError:
    """What to raise when it is not what was kept."""
    return LedgerError(
        f"the ledger is damaged: what it says of {partition} is not what was committed",
        hint="`qmd rebuild` makes it again from the commit records",
    )
