"""Damaged files taken out of the lake: kept in ``quarantine/``, and what was in them marked as missing.

What lives here: what becomes of a damaged live file. What does not: finding it (``lake.verify``), fetching its rows
again (``ingest``; a backfill does, as they are missing now).
"""

import hashlib
from collections.abc import Iterable

from qmd_platform.lake.changes import Made, ends_of
from qmd_platform.lake.digests import version_of
from qmd_platform.lake.slots import whole
from qmd_platform.lake.store import Lake
from qmd_platform.lake.transaction import Heads, transact
from qmd_platform.lake.verify import Finding
from qmd_platform.ledger.records import Change, Head, Outcome, Segment
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run, State, in_state, intersected, overlaid

CAUSE = "its file was damaged"
"""Why candles are MISSING whose file was taken out."""


def repair(lake: Lake, findings: Iterable[Finding], *, run_id: str) -> list[Outcome]:
    """Take the damaged live files of ``findings`` out of the lake; what became of each partition.

    A commit takes the file out of the partition; then its bytes are kept in quarantine, then it is deleted from its
    place. Snapshots that use it stay unreadable, until it is put back from a backup. A file that is found sound when it
    is read once more is left alone.
    """
    damaged: dict[Partition, set[str]] = {}
    for finding in findings:
        if finding.kind == "damaged" and finding.partition is not None and not finding.pins:
            damaged.setdefault(finding.partition, set()).add(finding.path)
    outcomes: list[Outcome] = []
    for partition, paths in damaged.items():
        outcomes += _repaired(lake, partition, paths, run_id)
    return outcomes


def _repaired(lake: Lake, partition: Partition, paths: set[str], run_id: str) -> tuple[Outcome, ...]:
    gone: list[Segment] = []

    def make(heads: Heads) -> list[Made]:
        found = [segment for segment in heads[partition].segments if segment.path in paths]
        gone[:] = [segment for segment in found if _is_damaged(lake, segment)]
        return [Made(_without(partition, heads[partition], gone), {})]

    _, outcomes = transact(lake, [partition], make, run_id=run_id, source="qmd:repair")
    for segment in gone:
        if _keep(lake, segment.path):
            lake.blobs.data.delete(segment.path)
    return outcomes


def _is_damaged(lake: Lake, segment: Segment) -> bool:
    """Whether it still is: a disk that failed once has not lost the file."""
    try:
        return hashlib.sha256(lake.blobs.data.read(segment.path)).hexdigest() != segment.file_hash
    except OSError:
        return True


def _keep(lake: Lake, path: str) -> bool:
    """Put what is left of a file into quarantine; whether there was anything."""
    try:
        data = lake.blobs.data.read(path)
    except OSError:
        return False
    if not lake.blobs.quarantine.exists(path):
        lake.blobs.quarantine.put(path, data)
    return True


def _without(partition: Partition, head: Head, gone: list[Segment]) -> Change:
    after = [segment for segment in head.segments if segment not in gone]
    windows = [window for segment in gone if (window := segment.window or whole(partition, ()).window)]
    lost = intersected(in_state(head.runs, State.PRESENT), windows)
    runs = tuple(overlaid(head.runs, [Run(window, State.MISSING, CAUSE) for window in lost]))
    outcome = Outcome(
        partition,
        version=head.version + bool(gone),
        rows=sum(segment.rows for segment in after),
        new=0,
        changed=0,
        unchanged=0,
        bytes=sum(segment.bytes for segment in after),
        data_version=version_of(partition, after) if gone or not head.state else head.state.data_version,
        runs=runs,
        wrote=bool(gone),
    )
    first, last = ends_of(after)
    return Change(
        outcome,
        seen=head.version,
        removed=tuple(segment.path for segment in gone),
        seen_layout=head.layout,
        layout=head.layout,
        first=first,
        last=last,
    )
