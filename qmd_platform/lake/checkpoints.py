"""Commits' records that are lost or damaged, made superfluous by keeping the whole ledger.

What lives here: whether the records are what is broken, and the checkpoint that stands in for them. What does not: a
broken ledger (``lake.rebuild``), checkpoints that vacuum makes when records become many (``lake.vacuum``).
"""

from collections.abc import Sequence

from qmd_platform.errors import LedgerError
from qmd_platform.lake.rebuild import replayed
from qmd_platform.lake.records import CHECKPOINT
from qmd_platform.lake.store import Lake
from qmd_platform.lake.verify import Finding


def are_broken(lake: Lake) -> bool:
    """Whether no ledger could be made of the records; says nothing about the ledger there is."""
    try:
        last = lake.ledger.last_commit()
        with replayed(lake.records, upto=last or None):
            return False
    except LedgerError:
        return True


def stand_in(lake: Lake, findings: Sequence[Finding]) -> int | None:
    """Keep the ledger as it is now, if only its records or checkpoints are broken; the commit it is of, None if not done.

    From then on no record up to that commit is needed. A ledger that disagrees with its records or its files, or whose
    database finds fault with itself, is not kept: it is not known which of the two is right.

    Args:
        lake: whose records.
        findings: of ``Lake.verify``.
    """
    where = lake.ledger.database.where
    of_ledger = [finding for finding in findings if finding.is_damage and finding.path == where]
    broken = [finding for finding in findings if finding.is_damage and finding.path.endswith(CHECKPOINT)]
    is_doubtful = any(finding.kind == "mismatch" or finding.partition is not None for finding in of_ledger)
    if is_doubtful or not (of_ledger or broken) or lake.ledger.database.problems():
        return None
    if of_ledger and not are_broken(lake):
        return None
    commit, dump = lake.ledger.checkpoint()
    lake.records.keep_checkpoint(commit, dump)
    lake.records.forget((), [one for one in lake.records.checkpoints() if not lake.records.is_whole(one)])
    return commit
