"""A partition's candles judged by every rule.

What lives here: which rules apply, the measures they need, and findings that name the offenders. What does not:
the rules (``rules``), the judging itself (``suite``), keeping verdicts (``ledger``) and showing them (``assets``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import ConfigError
from qmd_platform.model import tables
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, iso
from qmd_platform.quality import rules
from qmd_platform.quality.agreement import of_agreement
from qmd_platform.quality.contamination import of_contamination, of_repeats
from qmd_platform.quality.jumps import of_jumps
from qmd_platform.quality.measures import Columns, absent, of_neighbours, of_rows, with_absent
from qmd_platform.quality.page_boundary import of_page_boundary
from qmd_platform.quality.pauses import of_pauses
from qmd_platform.quality.rule import Rule
from qmd_platform.quality.suite import objections

MOST_NAMED = 50
"""Offenders a finding names; it counts all of them."""

_YEAR_10000 = 253_402_300_800_000


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known beside a partition's own rows and coverage. None: not known, and the rule about it is silent.

    Attributes:
        shorter, shorter_timeframe: candles of a shorter timeframe of the same market, sorted and unique, which cover
            what they can of the month: ``rules.AGREES_WITH_SHORTER`` applies.
        before: the series' last rows before the month, sorted; jumps are measured from them.
        others: candles of other markets by name, sorted, of any part of the month: ``rules.CONTAMINATION`` applies.
        stored_at: when the partition was committed, epoch ms: ``rules.CLOSED`` applies.
        restated: open times of the rows that this version changed, one a change: ``rules.RESTATED`` applies.
    """

    shorter: Candles | None = None
    shorter_timeframe: Timeframe | None = None
    before: Candles = field(default_factory=Candles.empty)
    others: Mapping[str, Candles] | None = None
    stored_at: Instant | None = None
    restated: Sequence[Instant] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found in one partition.

    ``offenders`` counts all rows that break the rule; ``sample`` holds the first of them: the open time as ISO
    text, the values that matter to the rule, and ``expected``. It is plain JSON.
    """

    rule: Rule
    passed: bool
    offenders: int
    sample: tuple[dict[str, object], ...]


def judged(partition: Partition, candles: Candles, runs: Sequence[Run], beside: Beside | None = None) -> list[Finding]:
    """One finding for each rule that applies, in the order of ``rules.CANDLE_RULES``.

    A table whose columns are not of their types is judged by ``rules.SCHEMA`` alone.

    Args:
        partition: a month of a candle series.
        candles: all its rows.
        runs: its coverage: every candle that was asked for is in a run.
        beside: what else is known.

    Raises:
        ConfigError: ``beside.shorter_timeframe`` does not divide the partition's.
        QmdError: Great Expectations could not judge.
    """
    schema = _schema(candles)
    findings = found([rules.SCHEMA], schema)
    if not findings[0].passed:
        return findings
    columns = measured(partition, candles, runs, beside)
    return findings + found(applying(columns), columns)


def applying(columns: Columns) -> list[Rule]:
    """The rules whose measures were taken, without ``rules.SCHEMA``."""
    return [rule for rule in rules.CANDLE_RULES if rule.expectation.measure in columns]


def measured(partition: Partition, candles: Candles, runs: Sequence[Run], beside: Beside | None = None) -> Columns:
    """Every measure of a partition: a row for each candle, and one below for each that is absent.

    Arguments and errors as of ``judged``.
    """
    timeframe, window, known = partition.series.timeframe, partition.window, beside or Beside()
    step = timeframe.step
    columns: Columns = {name: getattr(candles, name) for name in COLUMNS}
    columns |= of_neighbours(candles) | of_page_boundary(candles, step) | of_rows(candles, step, window)
    columns |= of_pauses(candles, runs, window, step) | of_jumps(candles, step, known.before) | of_repeats(candles)
    if known.stored_at is not None:
        columns["unended_ms"] = (candles.open_at + step - known.stored_at).astype(np.float64)
    if known.others is not None:
        columns |= of_contamination(candles, known.others, columns["jump_strength"] > 1)
    if known.restated is not None:
        columns["restatements"] = _counted(candles.open_at, known.restated)
    if known.shorter is not None and known.shorter_timeframe is not None:
        columns |= of_agreement(candles, step, known.shorter, _divisor(timeframe, known.shorter_timeframe))
    return with_absent(columns, *absent(candles, runs, window, step))


def _divisor(timeframe: Timeframe, shorter: Timeframe) -> int:
    """The step of ``shorter``; ConfigError unless candles of ``timeframe`` are made of its."""
    if timeframe.step % shorter.step or timeframe.step <= shorter.step:
        raise ConfigError(f"{timeframe} candles are not made of {shorter} candles")
    return shorter.step


def _counted(open_at: NDArray[np.int64], times: Sequence[Instant]) -> NDArray[np.float64]:
    """How often each open time is among ``times``."""
    known, counts = np.unique(np.array(times, np.int64), return_counts=True)
    if not len(known):
        return np.zeros(len(open_at))
    places = np.minimum(np.searchsorted(known, open_at), len(known) - 1)
    return np.where(known[places] == open_at, counts[places], 0).astype(np.float64)


def _schema(candles: Candles) -> Columns:
    """One row a column: what it is and what it should be."""
    types = {"instant": "int64", "float64": "float64"}
    rows = len(candles)
    wanted = [f"{types[column.dtype]}, {rows} rows" for column in tables.CANDLES.columns]
    arrays: Iterable[NDArray[np.generic]] = (getattr(candles, name) for name in COLUMNS)
    found = [f"{array.dtype}, {len(array)} rows" for array in arrays]
    return {"column": np.array(COLUMNS), "found": np.array(found), "wanted": np.array(wanted)}


def found(asked: Sequence[Rule], columns: Columns) -> list[Finding]:
    """One finding for each rule over ``columns``, in order."""
    objected = objections(asked, columns)
    none = np.empty(0, np.intp)
    return [
        Finding(rule, rule.name not in objected, len(rows), tuple(_named(rule, columns, rows[:MOST_NAMED])))
        for rule in asked
        for rows in [objected.get(rule.name, none)]
    ]


def _named(rule: Rule, columns: Columns, rows: NDArray[np.intp]) -> Iterable[dict[str, object]]:
    """Each of ``rows`` with what the rule shows of it."""
    shown = [name for name in rule.shows if name in columns]
    for row in rows:
        offender = {name: _plain(name, columns[name][row].item()) for name in shown}
        yield offender | {"expected": str(rule.expectation)}


def _plain(name: str, value: object) -> object:
    """``value`` as JSON can hold it: times as text, and what is not a finite number too."""
    if name.endswith("_at") and isinstance(value, int | float):
        at = int(value)
        return iso(at) if 0 <= at < _YEAR_10000 else f"{at} ms"
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return value
