"""Longer candles follow the shorter ones they are made of, whoever changes these, and wherever it is killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qmd_platform.coverage.plan import to_fetch
from qmd_platform.ingest import commits
from qmd_platform.ingest.following import OVERTAKEN
from qmd_platform.ingest.rollup import roll_up
from qmd_platform.model.candles import Candles, rolled_up
from qmd_platform.model.series import Series
from qmd_platform.model.spans import State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from tests.ingest.accounts import CLOSED, SPOT, WINDOW, Played, playing

LONGER = (Timeframe.M5, Timeframe.H1, Timeframe.H4)
RESTATED = Window.of("2026-03-04T06:00Z", "2026-03-04T06:03Z")
HOLE = Window.of("2026-03-04T09:10Z", "2026-03-04T09:40Z")
HOUR = Window.of("2026-03-04T06:00Z", "2026-03-04T07:00Z")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Played]:
    """A day of minutes, and what is made of them."""
    hole = {"kind": "hole", "market": str(SPOT), "timeframe": "1m", "start": HOLE.start, "end": HOLE.end}
    with playing(tmp_path, [hole]) as played:
        played.fill([SPOT])
        for step in LONGER:
            roll_up(played.lake, SPOT, step, WINDOW, run_id="made")
        assert played.windows(SPOT, State.VERIFIED_EMPTY) == [HOLE]
        yield played


def longer(played: Played, step: Timeframe) -> Candles:
    return played.held(SPOT, step)


def made_of_what_is_held(played: Played, step: Timeframe) -> Candles:
    """What the longer candles ought to be."""
    whole = Window(CLOSED.start, CLOSED.end // step.step * step.step)
    return rolled_up(played.held(SPOT).within(whole), step.step, Timeframe.M1.step)[0]


def assert_followed(played: Played) -> None:
    for step in LONGER:
        assert longer(played, step).equals(made_of_what_is_held(played, step)), step


def restate(played: Played) -> None:
    played.sandbox.plan_faults(
        [{"kind": "restated", "market": str(SPOT), "start": RESTATED.start, "end": RESTATED.end}]
    )


def test_candles_made_of_restated_ones_are_made_again(made: Played):
    before = longer(made, Timeframe.H1)
    restate(made)
    (receipt,) = made.fill([SPOT], HOUR, again=(HOUR,))
    assert receipt.changed == 3
    assert not longer(made, Timeframe.H1).equals(before)
    assert_followed(made)


def test_candles_over_a_hole_that_the_venue_has_filled_are_made_again(made: Played):
    before = longer(made, Timeframe.H1)
    made.sandbox.plan_faults([])
    (receipt,) = made.fill([SPOT], HOLE, again=(HOLE,))
    assert receipt.new == HOLE.steps(Timeframe.M1.step)
    assert not longer(made, Timeframe.H1).equals(before)
    assert_followed(made)


def test_reading_again_what_has_not_changed_leaves_them_alone(made: Played):
    versions = {state.partition: state.version for state in made.lake.states()}
    made.fill([SPOT], HOUR, again=(HOUR,))
    assert {state.partition: state.version for state in made.lake.states()} == versions


def test_candles_that_are_fetched_themselves_are_not_touched(made: Played):
    native = Series.candles(SPOT, Timeframe.M15)
    made.fill([SPOT], CLOSED, Timeframe.M15)
    before = made.lake.states(native)
    restate(made)
    made.fill([SPOT], HOUR, again=(HOUR,))
    assert made.lake.states(native) == before


class Killed(Exception):
    """Stands for a kill -9 right there: nothing is done any more."""


def test_killed_before_they_are_made_again_they_are_missing_and_never_quietly_wrong(
    made: Played, monkeypatch: pytest.MonkeyPatch
):
    def killed(*_: object, **__: object) -> None:
        raise Killed

    restate(made)
    with monkeypatch.context() as patch:
        patch.setattr(commits, "follow", killed)
        with pytest.raises(Killed):
            made.fill([SPOT], HOUR, again=(HOUR,))
    for step in LONGER:
        series = Series.candles(SPOT, step)
        start = RESTATED.start // step.step * step.step
        overtaken = Window(start, start + step.step)
        (run,) = made.lake.coverage(series, overtaken)
        assert (run.state, run.cause) == (State.MISSING, OVERTAKEN)
        assert to_fetch(CLOSED, made.lake.coverage(series, CLOSED))[0] == overtaken, "which a gap sensor sees"
        there = made_of_what_is_held(made, step)
        assert longer(made, step).equals(there.take(there.open_at != start))
        roll_up(made.lake, SPOT, step, WINDOW, run_id="healed")
    assert_followed(made)
    assert made.lake.verify() == []
