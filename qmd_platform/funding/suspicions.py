"""What is wrong, or looks wrong, with settlements before anything is computed from them. Pure numpy.

What lives here: one check for each way a source is known to be wrong, each with a sentence that says so, and the door that
lets nothing through that is beyond doubt wrong. What does not: whether a right rate is unusual (``funding.anomalies``).

Two kinds. An *error* leaves no reading under which the rows are right: times that are not milliseconds, two rates for one
settlement. A *flag* is for a person to look at: what it says may be true, and the rows stay as they are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import ConfigError
from qmd_platform.funding.intervals import CONFIRMED, Fact, Intervals, stated_hours
from qmd_platform.funding.irregular import LONG
from qmd_platform.funding.units import looks_like_percent
from qmd_platform.model.epoch import EARLIEST, LATEST, unit_of
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import iso

CAP_FROM, CAP_STEP = 0.0025, 0.00025
"""Where a venue's cap is not known: a rate of at least 25 bp that is a whole number of 2.5 bp, as caps are (0.3 %,
0.375 %, 2 %). Of rates printed to eight digits one in 25,000 is one by chance."""

_ROUNDING = 1e-9


class Kind(StrEnum):
    """What is wrong."""

    NOT_MILLISECONDS = "NOT_MILLISECONDS"
    CONTRADICTION = "CONTRADICTION"
    NOT_A_NUMBER = "NOT_A_NUMBER"
    LOOKS_LIKE_PERCENT = "LOOKS_LIKE_PERCENT"
    INTERVAL_DISAGREES = "INTERVAL_DISAGREES"
    SUSPECT_GAP = "SUSPECT_GAP"
    AT_CAP = "AT_CAP"

    @property
    def is_error(self) -> bool:
        """Whether the rows cannot be right."""
        return self in {Kind.NOT_MILLISECONDS, Kind.CONTRADICTION, Kind.NOT_A_NUMBER}


@dataclass(frozen=True, slots=True, eq=False)
class Suspicion:
    """``kind`` is said of ``rows`` (positions); ``sentence`` says it with the first of them."""

    kind: Kind
    rows: NDArray[np.intp]
    sentence: str


def errors(settlements: Settlements) -> list[Suspicion]:
    """What cannot be right. Rows may be in any order; in times of the wrong unit nothing else is looked for."""
    at, rate = settlements.settled_at, settlements.rate
    outside = np.flatnonzero((at < EARLIEST) | (at > LATEST))
    if len(outside):
        told = f"{len(outside)} times are not milliseconds between 2010 and 2100, first {at[outside[0]]}"
        return [Suspicion(Kind.NOT_MILLISECONDS, outside, told + unit_of(int(at[outside[0]])))]
    found: list[Suspicion] = []
    bad = np.flatnonzero(~np.isfinite(rate))
    if len(bad):
        found.append(Suspicion(Kind.NOT_A_NUMBER, bad, f"{len(bad)} rates are no numbers, first in row {bad[0]}"))
    twice = _contradictions(settlements)
    if len(twice):
        first, second = twice[:2].tolist()
        told = f"{len(twice)} rows have another rate for a settlement that is there: {iso(int(at[first]))} is"
        found.append(Suspicion(Kind.CONTRADICTION, twice, f"{told} {rate[first]:.10g} and {rate[second]:.10g}"))
    return found


def checked(settlements: Settlements, what: str = "funding") -> Settlements:
    """The settlements sorted by time, each once.

    Args:
        settlements: in any order; the same row twice counts once.
        what: whose they are, for the error's message.

    Raises:
        ConfigError: ``errors`` has something to say.
    """
    found = errors(settlements)
    if found:
        raise ConfigError(f"{what}: {found[0].sentence}", hint=_HINTS[found[0].kind])
    minutes = np.rint(settlements.settled_at / MINUTE).astype(np.int64)
    _, first = np.unique(minutes, return_index=True)
    return settlements.take(first)


_HINTS = {
    Kind.NOT_MILLISECONDS: "declare the unit the times are in: s, ms, us or ns",
    Kind.NOT_A_NUMBER: "leave out rows without a rate",
    Kind.CONTRADICTION: "two sources or two markets are mixed; keep one, or say which column tells them apart",
}


def flags(
    settlements: Settlements, found: Intervals, *, stated: Iterable[Fact] = (), cap: float | None = None
) -> list[Suspicion]:
    """What looks wrong or needs a look.

    Args:
        settlements: sorted, each once (``checked``).
        found: ``intervals`` of them.
        stated: the venue's facts, as ``intervals`` had them.
        cap: the venue's largest rate as a fraction per settlement, if known.
    """
    at = settlements.settled_at
    percent = _percent(settlements, found)
    found_flags = (
        percent,
        _disagreement(at, found, stated_hours(settlements, told := list(stated))) or _outdated(at, found, told),
        _gap(at, found),
        None if percent else _cap(settlements, cap),  # in percent, the interest term looks like a cap
    )
    return [one for one in found_flags if one is not None]


def _percent(settlements: Settlements, found: Intervals) -> Suspicion | None:
    why = looks_like_percent(settlements.rate, found.hours)
    return Suspicion(Kind.LOOKS_LIKE_PERCENT, np.arange(len(settlements)), why) if why else None


def _disagreement(at: NDArray[np.int64], found: Intervals, said: NDArray[np.float64]) -> Suspicion | None:
    rows = disagreeing(found, said)
    if not len(rows):
        return None
    row = int(rows[0])
    told = f"the venue says {said[row]:g} hours, but settlements come every {found.elapsed[row]:g}"
    return Suspicion(Kind.INTERVAL_DISAGREES, rows, f"{told}: {len(rows)} rows, first {iso(int(at[row]))}")


def _outdated(at: NDArray[np.int64], found: Intervals, stated: Sequence[Fact]) -> Suspicion | None:
    """The venue's word of the interval that is in progress, against the pace of the settlements right before."""
    pace = found.elapsed[-CONFIRMED:]
    if not stated or len(pace) < CONFIRMED or not (pace == pace[-1]).all():
        return None
    said, last = max(stated, key=lambda one: one.window.end), len(at) - 1
    is_of_now = at[last] < said.window.end <= at[last] + round(LONG * max(said.hours, pace[-1]) * 60) * MINUTE
    if not is_of_now or abs(said.hours - pace[-1]) * 60 < 1:
        return None
    told = f"the venue says {said.hours:g} hours, but the last {CONFIRMED} settlements came every {pace[-1]:g}"
    sentence = f"{told}: it changes now, or its word is wrong, as of {iso(int(at[last]))}"
    return Suspicion(Kind.INTERVAL_DISAGREES, np.array([last]), sentence)


def _gap(at: NDArray[np.int64], found: Intervals) -> Suspicion | None:
    rows = np.flatnonzero(found.suspect)
    if not len(rows):
        return None
    row = int(rows[0])
    told = f"{int(found.missing.sum())} settlements seem to be missing in {len(rows)} places"
    where = f"first before {iso(int(at[row]))}, {found.elapsed[row]:g} hours after the one before"
    return Suspicion(Kind.SUSPECT_GAP, rows, f"{told}, {where}")


def _cap(settlements: Settlements, cap: float | None) -> Suspicion | None:
    rows = np.flatnonzero(at_cap(settlements, cap))
    if not len(rows):
        return None
    row = int(rows[0])
    first = f"first {iso(int(settlements.settled_at[row]))}: {100 * settlements.rate[row]:g} %"
    told = f"{len(rows)} rates are at the venue's cap or floor, {first}; the venue may settle more often from then on"
    return Suspicion(Kind.AT_CAP, rows, told)


def disagreeing(found: Intervals, said: NDArray[np.float64]) -> NDArray[np.intp]:
    """Rows that come at another pace than the venue says, three or more in a row: not a gap, a wrong word.

    Args:
        found: the intervals.
        said: hours the venue says (``stated_hours``).
    """
    wrong = np.isfinite(said) & np.isfinite(found.elapsed) & (np.abs(found.elapsed - said) * 60 >= 1)
    new = np.r_[True, (np.diff(found.elapsed) != 0) | (np.diff(wrong.astype(np.int8)) != 0)][: len(wrong)]
    run = np.cumsum(new) - 1
    return np.flatnonzero(wrong & (np.bincount(run)[run] >= CONFIRMED)) if len(wrong) else np.empty(0, np.intp)


def at_cap(settlements: Settlements, cap: float | None = None) -> NDArray[np.bool_]:
    """Whether each rate is the venue's largest or smallest. Looks at each row alone.

    Args:
        settlements: the rows.
        cap: fraction per settlement; where it is not known, a rate that looks like one counts (``CAP_FROM``).
    """
    sizes = np.abs(settlements.rate)
    if cap is not None:
        return np.asarray(sizes >= cap * (1 - _ROUNDING))
    steps = sizes / CAP_STEP
    return np.asarray((sizes >= CAP_FROM * (1 - _ROUNDING)) & (np.abs(steps - np.rint(steps)) < _ROUNDING))


def _contradictions(settlements: Settlements) -> NDArray[np.intp]:
    """Positions of rows of one minute whose rates differ, those of a minute together."""
    minutes = np.rint(settlements.settled_at / MINUTE).astype(np.int64)
    order = np.lexsort((settlements.rate, minutes))
    same = minutes[order][1:] == minutes[order][:-1]
    differs = same & (settlements.rate[order][1:] != settlements.rate[order][:-1])
    return order[np.r_[differs, False] | np.r_[False, differs]] if len(order) else order
