"""Cutting the past: 70 % to choose rules on, an embargo, the rest to look at once. Pure.

What lives here: where the cuts are. What does not: choosing rules. Cuts are in the order of time: drawn at random, days
after a test day would teach what the test asks.
"""

from dataclasses import dataclass

from qmd_platform.errors import ConfigError
from qmd_platform.model.window import Window, month_of, month_window

SHARE = 0.70
"""Of the time, for choosing."""


@dataclass(frozen=True, slots=True)
class Split:
    """``train`` to choose on, ``test`` to look at once; between them nothing is entered."""

    train: Window
    test: Window


def chronological(window: Window, *, embargo_ms: int, max_hold_ms: int, share: float = SHARE) -> Split:
    """The window cut by time.

    Args:
        window: all of it.
        embargo_ms: between the parts; a position entered in the first must have ended before the second begins.
        max_hold_ms: the longest hold of the rules.
        share: of the first part.

    Raises:
        ConfigError: the embargo is shorter than the longest hold, or leaves nothing to test on.
    """
    if embargo_ms < max_hold_ms:
        raise ConfigError(
            f"an embargo of {embargo_ms} ms is shorter than the longest hold ({max_hold_ms} ms)",
            hint="a trade would reach from the train part into the test part",
        )
    if not 0 < share < 1:
        raise ConfigError(f"a share of {share} leaves a part empty", hint="0.7 is 70 %")
    cut = window.start + round((window.end - window.start) * share)
    if cut + embargo_ms >= window.end:
        raise ConfigError(
            "nothing is left to test on after the embargo", hint="take more data, or a shorter longest hold"
        )
    return Split(Window(window.start, cut), Window(cut + embargo_ms, window.end))


def years(window: Window) -> list[tuple[str, Window]]:
    """The calendar years that the window touches: the simplest regimes, which nobody chose by their outcome."""
    found, at = [], window.start
    while at < window.end:
        year = _year_of(at)
        whole = Window(month_window(f"{year}-01").start, month_window(f"{year}-12").end)
        found.append((f"{year}", Window(at, min(whole.end, window.end))))
        at = whole.end
    return found


def _year_of(at: int) -> int:
    return int(month_of(at)[:4])
