"""What unit a time is in that is not milliseconds, told by its size. Pure.

What lives here: the bounds of a plausible time, and the guess in words. What does not: what becomes of such a row.
"""

from qmd_platform.model.window import iso

EARLIEST, LATEST = 1_262_304_000_000, 4_102_444_800_000
"""2010 and 2100 in epoch ms: no perpetual settled before, and seconds, microseconds and nanoseconds are far outside."""


def unit_of(at: int) -> str:
    """What a time that is outside of ``EARLIEST`` to ``LATEST`` is if it is in another unit, in words; empty if nothing."""
    for name, factor in (("seconds", 1000), ("microseconds", 1e-3), ("nanoseconds", 1e-6)):
        if EARLIEST <= at * factor <= LATEST:
            return f", which is {iso(int(at * factor))} in {name}"
    return ""
