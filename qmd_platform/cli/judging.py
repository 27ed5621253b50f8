"""All candles of the lake judged by the quality rules, for ``qmd verify --quality``.

What lives here: going through the partitions. What does not: the rules and the judgement (``qmd_platform.quality``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qmd_platform.ingest.checking import examined
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Series


@dataclass(frozen=True, slots=True)
class Offence:
    """A rule that a partition breaks, and in how many rows. ``example`` is the first of them."""

    partition: str
    rule: str
    severity: str
    blocking: bool
    offenders: int
    example: dict[str, object]


def offences(lake: Lake, progress: Callable[[int, int], None]) -> Iterator[Offence]:
    """The rules broken anywhere in the lake; ``progress`` is told partitions done, of how many."""
    partitions = [state.partition for state in lake.states() if state.partition.series.is_candles]
    held = {partition.series for partition in partitions}
    for done, partition in enumerate(partitions, 1):
        for found in examined(lake, partition, _shorter(partition.series, held)):
            if not found.passed:
                rule = found.rule
                example = found.sample[0] if found.sample else {}
                yield Offence(
                    str(partition), rule.name, rule.severity.value, rule.blocking, found.offenders, dict(example)
                )
        progress(done, len(partitions))


def _shorter(series: Series, held: set[Series]) -> Series | None:
    """The candles of the shortest timeframe of the same market in the lake that divides the series' own, if any."""
    own = series.timeframe
    steps = [other.timeframe for other in held if other.market == series.market]
    shortest = min((step for step in steps if own.step % step.step == 0), default=own)
    return None if shortest == own else Series.candles(series.market, shortest)
