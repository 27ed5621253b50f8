"""What a read must meet, and why it did not: deadlines, coverage, staleness, reason codes.

What lives here: the agreement (``Sla``), the codes (``Reason``). What does not: holding a read to it (``reader.waiting``,
``reader.judging``).
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from numbers import Real
from typing import Literal, get_args

from qmd_platform.errors import ConfigError, choices

OnViolation = Literal["raise", "partial", "hold"]


class Phase(StrEnum):
    """A part of a read that may wait for somebody."""

    STORAGE = "storage"
    BACKFILL = "backfill"
    LIVE = "live"


class Reason(StrEnum):
    """How a read ended: ``met``, or why it was not. Codes for programs; ``sentence`` is for people."""

    MET = "met"
    STORAGE_LATE = "storage_late"
    BACKFILL_LATE = "backfill_late"
    LIVE_LATE = "live_late"
    TOTAL_LATE = "total_late"
    VENUE_FAILED = "venue_failed"
    DAGSTER_FAILED = "dagster_failed"
    COVERAGE = "coverage"
    STALE = "stale"

    @property
    def sentence(self) -> str:
        """The same in words."""
        return SENTENCES[self]

    @classmethod
    def late(cls, phase: Phase) -> "Reason":
        """The code of a phase whose deadline came first."""
        return cls(f"{phase.value}_late")


SENTENCES = {
    Reason.MET: "what was required is there",
    Reason.STORAGE_LATE: "the lake was not read within the deadline of the storage phase",
    Reason.BACKFILL_LATE: "what the lake lacks was not filled within the deadline of the backfill phase",
    Reason.LIVE_LATE: "the newest candles were not there within the deadline of the live phase",
    Reason.TOTAL_LATE: "the deadline of the whole read came first",
    Reason.VENUE_FAILED: "the venue did not answer or refused",
    Reason.DAGSTER_FAILED: "Dagster did not take or did not finish the backfill",
    Reason.COVERAGE: "too few of the candles asked for are there",
    Reason.STALE: "the newest candle there is older than allowed",
}


def _is_number(given: object) -> bool:
    return isinstance(given, Real) and not isinstance(given, bool)


@dataclass(frozen=True, slots=True)
class Sla:
    """What a read must meet. Deadlines end the waiting, whoever is waited for; what is there by then is judged.

    Attributes:
        storage_s: seconds for a look into the lake. None, here and below: no limit of its own.
        backfill_s: seconds for filling what the lake lacks.
        live_s: seconds for the newest candles.
        total_s: seconds for everything.
        min_coverage: share (0 to 1) of the closed candles of the window that must be there, or known not to exist. None:
            all of them, unless ``on_missing="allow"``: then none.
        max_staleness_s: seconds from the end of the newest candle until now; of a venue that omits candles without trades,
            one that is known not to exist counts too. A window that ends in the past, and a past state, is history and
            exempt. None: any.
        on_violation: ``raise`` an Unmet; ``partial``: give what is there, the outcome says what is wrong; ``hold``: try
            again until it is met or ``total_s`` is over, then raise.
    """

    storage_s: float | None = None
    backfill_s: float | None = None
    live_s: float | None = None
    total_s: float | None = None
    min_coverage: float | None = None
    max_staleness_s: float | None = None
    on_violation: OnViolation = "raise"

    def __post_init__(self) -> None:
        for name in ("storage_s", "backfill_s", "live_s", "total_s", "max_staleness_s"):
            given = getattr(self, name)
            if given is not None and not (_is_number(given) and given > 0 and math.isfinite(given)):
                raise ConfigError(f"the SLA's {name} is {given!r}", hint="give seconds above 0, or None for no limit")
        share = self.min_coverage
        if share is not None and not (_is_number(share) and 0 <= share <= 1):
            raise ConfigError(f"the SLA's min_coverage is {share!r}", hint="give a share from 0 to 1")
        if self.on_violation not in get_args(OnViolation):
            hint = choices(str(self.on_violation), get_args(OnViolation))
            raise ConfigError(f"cannot {self.on_violation!r} when an SLA is not met", hint=hint)
        if self.on_violation == "hold" and self.total_s is None:
            raise ConfigError("an SLA that holds needs an end", hint="give total_s, the seconds it may take in all")

    def limit(self, phase: Phase) -> float | None:
        """Seconds for ``phase``; None without a limit of its own."""
        found: float | None = getattr(self, f"{phase.value}_s")
        return found
