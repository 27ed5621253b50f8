"""When an answer is believed, and when a candle that did not come stays missing."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.ingest.fetched import Fetched, Question
from qmd_platform.ingest.pages import convinced
from qmd_platform.model.candles import Candles
from qmd_platform.model.spans import State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.venues.port import Traffic
from tests.ingest.scripted import MARKET, MINUTE, Answer, ScriptedVenue, minutes


def ask(
    answer: Answer,
    *,
    first: int = 100,
    last: int = 120,
    omits: bool = False,
    limit: int = 1000,
    onward: Answer | None = None,
) -> tuple[Fetched, ScriptedVenue]:
    venue = ScriptedVenue(answer, omits=omits, limit=limit, onward=onward)
    question = Question(venue, MARKET, Timeframe.M1, floor=0, closed=10_000 * MINUTE)
    fetched = Fetched(Window(first * MINUTE, last * MINUTE))
    asyncio.run(convinced(question, fetched, Traffic()))
    return fetched, venue


def within(window: Window, *, without: set[int] = frozenset()) -> Candles:
    return minutes(*[m for m in range(window.start // MINUTE, window.end // MINUTE) if m not in without])


def explained(fetched: Fetched) -> dict[int, State]:
    return {
        at // MINUTE: run.state for run in fetched.explained for at in range(run.window.start, run.window.end, MINUTE)
    }


def test_a_whole_page_is_believed_at_once():
    fetched, venue = ask(lambda number, window: within(window))
    assert len(fetched.candles) == 20
    assert fetched.explained == []
    assert len(venue.asked) == 1


def test_an_empty_page_from_a_venue_that_then_answers_loses_nothing():
    fetched, _ = ask(lambda number, window: Candles.empty() if number == 1 else within(window))
    assert fetched.candles.open_at.tolist() == [m * MINUTE for m in range(100, 120)]
    assert fetched.explained == []


@pytest.mark.parametrize("cut", ["first", "last"])
def test_an_answer_cut_between_two_rows_that_contradict_settles_nothing(cut: str):
    """Row 110 comes twice, and differs: whichever answer is cut between the two, neither of them is believed."""

    def answer(number: int, window: Window) -> Candles:
        whole = Candles.concat([within(window), minutes(110, shift=5.0)])
        whole = whole.take(np.argsort(whole.open_at, kind="stable"))
        at = np.flatnonzero(whole.open_at == 110 * MINUTE)
        is_cut = number == (1 if cut == "first" else 2)
        return whole.take(slice(0, int(at[0]) + 1)) if is_cut else whole

    fetched, _ = ask(answer)
    assert explained(fetched) == {110: State.QUARANTINED}
    assert [row.open_at for row in fetched.rejected] == [110 * MINUTE] * 2
    assert len(fetched.candles) == 19


def test_of_rows_that_contradicted_once_the_one_a_later_answer_repeats_alone_is_believed():
    def answer(number: int, window: Window) -> Candles:
        rows = [within(window), minutes(110, shift=5.0)] if number == 1 else [within(window)]
        whole = Candles.concat(rows)
        return whole.take(np.argsort(whole.open_at, kind="stable"))

    fetched, _ = ask(answer)
    assert explained(fetched) == {}
    assert len(fetched.candles) == 20


def test_a_page_cut_short_once_is_completed():
    fetched, _ = ask(lambda number, window: within(window).take(slice(0, 7)) if number == 1 else within(window))
    assert len(fetched.candles) == 20
    assert fetched.explained == []


def test_a_page_that_stays_cut_short_is_missing_and_never_called_empty():
    def half(number: int, window: Window) -> Candles:
        return within(window, without=set(range(110, 10_000)))

    fetched, _ = ask(half)
    assert explained(fetched) == dict.fromkeys(range(110, 120), State.MISSING)


def test_a_venue_that_stays_silent_leaves_its_candles_missing():
    for omits in (False, True):
        fetched, venue = ask(lambda number, window: Candles.empty(), omits=omits)
        assert explained(fetched) == dict.fromkeys(range(100, 120), State.MISSING)
        assert len(venue.asked) > 1


def test_one_answer_around_a_hole_is_proof_from_a_venue_that_omits_empty_candles():
    fetched, venue = ask(lambda number, window: within(window, without={105, 106}), omits=True)
    assert explained(fetched) == dict.fromkeys((105, 106), State.VERIFIED_EMPTY)
    assert len(venue.asked) == 1


def test_a_venue_that_prints_flat_candles_must_leave_one_out_twice():
    fetched, venue = ask(lambda number, window: within(window, without={105}))
    assert explained(fetched) == {105: State.VERIFIED_EMPTY}
    assert len(venue.asked) == 2

    healed, _ = ask(lambda number, window: within(window, without={105} if number == 1 else set()))
    assert healed.explained == []


def test_a_hole_at_a_page_edge_is_asked_about_with_candles_around_it():
    fetched, venue = ask(lambda number, window: within(window, without={100, 119}), omits=True)
    assert explained(fetched) == dict.fromkeys((100, 119), State.VERIFIED_EMPTY)
    assert venue.asked[1].start < 100 * MINUTE
    assert venue.asked[1].end > 120 * MINUTE


def test_a_row_that_breaks_a_rule_is_kept_apart_with_its_reason():
    def broken(number: int, window: Window) -> Candles:
        rows = within(window)
        low = rows.low.copy()
        low[rows.open_at == 105 * MINUTE] = 1e9
        return Candles(rows.open_at, rows.open, rows.high, low, rows.close, rows.volume)

    fetched, _ = ask(broken)
    assert explained(fetched)[105] is State.QUARANTINED
    assert 105 * MINUTE not in fetched.candles.open_at
    assert {row.open_at for row in fetched.rejected} >= {105 * MINUTE}


def test_a_row_that_was_broken_once_and_then_right_is_present():
    def broken_once(number: int, window: Window) -> Candles:
        rows = within(window)
        volume = rows.volume.copy()
        volume[(rows.open_at == 105 * MINUTE) & (number == 1)] = -1.0
        return Candles(rows.open_at, rows.open, rows.high, rows.low, rows.close, volume)

    fetched, _ = ask(broken_once)
    assert len(fetched.candles) == 20
    assert fetched.explained == []
    assert [row.open_at for row in fetched.rejected] == [105 * MINUTE]


def test_a_page_larger_than_the_limit_with_its_padding_is_never_asked_for():
    _, venue = ask(lambda number, window: Candles.empty(), limit=20)
    assert all(window.steps(MINUTE) <= 20 for window in venue.asked)


@given(
    holes=st.sets(st.integers(95, 125)),
    cuts=st.lists(st.one_of(st.none(), st.integers(0, 20)), min_size=1, max_size=4),
    omits=st.booleans(),
    repeats=st.booleans(),
)
def test_every_row_that_came_in_and_every_candle_asked_for_is_accounted_for(
    holes: set[int], cuts: list[int | None], *, omits: bool, repeats: bool
):
    came = 0

    def answer(number: int, window: Window) -> Candles:
        nonlocal came
        rows = within(window, without=holes)
        rows = rows.take(slice(0, cuts[(number - 1) % len(cuts)]))
        if repeats and len(rows):
            rows = Candles.concat([rows.take(slice(0, 1)), rows])
        came += len(rows)
        return rows

    fetched, _ = ask(answer, omits=omits)
    assert came == len(fetched.candles) + len(fetched.rejected) + fetched.duplicates + fetched.refused
    held = {int(at) // MINUTE for at in fetched.candles.open_at}
    told = explained(fetched)
    assert held | set(told) == set(range(100, 120))
    assert not held & set(told)
    assert all(minute in holes for minute, state in told.items() if state is State.VERIFIED_EMPTY)
    assert np.all(np.diff(fetched.candles.open_at) > 0)


def test_a_hole_longer_than_a_page_is_proven_by_where_the_venue_goes_on():
    def outage(number: int, window: Window) -> Candles:
        return within(window, without=set(range(100, 900)))

    def onward(number: int, window: Window) -> Candles:
        return minutes(max(window.start // MINUTE, 900))

    fetched, venue = ask(outage, first=100, last=120, limit=20, onward=onward)
    assert set(explained(fetched).values()) == {State.VERIFIED_EMPTY}
    assert len(venue.asked) == 3, "the page, and twice where it goes on: one answer alone is not believed"
    alone, _ = ask(outage, first=100, last=120, limit=20)
    assert set(explained(alone).values()) == {State.MISSING}, "a venue that cannot be asked proves nothing"


def test_what_a_venue_says_of_where_it_goes_on_holds_for_the_later_pages_of_the_hole():
    asked: list[Window] = []

    def outage(number: int, window: Window) -> Candles:
        asked.append(window)
        return Candles.empty()

    venue = ScriptedVenue(outage, omits=False, limit=20, onward=lambda number, window: minutes(900))
    question = Question(venue, MARKET, Timeframe.M1, floor=0, closed=10_000 * MINUTE)
    for first in range(100, 200, 20):
        fetched = Fetched(Window(first * MINUTE, (first + 20) * MINUTE))
        asyncio.run(convinced(question, fetched, Traffic()))
        assert set(explained(fetched).values()) == {State.VERIFIED_EMPTY}
    assert len(venue.asked) == 5 + 2


def test_where_a_venue_goes_on_is_evidence_of_the_time_up_to_there_and_of_nothing_later():
    """Or every later gap of the month would count as asked for."""
    fetched, _ = ask(
        lambda number, window: Candles.empty(), first=100, last=120, limit=20, onward=lambda *_: minutes(900, 901)
    )
    page, *onward = [one.window for one in fetched.evidence]
    assert page == Window(100 * MINUTE, 120 * MINUTE)
    assert onward == [Window(100 * MINUTE, 902 * MINUTE)] * 2


def test_a_venue_that_goes_on_nowhere_leaves_the_hole_open():
    fetched, _ = ask(lambda number, window: Candles.empty(), limit=20, onward=lambda number, window: Candles.empty())
    assert set(explained(fetched).values()) == {State.MISSING}
