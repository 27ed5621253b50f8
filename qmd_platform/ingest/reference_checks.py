"""A month of mark, index or premium judged by its rules, the verdicts kept.

What lives here: from a stored month to verdicts. What does not: the rules and their measures (``quality.reference_rules``).
"""

import time

from qmd_platform.ingest.checking import verdict_of
from qmd_platform.ingest.reference_rows import held, wanted_of
from qmd_platform.lake.store import Lake
from qmd_platform.ledger.records import Verdict
from qmd_platform.model.series import Partition


def checked_reference(lake: Lake, partition: Partition) -> list[Verdict]:
    """The verdict of every rule about one month of a market's mark, index or premium, kept in the ledger too."""
    from qmd_platform.quality.judge import found  # noqa: PLC0415 - brings Great Expectations, a second
    from qmd_platform.quality.reference_rules import measured, rules_of  # noqa: PLC0415 - as judge

    state = lake.state(partition)
    if state is None:
        return []
    wanted = wanted_of(partition.series)
    rows = held(lake, partition.series.market, wanted, (partition.month, partition.month))
    now = time.time_ns() // 1_000_000
    verdicts = [verdict_of(one, state, None, now) for one in found(rules_of(wanted), measured(rows))]
    lake.ledger.record_verdicts(verdicts)
    return verdicts
