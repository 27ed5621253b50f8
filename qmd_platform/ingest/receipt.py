"""What a run did to one partition, in numbers a person can check.

What lives here: the receipt. Not here: drawing it (``assets.receipts``, ``cli``).
"""

from dataclasses import dataclass, field
from typing import Self

from qmd_platform.coverage.summary import Summary
from qmd_platform.errors import VenueDown
from qmd_platform.funding.intervals import Fact
from qmd_platform.lake.store import Outcome
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run
from qmd_platform.venues.port import Traffic


@dataclass(frozen=True, slots=True)
class Receipt:
    """One partition after a run. Rows that came in = new + changed + unchanged + quarantined + duplicates + refused.

    A row of the archive that the API sends again counts as unchanged, or as changed where they disagree.

    Attributes:
        partition: what was worked on.
        summary: candles by state over all of the partition that was ever asked for.
        runs: the same, window by window, with causes.
        new, changed, unchanged: rows added, rows whose values a venue restated, rows the lake held already.
        quarantined: rows kept apart because they break a rule; the ledger holds them with the reason.
        duplicates: rows a venue sent twice with the same values.
        refused: rows not taken because they were outside the asked window or not closed yet, or not whole (Tardis's).
        reread: candles that were held and came again; ``changed`` says how many of them the venue has restated.
        vanished: candles that are held and that the venue, asked again, leaves out. They stay.
        compared, disagreements: candles of the archive that the API was asked for too, and those it has otherwise.
        heard, disputed: rows of the live log that were looked at, and candles of which the lake had another row.
        rows, stored_bytes, version, data_version: the partition in the lake now. ``data_version`` is the content hash.
        traffic: requests, bytes and retries spent on this partition.
        seconds: from the first request to the commit.
        failures: pages that could not be fetched, and minutes that are not whole (Tardis's), in words. Their candles are MISSING; run
            again to get them.
        doubts: what looks wrong in rows that were kept nevertheless, in words (``funding.suspicions.flags``).
        stated: what the venue said of funding intervals when these rows came.
    """

    partition: Partition
    summary: Summary
    runs: tuple[Run, ...]
    new: int
    changed: int
    unchanged: int
    quarantined: int = 0
    duplicates: int = 0
    refused: int = 0
    reread: int = 0
    vanished: int = 0
    compared: int = 0
    disagreements: int = 0
    heard: int = 0
    disputed: int = 0
    rows: int = 0
    stored_bytes: int = 0
    version: int = 0
    data_version: str = ""
    traffic: Traffic = field(default_factory=Traffic)
    seconds: float = 0.0
    failures: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    stated: tuple[Fact, ...] = ()

    @classmethod
    def of_commit(cls, outcome: Outcome, summary: Summary, seconds: float = 0.0) -> Self:
        """The receipt of a partition whose rows were computed or fetched as a whole, and committed."""
        return cls(
            outcome.partition,
            summary,
            outcome.runs,
            new=outcome.new,
            changed=outcome.changed,
            unchanged=outcome.unchanged,
            rows=outcome.rows,
            stored_bytes=outcome.bytes,
            version=outcome.version,
            data_version=outcome.data_version,
            seconds=seconds,
        )

    @property
    def is_complete(self) -> bool:
        """Whether nothing of the partition that was ever asked for is missing or quarantined, and nothing failed now."""
        return self.summary.is_complete and not self.failures


def some_or_raise(venue: str, receipts: list[Receipt]) -> list[Receipt]:
    """``receipts`` of what ``venue`` was asked for; VenueDown where something failed and no row came."""
    failures = [why for receipt in receipts for why in receipt.failures]
    if failures and not any(receipt.new or receipt.changed or receipt.unchanged for receipt in receipts):
        raise VenueDown(venue, f"nothing could be fetched: {failures[0]}")
    return receipts
