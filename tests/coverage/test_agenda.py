"""The agenda, against a model that goes candle by candle: what is due is asked once, what is not is not."""

from collections import Counter
from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.coverage.agenda import Agenda, Lacking, Range, Verdict, agenda, gaps
from qmd_platform.coverage.causes import AGREED, TOO_OLD, UNPROVEN
from qmd_platform.model.evidence import Attempt
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, month_of
from tests.coverage.days import DAY, DAYS, NOW, days, opens, some_known, told

MARKETS = [Market("binance", f"{base}/USDT") for base in ("AAA", "BBB", "CCC")] + [Market("gate", "AAA/USDT")]
PAGE = 7
MINUTE = 60_000

Known = tuple[list[Run], list[Attempt]]
knowledge = st.lists(some_known(), min_size=4, max_size=4)
months = st.sampled_from(["2026-01", "2026-02", "2026-03", "2026-04"])
flying = st.sets(
    st.builds(lambda one, month: Partition(Series.candles(one, Timeframe.D1), month), st.sampled_from(MARKETS), months)
)
budgets = st.integers(1, 60)


def lacking(known: Sequence[Known], page_limit: int = PAGE) -> list[Lacking]:
    """One hundred days of each market wanted, of which this is known."""
    return [
        Lacking(Series.candles(market, Timeframe.D1), gaps([days(0, DAYS)], *one, NOW, DAY), page_limit)
        for market, one in zip(MARKETS, known, strict=False)
    ]


def planned(known: Sequence[Known], in_flight: set[Partition], budget: int) -> Agenda:
    return agenda(lacking(known), now=NOW, budget=budget, in_flight=in_flight, order=MARKETS)


def candles(ranges: Sequence[Range]) -> Counter[tuple[Series, int]]:
    """Every candle the ranges ask for, as often as they do."""
    return Counter((series, at) for one in ranges for series, windows in one.windows.items() for at in opens(windows))


@given(knowledge, flying, budgets)
def test_every_due_candle_is_in_exactly_one_range_and_nothing_else_is_asked_for(
    known: list[Known], in_flight: set[Partition], budget: int
):
    found = planned(known, in_flight, budget)
    handled = [one for one in (*found.ranges, *found.left) if one.verdict not in {Verdict.WAIT, Verdict.NEVER}]
    due = {
        (Series.candles(market, Timeframe.D1), at)
        for market, one in zip(MARKETS, known, strict=True)
        for at, when in told(*one, opens([days(0, DAYS)])).items()
        if when is not None and when <= NOW
    }
    assert candles(handled) == Counter(due)


@given(knowledge, flying, budgets)
def test_what_waits_and_what_no_api_has_is_left_and_told(known: list[Known], in_flight: set[Partition], budget: int):
    found = planned(known, in_flight, budget)
    model = {
        (Series.candles(market, Timeframe.D1), at): when
        for market, one in zip(MARKETS, known, strict=True)
        for at, when in told(*one, opens([days(0, DAYS)])).items()
    }
    waits = [one for one in found.left if one.verdict is Verdict.WAIT]
    never = [one for one in found.left if one.verdict is Verdict.NEVER]
    assert candles(waits) == Counter(at for at, when in model.items() if when is not None and when > NOW)
    assert candles(never) == Counter(at for at, when in model.items() if when is None)
    assert found.next_due == min((when for when in model.values() if when is not None and when > NOW), default=None)
    assert len(found.sentences) == len(found.ranges) + len(found.left)


@given(knowledge, flying, budgets)
def test_a_range_is_exactly_the_partitions_of_its_rectangle_and_no_two_share_one(
    known: list[Known], in_flight: set[Partition], budget: int
):
    found = planned(known, in_flight, budget).ranges
    partitions = [partition for one in found for partition in one.partitions]
    assert len(partitions) == len(set(partitions))
    assert not in_flight & set(partitions)
    for one in found:
        rectangle = [(market, month) for market in one.markets for month in one.months]
        assert [(partition.series.market, partition.month) for partition in one.partitions] == rectangle
        first = MARKETS.index(one.markets[0])
        assert list(one.markets) == MARKETS[first : first + len(one.markets)]
        assert all(one.gaps.values())
        assert all(
            {month_of(at) for gap in gaps_ for at in opens([gap.window])} == {partition.month}
            for partition, gaps_ in one.gaps.items()
        )


@given(knowledge, flying, budgets)
def test_the_budget_of_a_venue_is_kept_unless_one_partition_alone_is_above_it(
    known: list[Known], in_flight: set[Partition], budget: int
):
    found = planned(known, in_flight, budget).ranges
    for venue in ("binance", "gate"):
        mine = [one for one in found if one.venue == venue]
        requests = sum(-(-len(opens([w])) // PAGE) for one in mine for w in _paged(one))
        assert sum(one.requests for one in mine) == requests
        assert requests <= budget or (len(mine) == 1 and len(mine[0].partitions) == 1)


def _paged(one: Range) -> Iterator[Window]:
    """The windows of a range, cut by month, as they are asked for."""
    for gaps_ in one.gaps.values():
        runs = sorted(gap.window for gap in gaps_)
        joined = [runs[0]]
        for window in runs[1:]:
            if window.start == joined[-1].end:
                joined[-1] = Window(joined[-1].start, window.end)
            else:
                joined.append(window)
        yield from joined


@given(knowledge, flying, budgets)
def test_newer_months_of_a_venue_come_before_older_ones(known: list[Known], in_flight: set[Partition], budget: int):
    found = planned(known, in_flight, budget)
    for venue in ("binance", "gate"):
        asked = [p.month for one in found.ranges if one.venue == venue for p in one.partitions]
        later = [
            p.month for one in found.left if one.venue == venue and one.verdict is Verdict.LATER for p in one.partitions
        ]
        assert not later or asked
        assert not later or min(asked) >= max(later)
    newest = [one.months[-1] for one in found.ranges]
    assert newest == sorted(newest, reverse=True)


@given(knowledge, flying, budgets)
def test_the_same_question_has_the_same_key_and_another_has_another(
    known: list[Known], in_flight: set[Partition], budget: int
):
    once, again = planned(known, in_flight, budget), planned(known, in_flight, budget)
    keys = [one.key for one in once.ranges]
    assert keys == [one.key for one in again.ranges]
    assert len(set(keys)) == len(keys)
    asked_more = [(runs, [Attempt(days(0, DAYS), 1, 0)]) for runs, _ in known]
    asked_twice = [(runs, [Attempt(days(0, DAYS), 2, 0)]) for runs, _ in known]
    first, second = planned(asked_more, set(), budget), planned(asked_twice, set(), budget)
    assert not {one.key for one in first.ranges} & {one.key for one in second.ranges}


@given(knowledge, budgets)
def test_asking_again_and_again_settles_all_that_the_venue_has_in_rounds_that_are_bounded(
    known: list[Known], budget: int
):
    held = [list(runs) for runs, _ in known]
    for _ in range(4 * len(MARKETS) * 5):
        found = agenda(lacking([(runs, []) for runs in held]), now=NOW, budget=budget, order=MARKETS)
        if not found.ranges:
            break
        for one in found.ranges:
            for series, windows in one.windows.items():
                runs = held[MARKETS.index(series.market)]
                said = {at: run for run in runs for at in opens([run.window])}
                said |= {at: Run(Window(at, at + DAY), State.PRESENT) for at in opens(windows)}
                held[MARKETS.index(series.market)] = [
                    Run(Window(at, at + DAY), run.state, run.cause) for at, run in sorted(said.items())
                ]
    else:
        raise AssertionError("the agenda does not come to an end")
    assert not any(one.verdict is Verdict.LATER for one in found.left)


def test_an_empty_lake_is_asked_for_in_one_range_a_venue():
    found = agenda(lacking([([], [])] * 4), now=NOW, budget=1000, order=MARKETS)
    assert [(one.venue, len(one.markets), one.months) for one in found.ranges] == [
        ("binance", 3, ("2026-01", "2026-02", "2026-03", "2026-04")),
        ("gate", 1, ("2026-01", "2026-02", "2026-03", "2026-04")),
    ]
    assert not found.left


def test_every_decision_is_a_sentence():
    runs = [
        Run(days(0, 5), State.MISSING, TOO_OLD),
        Run(days(5, 26), State.PRESENT),
        Run(days(31, 2), State.MISSING, UNPROVEN),
        Run(days(33, 26), State.PRESENT),
        Run(days(59, 3), State.VERIFIED_EMPTY, AGREED),
        Run(days(62, 28), State.PRESENT),
    ]
    attempts = [Attempt(days(0, 33), 3, NOW - MINUTE), Attempt(days(59, 3), 2, NOW - 5 * 60 * MINUTE)]
    found = agenda(lacking([(runs, attempts)]), now=NOW, budget=1)
    assert [one.where for one in (*found.ranges, *found.left)] == [
        f"binance:AAA/USDT:1d, 2026-0{month}" for month in (4, 3, 2, 1)
    ]
    assert [sentence.partition(": ")[2] for sentence in found.sentences] == [
        "asked now, in about 2 requests: 10 candles never asked for",
        f"left for later, about 1 request: newer months spend the budget of 1: 3 candles verified empty, asked for twice ({AGREED})",
        f"not before 2026-04-11T00:15:00Z: 2 candles missing, asked for 3 times ({UNPROVEN})",
        f"not asked for again, no API has it: 5 candles missing, asked for 3 times ({TOO_OLD})",
    ]
    flying = {Partition(Series.candles(MARKETS[0], Timeframe.D1), "2026-04")}
    first = agenda(lacking([(runs, attempts)]), now=NOW, budget=1, in_flight=flying).left[0]
    assert first.sentence == "binance:AAA/USDT:1d, 2026-04: a run is at it: 10 candles never asked for"


def test_what_is_rolled_up_costs_nothing_and_is_made_whatever_was_spent():
    asked = lacking([([], [])])
    made = lacking([([], []), ([], [])], page_limit=0)[1:]
    found = agenda([*asked, *made], now=NOW, budget=1, order=MARKETS)
    assert [one.markets for one in found.ranges if not one.requests] == [(MARKETS[1],)]
    assert next(one for one in found.ranges if not one.requests).months == ("2026-01", "2026-02", "2026-03", "2026-04")
    assert "made now from shorter candles" in found.ranges[-1].sentence or "made now" in found.ranges[0].sentence


def test_what_the_venue_does_not_serve_any_more_is_expected_to_cost_one_refusal():
    whole = gaps([days(0, DAYS)], [], [], NOW, DAY)
    series = Series.candles(MARKETS[0], Timeframe.D1)
    (young, *_) = agenda([Lacking(series, whole, PAGE, reach=days(59, 1).start)], now=NOW, budget=1000).ranges
    assert young.requests == 1 + 1 + -(-31 // PAGE) + -(-10 // PAGE)
