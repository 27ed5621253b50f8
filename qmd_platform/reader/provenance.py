"""What a read gives back: the rows, and where each range of them came from.

What lives here: the records. What does not: making them (``reader.strategies``, ``reader.settlements``).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from qmd_platform.model.series import Series
from qmd_platform.model.window import Window, iso
from qmd_platform.reader import shown
from qmd_platform.reader.sla import Reason

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from qmd_platform.coverage.summary import Summary
    from qmd_platform.model.candles import Candles
    from qmd_platform.model.spans import Run
    from qmd_platform.reader.waiting import Filling

ATTRS = "qmd"
"""The key in ``DataFrame.attrs``, and in an Arrow schema's metadata, that has the provenance."""


class Source(StrEnum):
    """Who a range came from."""

    LAKE = "lake"
    BACKFILL = "backfill"
    LIVE = "live"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """One part of what was asked for, all of it from one source.

    Attributes:
        window: open times, half-open. All ranges together are the expected part of the window asked for.
        source: the lake, as it was before this read or as others have filled it meanwhile; a backfill of this read; the
            live tail; nowhere: it is not there.
        rows: how many there are; fewer than fit where some are known not to exist.
        version: of the lake: the newest version among the month's files; 0 where there is no file, and for others.
        detail: of a backfill, whether it ran here or in Dagster; of the live tail: the log, or the venue's REST API.
    """

    window: Window
    source: Source
    rows: int
    version: int = 0
    detail: str = ""

    def __repr__(self) -> str:
        return shown.part(self)


def unclosed(window: Window, *, is_past: bool) -> str:
    """The note of a read of which nothing is expected."""
    return f"nothing of {window} {'was closed when that state was made' if is_past else 'is closed yet'}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether what was asked for was met.

    Attributes:
        reason: the code; its ``sentence`` says it in words. Of several, what went wrong first.
        coverage: share of the expected rows that are there, or known not to exist; 1 where none is expected. The newest
            ones of a venue that omits candles without trades do not count until something has followed them.
        staleness_s: seconds from the end of the newest candle there is until now; None for history. See ``Sla``.
        failures: what venue or Dagster said, which deadline came first: in words, though all that is required is there.
        seconds: what each phase took of the last try, those that were begun.
        note: why nothing was expected, in words, where that is so: the window is in the future. Else empty.
    """

    reason: Reason
    coverage: float
    staleness_s: float | None = None
    failures: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict, compare=False)
    note: str = ""

    @property
    def is_met(self) -> bool:
        """Whether nothing is wrong."""
        return self.reason is Reason.MET


@dataclass(frozen=True)
class Provenance:
    """Where the rows of a read came from.

    Attributes:
        series: what was read.
        window: what was asked for, half-open, epoch ms.
        strategy: how.
        commit: the lake's commit that rows and coverage are of; 0 where there is no lake.
        ranges: see ``Range``; sorted.
        runs: what is known of every expected row: its state, and the cause in words.
        summary: the same, counted. None for tables that are not on a grid of time.
        outcome: see ``Outcome``.
        data_version: sha256 over the rows, hex: the same rows give the same one, wherever they came from.
    """

    series: Series
    window: Window
    strategy: str
    commit: int
    ranges: tuple[Range, ...]
    runs: "tuple[Run, ...]"
    outcome: Outcome
    summary: "Summary | None" = None
    hashed: Callable[[], str] = field(default=str, repr=False, compare=False)

    def __repr__(self) -> str:
        return shown.provenance(self)

    @cached_property
    def data_version(self) -> str:
        """See above. Reckoned when it is asked for."""
        return self.hashed()

    @property
    def document(self) -> dict[str, object]:
        """All but the states and the data version, for JSON. The same for the same pin, whenever it is read.

        The data version is reckoned from the rows when it is asked for, and would cost every frame the time.
        """
        return {
            "series": str(self.series),
            "start": iso(self.window.start),
            "end": iso(self.window.end),
            "strategy": self.strategy,
            "commit": self.commit,
            "reason": self.outcome.reason.value,
            "coverage": self.outcome.coverage,
            "staleness_s": self.outcome.staleness_s,
            "failures": list(self.outcome.failures),
            "note": self.outcome.note,
            "ranges": [
                {
                    "start": iso(one.window.start),
                    "end": iso(one.window.end),
                    "source": one.source.value,
                    "rows": one.rows,
                    "version": one.version,
                    "detail": one.detail,
                }
                for one in self.ranges
            ],
        }


@dataclass(frozen=True)
class Read:
    """Rows and their provenance. ``filling`` is the fill in the background that ``partial_fill`` began, if it did."""

    rows: "Candles | pa.Table"
    provenance: Provenance
    filling: "Filling | None" = None

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return shown.read(self)

    def _repr_html_(self) -> str:
        return shown.read_as_html(self)

    def __getstate__(self) -> dict[str, object]:
        """For pickle and copies: a fill in the background stays with the process, and the read, that it is of."""
        return {**self.__dict__, "filling": None}

    @cached_property
    def arrow(self) -> "pa.Table":
        """The rows as an Arrow table; ``table.schema.metadata[b"qmd"]`` has the provenance as JSON."""
        table = self.rows.to_arrow() if hasattr(self.rows, "to_arrow") else self.rows
        told = {ATTRS: json.dumps(self.provenance.document)}
        return table.replace_schema_metadata({**(table.schema.metadata or {}), **told})

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """The rows as a pandas frame; ``frame.attrs["qmd"]`` has the provenance as plain values."""
        from qmd_platform.reader.frames import frame  # noqa: PLC0415 - pandas, which Arrow readers do without

        made = frame(self.rows)
        made.attrs[ATTRS] = self.provenance.document
        return made
