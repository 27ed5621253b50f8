"""The lifecycle: when a pair is watched, opened, held and closed; what never happens."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.arbitrage.flags import BLOCKING, Flag
from qmd_platform.arbitrage.lifecycle import NOWHERE, Event, State, Thresholds, step
from qmd_platform.arbitrage.opportunities import Episode, Events, Transition, episodes, transitions
from qmd_platform.errors import ConfigError
from tests.arbitrage.worlds import HOUR, START

RULES = Thresholds(watch=0.05, open=0.10, close=0.0, confirmations=3, closing_events=2, dwell_ms=8 * HOUR)
EIGHT = 8 * HOUR

returns = st.lists(st.sampled_from([-0.1, 0.01, 0.07, 0.2, 0.2, float("nan")]), max_size=60)
raised = st.lists(st.sampled_from([0, 0, 0, Flag.ADL.bit, Flag.DEPEG.bit]), min_size=60, max_size=60)


def events(net: list[float], flags: list[int] | None = None, break_even: float = 24.0, every: int = EIGHT) -> Events:
    rows = len(net)
    return Events(
        START + every * np.arange(rows),
        np.asarray(net, np.float64),
        np.full(rows, break_even),
        np.asarray((flags or [0] * rows)[:rows], np.uint32),
        np.ones(rows, np.bool_),
    )


def states(net: list[float], rules: Thresholds = RULES, **kwargs: object) -> list[str]:
    standing, said = NOWHERE, []
    for event in events(net, **kwargs).rows():
        standing, _ = step(standing, event, rules)
        said.append(standing.state.value)
    return said


def run(net: list[float], flags: list[int] | None = None, rules: Thresholds = RULES) -> list[Transition]:
    return transitions("a|b", events(net, flags), rules)[0]


def test_a_life_from_watch_to_close_and_back():
    net = [0.01, 0.07, 0.20, 0.20, 0.20, 0.20, 0.05, -0.1, -0.1, -0.1]
    assert states(net) == ["NONE", "WATCH", "WATCH", "WATCH", "OPEN", "HOLD", "HOLD", "HOLD", "CLOSE", "NONE"]


def test_confirmations_must_follow_one_another():
    assert "OPEN" not in states([0.2, 0.2, 0.07, 0.2, 0.2, 0.07])
    assert states([0.2, 0.2, 0.07, 0.2, 0.2, 0.2])[-1] == "OPEN"


def test_between_the_thresholds_nothing_changes():
    assert states([0.07] * 9) == ["WATCH"] * 9
    assert states([0.2, 0.2, 0.2, *[0.01] * 5])[3:] == ["HOLD"] * 5


def test_one_bad_event_closes_nothing():
    assert states([0.2, 0.2, 0.2, 0.2, -0.1, 0.2, -0.1])[4:] == ["HOLD"] * 3


def test_a_pair_that_does_not_break_even_within_the_expected_hold_is_not_opened():
    assert "OPEN" not in states([0.2] * 9, break_even=168.0)
    assert "OPEN" in states([0.2] * 9, break_even=167.9)


@pytest.mark.parametrize("flag", list(Flag))
def test_a_blocking_flag_opens_nothing_and_closes_at_once_and_others_do_neither(flag: Flag):
    during = states([0.2] * 6, flags=[flag.bit] * 6)
    after = states([0.2] * 6, flags=[0] * 5 + [flag.bit])
    assert ("OPEN" in during) == (flag not in BLOCKING)
    assert (after[-1] == "CLOSE") == (flag in BLOCKING)


def test_a_watch_lasts_its_dwell_before_it_opens():
    quick = Thresholds(confirmations=1, dwell_ms=2 * EIGHT)
    assert states([0.2] * 4, quick) == ["WATCH", "WATCH", "OPEN", "HOLD"]


def test_a_closed_pair_rests_before_it_is_watched_again():
    rules = replace(RULES, dwell_ms=3 * EIGHT)
    flags = [0] * 4 + [Flag.DEPEG.bit] + [0] * 6
    assert states([0.2] * 11, rules, flags=flags)[3:] == [
        "OPEN",
        "CLOSE",
        "CLOSE",
        "CLOSE",
        "NONE",
        "WATCH",
        "WATCH",
        "WATCH",
    ]


def test_nothing_is_held_longer_than_the_longest_hold():
    rules = replace(RULES, max_hold_ms=4 * EIGHT)
    (close,) = [one for one in transitions("p", events([0.2] * 9), rules)[0] if one.after is State.CLOSE]
    assert "the longest allowed" in close.reason


def test_an_unknown_return_confirms_nothing_and_closes_when_it_stays_unknown():
    assert "OPEN" not in states([0.2, 0.2, float("nan")] * 4)
    assert states([0.2] * 4 + [float("nan")] * 2)[-1] == "CLOSE"


def test_an_unknown_return_is_never_said_to_be_below():
    unknown = float("nan")
    missing = ": a settlement or a price is missing"
    for end, said in (
        ([unknown] * 2, f"net return unknown for 2 events{missing}"),
        ([-0.1] * 2, "net return below 0.00% a year for 2 events"),
        ([-0.1, unknown], f"net return below 0.00% a year for 1 of 2 events, unknown for 1{missing}"),
        ([unknown, 0.2, unknown, unknown], f"net return unknown for 2 events{missing}"),
    ):
        held, watched = run([*[0.2] * 4, *end])[-1], run([0.07, *end])[-1]
        assert (held.before, held.after, held.reason) == (State.HOLD, State.CLOSE, said)
        assert (watched.before, watched.after, watched.reason) == (State.WATCH, State.NONE, said)


def test_only_settlements_confirm():
    rows = [Event(START + at * EIGHT, 0.2, 24.0, 0, at == 5) for at in range(9)]
    standing = NOWHERE
    for row in rows:
        standing, _ = step(standing, row, RULES)
    assert standing.state is State.WATCH


def test_thresholds_must_fall():
    with pytest.raises(ConfigError, match="must fall"):
        Thresholds(watch=0.1, open=0.1)


def test_the_version_tells_rules_apart_and_stays():
    assert RULES.version == replace(RULES).version != replace(RULES, open=0.11).version


def test_every_transition_carries_what_it_was_decided_from():
    found = transitions("a|b", events([0.2] * 4, [Flag.ADL.bit] * 4), RULES, data_versions=("one", "two"))[0]
    watch = found[0]
    assert (watch.pair, watch.episode, watch.at) == ("a|b", 1, START)
    assert (watch.before, watch.after) == (State.NONE, State.WATCH)
    assert (watch.net_per_year, watch.break_even_hours, watch.flags) == (0.2, 24.0, Flag.ADL.bit)
    assert (watch.rule_version, watch.data_versions) == (RULES.version, ("one", "two"))
    assert watch.reason == "net return above 5.00% a year"


def test_mistakes_20_and_21_a_state_is_no_text_and_nobody_guesses_how_sure_it_is():
    with pytest.raises(ValueError, match="is not a valid State"):
        State('{"recommendation":"HOLD","reason":"OPEN_ARB not met"}')
    assert "HOLD" in {state.value for state in State}
    assert not [name for name in Transition.__dataclass_fields__ if "confidence" in name]


@given(returns, raised)
def test_going_on_from_any_event_gives_what_all_at_once_give(net: list[float], flags: list[int]):
    whole, end = transitions("p", events(net, flags), RULES)
    for cut in range(len(net) + 1):
        columns = events(net, flags)
        parts = [
            Events(*(getattr(columns, name)[rows] for name in Events.__slots__))
            for rows in (slice(cut), slice(cut, None))
        ]
        first, standing = transitions("p", parts[0], RULES)
        second, last = transitions("p", parts[1], RULES, start=standing)
        assert same(first + second, whole)
        assert last.state is end.state
        assert last.episode == end.episode


@given(returns, raised, returns)
def test_what_comes_later_changes_no_earlier_transition(net: list[float], flags: list[int], other: list[float]):
    whole = run([*net, *other], [*flags[: len(net)], *[0] * 60])
    assert same(run(net, flags), [one for one in whole if one.at < START + EIGHT * len(net)])


@given(returns, raised)
def test_skipping_what_cannot_matter_changes_nothing(net: list[float], flags: list[int]):
    standing, said = NOWHERE, []
    for event in events(net, flags).rows():
        standing, reason = step(standing, event, RULES)
        said += [reason] if reason else []
    assert [one.reason for one in run(net, flags)] == said


@given(returns, raised)
def test_episodes_never_overlap_and_each_is_one(net: list[float], flags: list[int]):
    changes = run(net, flags)
    found = episodes(changes)
    assert len({(one.pair, one.episode, one.before) for one in changes}) == len(changes)
    assert [one.episode for one in found] == list(range(1, len(found) + 1))
    for before, after in pairwise(found):
        assert before.ended_at is not None
        assert before.ended_at <= after.watched_at
    for one in found:
        assert ordered(one)


def ordered(one: Episode) -> bool:
    instants = [at for at in (one.watched_at, one.opened_at, one.closed_at) if at is not None]
    return instants == sorted(set(instants)) and (one.closed_at is None or one.opened_at is not None)


def same(one: list[Transition], other: list[Transition]) -> bool:
    """Equal, where NaN equals NaN."""
    return repr(one) == repr(other)
