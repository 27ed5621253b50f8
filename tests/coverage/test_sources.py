"""Every wanted candle from exactly one source, and from the cheapest."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.coverage.sources import DAY, FEW, Api, Planned, Source, bunched, file_cost, sources
from qmd_platform.model.spans import subtracted, united
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, instant, month_of, month_window
from qmd_platform.venues import archive_facts, facts

STEP = 60_000
HOUR = 3_600_000
NOW = instant("2026-11-20T13:00:00Z")
SPOT = Api(1000, lambda candles: 2)
KNOWN = archive_facts.ARCHIVES["binance", "spot"]
OCTOBER = month_window("2026-10")


def plan(*wanted: Window, now: Instant = NOW, step: int = STEP, unusable: Sequence[Window] = ()) -> list[Planned]:
    return sources(wanted, step, now, api=SPOT, published_at=KNOWN.published_at, unusable=unusable)


def whom(planned: Sequence[Planned]) -> list[tuple[Source, Window]]:
    return [(one.source, one.window) for one in planned]


def day(text: str) -> Window:
    return archive_facts.day_window(text)


def test_a_closed_month_comes_in_one_file():
    assert whom(plan(OCTOBER)) == [(Source.MONTH, OCTOBER)]
    assert plan(OCTOBER)[0].wanted == (OCTOBER,)
    assert plan(OCTOBER)[0].why == "16 instead of 146 for 45 pages"


def test_the_arithmetic_is_that_of_the_docstring():
    thirty = Window.of("2026-09-01", "2026-10-01")
    assert len(SPOT.pages([thirty], STEP)) == 44
    assert SPOT.cost([thirty], STEP) == pytest.approx(142.8)
    check = SPOT.cost([Window(0, 1000 * STEP)], STEP)
    assert file_cost(thirty, STEP, check) == pytest.approx(16.05)
    assert SPOT.cost([Window(0, 3 * DAY)], STEP) == pytest.approx(16.08)
    assert 3 * file_cost(day("2026-09-01"), STEP) + check == pytest.approx(10.33)
    assert SPOT.cost([Window(0, HOUR)], STEP) == pytest.approx(3.015)


def test_a_running_month_comes_by_the_day_up_to_yesterday_and_the_rest_from_the_api():
    planned = plan(Window.of("2026-11-17", NOW // STEP * STEP))
    assert whom(planned) == [
        (Source.DAY, day("2026-11-17")),
        (Source.DAY, day("2026-11-18")),
        (Source.DAY, day("2026-11-19")),
        (Source.API, Window.of("2026-11-20", NOW)),
    ]


def test_before_its_file_can_be_expected_a_day_or_month_comes_otherwise():
    early = instant("2026-11-20T11:59:59Z")
    found = whom(plan(Window.of("2026-11-17", "2026-11-20"), now=early))
    assert found == [
        (Source.DAY, day("2026-11-17")),
        (Source.DAY, day("2026-11-18")),
        (Source.API, day("2026-11-19")),
    ]
    monday = instant("2026-11-02T23:59:59Z")
    found = plan(OCTOBER, now=monday)
    assert {one.source for one in found} == {Source.DAY}
    assert len(found) == 31
    assert whom(plan(OCTOBER, now=instant("2026-11-03"))) == [(Source.MONTH, OCTOBER)]


def test_what_turned_out_to_be_of_no_use_is_not_planned_again():
    days = plan(OCTOBER, unusable=[OCTOBER])
    assert {one.source for one in days} == {Source.DAY}
    assert len(days) == 31
    bad = day("2026-10-07")
    found = plan(OCTOBER, unusable=[OCTOBER, bad])
    assert [one.window for one in found if one.source is Source.API] == [bad]
    every = [OCTOBER, *archive_facts.days(OCTOBER)]
    assert whom(plan(OCTOBER, unusable=every)) == [(Source.API, OCTOBER)]


def test_a_few_days_come_by_the_day_and_many_in_the_months_file():
    five = Window.of("2026-10-05", "2026-10-10")
    assert whom(plan(five)) == [(Source.DAY, one) for one in archive_facts.days(five)]
    assert whom(plan(Window.of("2026-10-05", "2026-10-11"))) == [(Source.MONTH, OCTOBER)]


def test_a_hole_of_a_few_candles_is_the_apis_however_many_there_are():
    holes = [Window(at, at + 3 * STEP) for at in range(OCTOBER.start, OCTOBER.end, HOUR)]
    assert whom(plan(*holes)) == [(Source.API, hole) for hole in holes]
    small = Window(OCTOBER.start, OCTOBER.start + FEW * STEP)
    assert whom(plan(small)) == [(Source.API, small)]


def test_a_hole_of_a_few_candles_is_the_apis_even_where_the_file_is_fetched():
    hole = Window(OCTOBER.start, OCTOBER.start + 5 * STEP)
    rest = Window(OCTOBER.start + 10 * STEP, OCTOBER.end)
    planned = plan(hole, rest)
    assert sorted(whom(planned)) == sorted([(Source.API, hole), (Source.MONTH, OCTOBER)])
    assert next(one for one in planned if one.source is Source.MONTH).wanted == (rest,)


def test_what_two_pages_bring_is_the_apis():
    for count in (1000, 1440, 2000):
        window = Window(OCTOBER.start, OCTOBER.start + count * STEP)
        assert whom(plan(window)) == [(Source.API, window)]
    assert whom(plan(OCTOBER, step=Timeframe.H1.step)) == [(Source.API, OCTOBER)]
    two_days = Window(OCTOBER.start, OCTOBER.start + 2 * DAY)
    assert [one.source for one in plan(two_days)] == [Source.DAY] * 2


def test_without_an_archive_all_is_the_apis():
    found = sources([OCTOBER], STEP, NOW, api=SPOT)
    assert whom(found) == [(Source.API, OCTOBER)]
    assert sources([], STEP, NOW, api=SPOT, published_at=KNOWN.published_at) == []


def test_files_that_save_less_than_the_page_to_compare_costs_are_not_worth_it():
    light = Api(1000, lambda candles: 0.1)
    three = Window.of("2026-11-05", "2026-11-08")
    assert file_cost(day("2026-11-05"), STEP) < light.cost([day("2026-11-05")], STEP)
    found = sources([three], STEP, NOW, api=light, published_at=KNOWN.published_at)
    assert whom(found) == [(Source.API, three)]


def test_usd_m_weighs_by_the_page():
    known = facts.of("binance", "perpetual")
    api = Api(known.page_limit, known.weight)
    assert api.pages([Window(0, DAY)], STEP) == [499, 499, 442]
    assert api.cost([Window(0, DAY)], STEP) == pytest.approx(3 * (2 + 1) + 0.36)


GRID = 10 * STEP
"""Windows of the property test lie on ten minutes, so that days and months are touched from all sides."""

START = instant("2026-08-28")
SPANS = (NOW - START) // GRID
WINDOWS = st.lists(
    st.tuples(st.integers(0, SPANS - 1), st.integers(1, 7000)).map(
        lambda span: Window(START + span[0] * GRID, START + min(span[0] + span[1], SPANS) * GRID)
    ),
    max_size=6,
)


@given(WINDOWS, st.sets(st.integers(0, 90), max_size=30), st.booleans())
def test_every_wanted_candle_is_planned_exactly_once_and_nothing_else_but_the_rest_of_files(
    windows: list[Window],
    bad_days: set[int],
    is_month_bad: bool,  # noqa: FBT001 - drawn by hypothesis
):
    unusable = [Window(START + n * DAY, START + (n + 1) * DAY) for n in bad_days]
    unusable += [OCTOBER] if is_month_bad else []
    planned = plan(*windows, unusable=unusable)
    taken = [part for one in planned for part in one.wanted]
    assert sum(part.end - part.start for part in taken) == sum(one.end - one.start for one in united(windows))
    assert united(taken) == united(windows)
    for one in planned:
        assert all(part.intersection(one.window) == part for part in one.wanted)
        if one.source is Source.API:
            assert one.wanted == (one.window,)
            continue
        assert one.window not in unusable
        assert KNOWN.published_at(one.window) <= NOW
        assert one.window in (month_window("2026-08"), month_window("2026-09"), OCTOBER) or one.source is Source.DAY
    files = [one.window for one in planned if one.source is not Source.API]
    assert sum(one.end - one.start for one in files) == sum(one.end - one.start for one in united(files))


@given(WINDOWS)
def test_no_plan_costs_more_than_asking_the_api_for_everything_but_for_the_pages_that_files_cut(windows: list[Window]):
    planned = plan(*windows)
    check = SPOT.cost([Window(0, 1000 * STEP)], STEP)
    cost = SPOT.cost([one.window for one in planned if one.source is Source.API], STEP)
    cost += sum(file_cost(one.window, STEP) for one in planned if one.source is Source.DAY)
    cost += sum(file_cost(one.window, STEP) for one in planned if one.source is Source.MONTH)
    cost += check * len({month_of(one.window.start) for one in planned if one.source is not Source.API})
    files = sum(one.source is not Source.API for one in planned)
    assert cost <= SPOT.cost(united(windows), STEP) + 2 * files * SPOT.cost([Window(0, STEP)], STEP)


def minutes(*spans: tuple[int, int]) -> list[Window]:
    return [Window(start * STEP, end * STEP) for start, end in spans]


def test_holes_that_fit_one_page_share_it():
    assert bunched(minutes((0, 1), (5, 6), (99, 100)), STEP, 100) == minutes((0, 100))
    assert bunched(minutes((0, 1), (5, 6), (99, 101)), STEP, 100) == minutes((0, 6), (99, 101))
    assert bunched(minutes((0, 150), (160, 200)), STEP, 100) == minutes((0, 200))  # the second page has room
    assert bunched(minutes((0, 200), (201, 202)), STEP, 100) == minutes((0, 200), (201, 202))  # both pages are full
    assert bunched([], STEP, 100) == []


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 60)), max_size=12), st.integers(1, 80))
def test_sharing_pages_leaves_nothing_out_and_never_takes_more_of_them(spans: list[tuple[int, int]], limit: int):
    windows = minutes(*((start, start + count) for start, count in spans))
    shared = bunched(windows, STEP, limit)
    assert subtracted(windows, shared) == []
    assert all(one.end <= other.start for one, other in itertools.pairwise(shared))

    def pages(of: list[Window]) -> int:
        return sum(-(-window.steps(STEP) // limit) for window in of)

    assert pages(shared) <= pages(united(windows))
