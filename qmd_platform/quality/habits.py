"""Runs of candles that are longer than a market's own habit explains. Pure numpy.

What lives here: how unlikely a run is, given how often and how long the same thing happens in the series otherwise.
What does not: what is counted (``outages``, ``staleness``), how unlikely is too unlikely for a rule (``rules``).

A minute without trades means nothing on a market that trades once an hour, and nineteen in a row mean a lot on one that
trades every second. So nothing here is a fixed length. The habit is a chain of two numbers, how often a run begins and
how likely it goes on, both from the series itself without its ``SPARED`` longest runs: what is judged must not excuse
itself, nor must a second outage of the same month. A pause that comes every night is more than a few, and so habit.
"""

from math import log

import numpy as np
from numpy.typing import NDArray

SPARED = 3
"""Longest runs that do not count as habit: a month has seldom more than a few outages, and a habit has more."""

SURE = log(1e-4)
"""Largest log probability of chance, over the whole series, at which a run is claimed.

One false alarm in ten thousand months: a person who watches 60 markets for ten years sees one or none. A run on a
market that has no such candles otherwise must be eight long, because nothing is known of how they cluster.
"""

TIMES = 4
"""How much longer than any run of the habit a claimed run must be. The chain knows no nights, weekends and first days
after a listing; they lengthen a market's runs some twofold (recorded: 145 candles on ZKJ's first day after 88)."""

KNOWN = 50
"""Candles outside all runs below which nothing is known of a habit: a few days of 1h, or any month of 1d candles."""

_GOES_ON, _ENDS = 0.5, 1.5
"""What is assumed of a run that goes on before any was seen: a quarter do, with the weight of two runs' ends."""

Runs = tuple[NDArray[np.intp], NDArray[np.intp]]


def runs_of(mask: NDArray[np.bool_]) -> Runs:
    """First position and length of each run of True, in order."""
    edges = np.flatnonzero(np.diff(np.r_[False, mask, False]))
    return edges[::2], edges[1::2] - edges[::2]


def habitual(lengths: NDArray[np.intp]) -> NDArray[np.intp]:
    """The lengths that count as habit, ascending."""
    return np.sort(lengths)[:-SPARED]


def log_chances(lengths: NDArray[np.intp]) -> NDArray[np.float64]:
    """For each run of a series: bound on the log probability that the habit makes one so long anywhere in it."""
    habit = habitual(lengths)
    total, begun = int(habit.sum()), len(habit)
    goes_on = (total - begun + _GOES_ON) / (total + _GOES_ON + _ENDS)
    return np.asarray(log(begun + 1) + (lengths - 1) * log(goes_on), np.float64)


def beyond_habit(mask: NDArray[np.bool_]) -> Runs:
    """The runs of True that are too long for chance: their first positions and lengths."""
    first, lengths = runs_of(mask)
    if len(mask) - int(lengths.sum()) < KNOWN:
        return first[:0], lengths[:0]
    usual = int(habitual(lengths).max(initial=0))
    told = (log_chances(lengths) < SURE) & (lengths > TIMES * usual)
    return first[told], lengths[told]
