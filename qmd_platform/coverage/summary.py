"""Coverage counted in candles: what a person reads first. Pure.

What lives here: runs to counts. Not here: drawing them (``cli``, ``assets``).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from qmd_platform.model.spans import Run, State, subtracted
from qmd_platform.model.window import Window


@dataclass(frozen=True, slots=True)
class Summary:
    """Candles by state. ``expected`` leaves out the unlisted ones: a venue cannot have them."""

    expected: int = 0
    present: int = 0
    verified_empty: int = 0
    unlisted: int = 0
    quarantined: int = 0
    missing: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether every expected candle is present or known to be empty."""
        return self.missing == 0 and self.quarantined == 0

    def __add__(self, other: "Summary") -> "Summary":
        return Summary(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def summarised(runs: Iterable[Run], step: int) -> Summary:
    """How many candles of ``step`` ms are in each state."""
    counts = dict.fromkeys(State, 0)
    for run in runs:
        counts[run.state] += run.window.steps(step)
    return Summary(
        expected=sum(counts.values()) - counts[State.UNLISTED],
        **{state.value: count for state, count in counts.items()},
    )


def never_asked(window: Window, runs: Iterable[Run], step: int) -> int:
    """How many candles of ``window`` no run speaks about: nobody has asked for them."""
    return sum(part.steps(step) for part in subtracted([window], (run.window for run in runs)))
