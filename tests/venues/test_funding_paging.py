"""The way through a window of funding, and settlements read off snapshots; without a venue."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window
from qmd_platform.venues import facts
from qmd_platform.venues.funding_paging import Walk, settlements_of, walk
from qmd_platform.venues.funding_parsing import FundingRows
from qmd_platform.venues.funding_snapshots import collapsed

HOUR = Timeframe.H1.step
START = 1_700_006_400_000 // (8 * HOUR) * 8 * HOUR
Keeps = Literal["oldest", "newest"]


def rows(at: list[int], rate: list[float] | None = None, next_at: list[int] | None = None) -> FundingRows:
    stamps = np.array(at, np.int64)
    rates = np.array(rate if rate is not None else [0.0001] * len(at), np.float64)
    return FundingRows(stamps, rates, rates * 1e6, np.array(next_at or [0] * len(at), np.int64))


def walked(
    way: Walk, stamps: list[int], limit: int, keeps: Keeps, bad: dict[int, str] | None = None
) -> tuple[list[int], int]:
    """What ``way`` finds at a venue with ``stamps``, and how many requests it takes. ``bad``: faults by request."""
    asked = 0
    while way.rest is not None:
        asked += 1
        inside = [at for at in stamps if way.rest.start <= at < way.rest.end]
        page = inside[:limit] if keeps == "oldest" else inside[-limit:]
        fault = (bad or {}).get(asked)
        if fault == "empty":
            page = []
        if fault == "short":
            page = page[: len(page) // 2] if keeps == "oldest" else page[-(len(page) // 2) :]
        way.heard(way.checked(rows(page)))
        assert asked < 1000
    return way.rows().at.tolist(), asked


@st.composite
def histories(draw: st.DrawFn) -> list[int]:
    """Settlements every 8, 4, 2 or 1 hours, with changes, gaps and late stamps."""
    at, found = START, []
    for hours, count in draw(st.lists(st.tuples(st.sampled_from([1, 2, 4, 8]), st.integers(0, 40)), max_size=5)):
        for _ in range(count):
            at += hours * HOUR
            if draw(st.integers(0, 30)):
                found.append(at + draw(st.sampled_from([0, 3, 30])))
    return found


@given(histories(), st.integers(2, 30), st.sampled_from(["oldest", "newest"]), st.sampled_from(["oldest", "newest"]))
def test_no_row_is_lost_whatever_the_intervals_and_whichever_the_venue_keeps(
    stamps: list[int], limit: int, keeps: Keeps, believed: Keeps
):
    """Even where the venue keeps the other rows than its documentation says."""
    way = walk("binance", Window(START, START + 2000 * HOUR))
    way = Walk("binance", limit, believed, _rests=way._rests)  # noqa: SLF001 - another limit than the venue's
    found, asked = walked(way, stamps, limit, keeps)
    assert found == stamps
    assert asked <= 2 * len(stamps) // limit + 2 * 5 + 4 + (len(stamps) if keeps != believed else 0)


@given(histories(), st.integers(2, 30), st.sampled_from(["oldest", "newest"]), st.data())
def test_one_bad_answer_in_a_row_loses_nothing(stamps: list[int], limit: int, keeps: Keeps, data: st.DataObject):
    bad = {n: data.draw(st.sampled_from(["empty", "short"])) for n in range(1 + data.draw(st.integers(0, 1)), 60, 3)}
    window = Window(START, START + 2000 * HOUR)
    way = Walk("gate", limit, keeps, _rests=walk("gate", window)._rests)  # noqa: SLF001 - another limit than the venue's
    assert walked(way, stamps, limit, keeps, bad)[0] == stamps


def test_rows_before_a_hole_longer_than_what_is_left_are_asked_for_twice_too():
    stamps = [START + hours * HOUR for hours in (6, 7, 8, 18, 19, 20)]
    for n in range(1, 12):
        way = Walk("gate", 2, "newest", _rests=walk("gate", Window(START, START + 24 * HOUR))._rests)  # noqa: SLF001 - as above
        assert walked(way, stamps, 2, "newest", {n: "empty"})[0] == stamps


def test_up_to_an_end_of_the_window_a_full_page_may_have_been_cut_on_either_side():
    stamps = [START + hours * HOUR for hours in (1, 2, 4)]
    way = Walk("binance", 2, "oldest", _rests=walk("binance", Window(START, START + 24 * HOUR))._rests)  # noqa: SLF001 - as above
    assert walked(way, stamps, 2, "newest")[0] == stamps


def test_a_whole_window_takes_one_request_when_its_rows_leave_no_room_for_another():
    stamps = [START + n * 8 * HOUR for n in range(91)]
    assert walked(walk("gate", Window(START, stamps[-1])), stamps, 1000, "newest")[1] == 1
    assert walked(walk("gate", Window(START, stamps[-1])), stamps[:-1], 1000, "newest")[1] == 1
    assert walked(walk("gate", Window(START, stamps[-1] + HOUR)), stamps, 1000, "newest")[1] == 1
    assert walked(walk("binance", Window(START, stamps[-1] + HOUR)), stamps, 1000, "oldest")[1] == 2
    assert walked(walk("binance", Window(START, START + 90 * HOUR)), [], 1000, "oldest")[1] == 2


def test_settlements_are_cut_to_the_window_by_their_minute_and_repeats_are_one():
    at = [START - 1, START + 30, START + 30, START + 8 * HOUR - 10, START + 8 * HOUR + 20]
    found = settlements_of("binance", rows(at, [1.0, 2.0, 2.0, 3.0, 4.0]), Window(START, START + 8 * HOUR))
    assert found.settled_at.tolist() == [START, START]
    assert found.rate.tolist() == [1.0, 2.0], "two numbers for one settlement are for others to judge"


def test_a_rate_that_is_no_number_is_repeated_once_as_well():
    found = settlements_of("gate", rows([START, START], [np.nan, np.nan]), Window(START, START + HOUR))
    assert len(found) == 1


def snapshots(hours: int, every: int = 5 * MINUTE, periods: int = 5, late: int = 20_000) -> FundingRows:
    """Snapshots of ``periods`` whole intervals of ``hours``: in the n-th the rate is that of the n-th settlement."""
    at = [START + n * every + late for n in range(periods * hours * HOUR // every)]
    begun = [(one - START) // (hours * HOUR) for one in at]
    return rows(at, [n / 1000 for n in begun], [START + (n + 1) * hours * HOUR for n in begun])


def times(found: object) -> list[int]:
    return [(at - START) // HOUR for at in found.settled_at.tolist()]  # type: ignore[attr-defined]  # Settlements


@pytest.mark.parametrize("hours", [8, 4, 2, 1])
def test_snapshots_are_one_settlement_where_the_next_one_changes(hours: int):
    seen = snapshots(hours)
    found = collapsed(seen)
    assert times(found) == [hours, 2 * hours, 3 * hours, 4 * hours]
    assert found.rate.tolist() == [0.001, 0.002, 0.003, 0.004]
    assert found.mark.tolist() == [1000.0, 2000.0, 3000.0, 4000.0], "of the first snapshot after the settlement"


def test_of_snapshots_that_do_not_show_a_settlement_from_both_sides_it_is_not_taken():
    seen = snapshots(8)
    inside = (seen.at >= START + 9 * HOUR) & (seen.at < START + 17 * HOUR)
    found = collapsed(seen.take(~inside))
    assert times(found) == [8, 24, 32], (
        "of 16:00 nothing says that nothing was settled between it and the next snapshot"
    )
    short = (seen.at >= START + 15 * HOUR) & (seen.at < START + 16 * HOUR + 50 * MINUTE)
    found = collapsed(seen.take(~short))
    assert times(found) == [8, 16, 24, 32]
    assert np.isnan(found.mark[1]), "no snapshot within a minute"


def test_a_missing_period_is_not_a_longer_one():
    seen = snapshots(1, periods=6)
    without = seen.take((seen.at < START + 2 * HOUR) | (seen.at >= START + 4 * HOUR))
    assert times(collapsed(without)) == [1, 5]


def test_what_a_snapshot_says_before_the_venue_knows_the_new_rate_does_not_count():
    seen = snapshots(8)
    stale = np.flatnonzero(seen.at == START + 8 * HOUR + 20_000)
    seen.rate[stale] = 0.0
    seen.rate[-1] = np.nan
    assert collapsed(seen).rate.tolist() == [0.001, 0.002, 0.003, 0.004]


def test_of_a_settlement_of_which_no_later_snapshot_tells_the_rate_there_is_none_yet():
    seen = snapshots(8)
    until = seen.take(seen.at <= START + 16 * HOUR + 20_000)
    assert times(collapsed(until)) == [8], "the first minute after 16:00 may still show the rate of 8:00"
    seen.rate[(seen.at > START + 16 * HOUR) & (seen.at < START + 24 * HOUR)] = np.nan
    assert times(collapsed(seen)) == [8, 24, 32]


def test_snapshots_with_an_impossible_next_settlement_are_left_out():
    seen = snapshots(8)
    seen.next_at[10] = START + 10_000 * HOUR
    seen.next_at[11] = seen.at[11] - 1
    assert times(collapsed(seen)) == [8, 16, 24, 32]


@given(st.lists(st.integers(0, 5 * 96 - 1), max_size=40), st.randoms(use_true_random=False))
def test_repeats_and_order_of_snapshots_change_nothing(again: list[int], dice: object):
    seen = snapshots(8)
    more = FundingRows.concat([seen.take(np.array(again, np.intp)), seen])
    assert collapsed(more).equals(collapsed(seen))


def test_no_snapshots_are_no_settlements():
    assert not len(collapsed(rows([])))
    assert not len(collapsed(snapshots(8, periods=1)))


@pytest.mark.parametrize("venue", [name for name, known in facts.VENUES.items() if known.funding is not None])
def test_every_fact_about_funding_says_where_it_is_from(venue: str):
    known = facts.funding_of(venue, "perpetual")
    assert set(known.sources) == {name for name in known.__dataclass_fields__ if name != "sources"}
    assert all(len(source) > 20 for source in known.sources.values())
    assert facts.budgets(venue)[known.budget.bucket] == known.budget
    assert known.page_hours > 24
