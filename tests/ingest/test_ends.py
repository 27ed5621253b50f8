"""What is believed of the time after the last row: of a market that is over, and of one of which nobody has said so."""

import asyncio
from collections.abc import Sequence

import pytest

from qmd_platform.coverage.causes import AGREED, UNPROVEN
from qmd_platform.errors import VenueDown
from qmd_platform.ingest.fetched import Fetched, Question
from qmd_platform.ingest.pages import convinced
from qmd_platform.model.candles import Candles
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.venues.port import Traffic
from tests.ingest.scripted import MARKET, MINUTE, Answer, ScriptedVenue, minutes

CLOSED = 120
"""The minute that is forming; or at which the market is known to have ended."""


def ask(answer: Answer, *, is_over: bool, last: int = CLOSED, closed: int = CLOSED) -> tuple[list[Run], int]:
    """What is said of the candles that are not there from minute 100 to ``last``, after how many questions."""
    venue = ScriptedVenue(answer, omits=False)
    question = Question(venue, MARKET, Timeframe.M1, floor=0, closed=closed * MINUTE, is_over=is_over)
    fetched = Fetched(Window(100 * MINUTE, last * MINUTE))
    asyncio.run(convinced(question, fetched, Traffic()))
    return fetched.explained, len(venue.asked)


def stopping(*stops: int) -> Answer:
    """Every answer ends before the next of ``stops``, all later ones before the last of them."""

    def answer(number: int, window: Window) -> Candles:
        stop = min(stops[min(number, len(stops)) - 1], window.end // MINUTE)
        return minutes(*range(window.start // MINUTE, stop))

    return answer


def rest(start: int, state: State, cause: str, end: int = CLOSED) -> list[Run]:
    return [Run(Window(start * MINUTE, end * MINUTE), state, cause)]


def test_after_a_market_is_over_two_answers_that_stop_at_one_row_say_that_it_was_the_last():
    assert ask(stopping(110), is_over=True) == (rest(110, State.VERIFIED_EMPTY, AGREED), 2)


def test_a_market_that_has_just_stalled_is_asked_twice_and_its_candles_may_still_come():
    assert ask(stopping(110), is_over=False) == (rest(110, State.MISSING, UNPROVEN), 2)


@pytest.mark.parametrize("is_over", [False, True])
def test_one_answer_that_was_cut_hides_no_candle(*, is_over: bool):
    assert ask(stopping(110, CLOSED), is_over=is_over) == ([], 2)


@pytest.mark.parametrize(
    ("stops", "questions"), [((110, 112, 112), 3), ((112, 110, 112), 3), ((110, 115, 112, 115), 4)]
)
def test_answers_that_stop_at_different_rows_agree_on_nothing_before_the_later_one(
    stops: Sequence[int], questions: int
):
    """Two must stop at the last row that any of them has."""
    told, asked = ask(stopping(*stops), is_over=True)
    assert (told, asked) == (rest(max(stops), State.VERIFIED_EMPTY, AGREED), questions)


@pytest.mark.parametrize("is_over", [False, True])
def test_an_end_of_a_page_that_is_not_the_end_of_the_market_is_asked_about_further(*, is_over: bool):
    told, asked = ask(stopping(110), is_over=is_over, closed=500)
    assert told == rest(110, State.MISSING, UNPROVEN)
    assert asked > 2


def test_answers_without_a_row_prove_no_end():
    told, _ = ask(lambda number, window: Candles.empty(), is_over=True)
    assert told == rest(100, State.MISSING, UNPROVEN)


def test_one_answer_and_a_failure_prove_no_end():
    def failing(number: int, window: Window) -> Candles:
        if number > 1:
            raise VenueDown(MARKET.venue, "HTTP 502")
        return stopping(110)(number, window)

    (told,), _ = ask(failing, is_over=True)
    assert told.state is State.MISSING
    assert "502" in told.cause
