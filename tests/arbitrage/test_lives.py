"""The lives of many pairs, month after month: no matter how they are cut, never overlapping, blind to what comes."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.arbitrage.lifecycle import State, Thresholds
from qmd_platform.arbitrage.lives import Change, Lives
from qmd_platform.arbitrage.mirror import SILENT_MS, Earned
from qmd_platform.arbitrage.rules import Rules
from tests.arbitrage.worlds import DAY, HOUR, START

BINANCE, GATE, OKX = (f"{venue}:X/USDT:USDT" for venue in ("binance", "gate", "okx"))
NAMES = [BINANCE, GATE, OKX]
COST = 0.0024
RULES = Rules(thresholds=Thresholds(confirmations=2, dwell_ms=8 * HOUR, max_hold_ms=20 * DAY))

Step = tuple[int, float]
"""How many 8-hour steps after the row before, and what was earned a year, costs not counted; negative: the other way."""

steps = st.lists(
    st.tuples(st.sampled_from([1, 1, 1, 2, 12]), st.sampled_from([-0.5, -0.1, 0.0, 0.15, 0.3, 0.6])),
    min_size=1,
    max_size=40,
)


def rows(pairs: dict[tuple[str, str], Sequence[Step]]) -> Earned:
    """Rows of these pairs, each kept in the direction that earned."""
    told = []
    for (one, other), taken in pairs.items():
        at = START
        for wait, yearly in taken:
            at += wait * 8 * HOUR
            sold, bought = (one, other) if yearly >= 0 else (other, one)
            told.append((NAMES.index(sold), NAMES.index(bought), at, abs(yearly) / 8760))
    short, long, at_, earned = (np.array(column) for column in zip(*told, strict=True))
    flags, coin = np.zeros(len(told), np.uint32), np.zeros(len(told), np.int64)
    return Earned(NAMES, short, long, at_, earned, earned, np.full(len(told), COST), flags, ["X"], coin)


def cut(whole: Earned, start: int, end: int) -> Earned:
    """The rows in ``[start, end)``."""
    inside = (whole.at >= start) & (whole.at < end)
    columns: dict[str, Any] = {name: getattr(whole, name) for name in Earned.__slots__}
    return Earned(
        **{name: value[inside] if isinstance(value, np.ndarray) else value for name, value in columns.items()}
    )


def lived(whole: Earned, edges: Sequence[int] = ()) -> list[Change]:
    """All changes, with months that end at ``edges``."""
    lives = Lives("venue_spreads", RULES)
    bounds = [0, *sorted(edges), 10**15]
    found = []
    for start, end in pairwise(bounds):
        part = cut(whole, start, end)
        found += lives.month(part, np.unique(part.at))
    return sorted(found, key=lambda one: (one.short, one.long, one.transition.at))


def said(changes: Iterable[Change]) -> list[str]:
    """To be compared: NaN is no number that equals itself."""
    return [repr(each) for each in changes]


@settings(max_examples=60)
@given(steps, steps, st.lists(st.integers(1, 400), max_size=4))
def test_months_one_after_the_other_are_all_of_it_at_once(one: list[Step], other: list[Step], cuts: list[int]):
    whole = rows({(BINANCE, GATE): one, (GATE, OKX): other})
    assert said(lived(whole, [START + at * 8 * HOUR + HOUR for at in cuts])) == said(lived(whole))


@settings(max_examples=60)
@given(steps, steps)
def test_episodes_of_a_direction_are_unique_in_order_and_never_overlap(one: list[Step], other: list[Step]):
    changes = lived(rows({(BINANCE, GATE): one, (GATE, OKX): other}))
    names = [(each.short, each.long, each.transition.episode, each.transition.before) for each in changes]
    assert len(set(names)) == len(names)
    began = {(each.short, each.long, each.began_at, each.transition.episode) for each in changes}
    assert len({name[:3] for name in began}) == len({(*name[:2], name[3]) for name in began}) == len(began)
    for way in {(each.short, each.long) for each in changes}:
        mine = [each.transition for each in changes if (each.short, each.long) == way]
        assert mine[0].before is State.NONE
        assert all(one.after is other.before and one.at < other.at for one, other in pairwise(mine))
        assert [one.episode for one in mine if one.before is State.NONE] == list(range(1, mine[-1].episode + 1))


@settings(max_examples=60)
@given(steps, steps, steps, st.integers(1, 300))
def test_another_future_changes_no_change_of_the_past(
    one: list[Step], other: list[Step], instead: list[Step], edge: int
):
    until = START + edge * 8 * HOUR
    pair, second = (BINANCE, GATE), (GATE, OKX)
    first, then = rows({pair: one, second: other}), rows({pair: instead, second: other[:1]})
    early = cut(first, 0, until)
    late = cut(then, until, 10**15)
    columns: dict[str, Any] = {name: getattr(early, name) for name in Earned.__slots__}
    mixed = Earned(
        **{
            name: np.r_[value, getattr(late, name)] if isinstance(value, np.ndarray) else value
            for name, value in columns.items()
        }
    )
    assert said(each for each in lived(mixed) if each.transition.at < until) == said(lived(early))


def states(changes: Sequence[Change], way: tuple[str, str]) -> list[tuple[str, int]]:
    """States entered, with the number of the 8-hour step."""
    return [
        (each.transition.after.value, (each.transition.at - START) // (8 * HOUR))
        for each in changes
        if (each.short, each.long) == way
    ]


def test_a_flip_of_the_funding_closes_what_is_held_and_opens_the_other_way():
    # 0.6 a year less 24 bp over a week (0.125 a year): 0.475 one way, -0.725 the other.
    changes = lived(rows({(BINANCE, GATE): [(1, 0.6)] * 4 + [(1, -0.6)] * 5}))
    assert states(changes, (BINANCE, GATE)) == [("WATCH", 1), ("OPEN", 2), ("HOLD", 3), ("CLOSE", 6), ("NONE", 7)]
    assert states(changes, (GATE, BINANCE)) == [("WATCH", 5), ("OPEN", 6), ("HOLD", 7)]
    closed = next(each.transition for each in changes if each.transition.after is State.CLOSE)
    assert closed.net_per_year == -0.6 - COST / 168 * 8760
    assert closed.break_even_hours == np.inf


def test_a_pair_that_fell_silent_is_closed_once_others_are_heard_of_three_days_later():
    pairs = {(BINANCE, GATE): [(1, 0.6)] * 4, (GATE, OKX): [(1, 0.0)] * 40}
    silent = SILENT_MS // (8 * HOUR)
    changes = lived(rows(pairs))
    assert states(changes, (BINANCE, GATE))[2:] == [("HOLD", 3), ("CLOSE", 4 + silent), ("NONE", 5 + silent)]
    closed = next(each.transition for each in changes if each.transition.after is State.CLOSE)
    assert closed.reason == "flag VENUE_INCIDENT"
    alone = lived(rows({(BINANCE, GATE): pairs[BINANCE, GATE]}))
    assert states(alone, (BINANCE, GATE))[-1][0] == "HOLD"


def test_a_hash_is_of_every_figure_of_the_episode_until_then_and_of_nothing_else():
    held = [(1, 0.6)] * 6
    one = lived(rows({(BINANCE, GATE): held}))
    assert lived(rows({(BINANCE, GATE): held, (GATE, OKX): [(1, 0.1)] * 9}))[: len(one)] == one
    other = lived(rows({(BINANCE, GATE): [(1, 0.6), (1, 0.3), *held[2:]]}))
    versions = [each.transition.data_versions for each in one]
    assert len({*versions}) == len(versions) == 3
    assert [each.transition.data_versions == version for each, version in zip(other, versions, strict=True)] == [
        True,
        False,
        False,
    ]
    assert all(version[0].startswith("venue_spreads:") for version in versions)
