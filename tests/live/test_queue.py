"""The queue: bounded, nothing goes silently, closed candles go last."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import QmdError
from qmd_platform.live.queue import KINDS, Queue
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.venues.streams.records import HeardCandle
from tests.live.heard import BTC, ETH, NOON, candle, mark


class Ticking:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def opened(room: int, clock: Ticking | None = None) -> Queue:
    queue = Queue(room, clock=clock or Ticking())
    queue.open()
    return queue


def test_nothing_is_put_before_somebody_takes():
    with pytest.raises(QmdError, match="before anybody"):
        Queue().put(candle(0))


def test_of_what_forms_only_the_newest_word_waits_and_every_closed_candle_does():
    queue = opened(10)
    for number in range(5):
        queue.put(candle(number, closed=False))
        queue.put(candle(number, ETH, closed=False))
        queue.put(candle(number))
    batch = queue.drained()
    assert batch.closed == [candle(number) for number in range(5)]
    assert batch.forming == [candle(4, closed=False), candle(4, ETH, closed=False)]
    assert queue.figures.coalesced == {"closed": 0, "forming": 8, "marks": 0}
    assert len(queue.drained()) == 0


def test_messages_that_tell_different_things_of_a_perpetual_wait_side_by_side():
    queue = opened(10)
    funding = mark(0, mark=None, index=None)
    prices = [mark(number, predicted_rate=None, next_settlement_at=None) for number in range(3)]
    for one in (funding, *prices):
        queue.put(one)
    assert queue.drained().marks == [funding, prices[-1]]


def test_without_room_what_forms_goes_first_then_prices_then_the_oldest_closed_candle_which_is_a_hole():
    holes: list[tuple[Series, int]] = []
    clock = Ticking()
    queue = Queue(3, on_hole=lambda series, at: holes.append((series, at)), clock=clock)
    queue.open()
    queue.put(mark(0))
    queue.put(candle(0, closed=False))
    queue.put(candle(0, ETH, closed=False))
    clock.now = 2.0
    for number in range(3):
        queue.put(candle(number))
    assert not holes
    clock.now = 5.0
    queue.put(candle(3))
    queue.put(candle(9, ETH, closed=False))
    queue.put(mark(1))
    assert holes == [(BTC, NOON)]
    assert queue.drained().closed == [candle(number) for number in (1, 2, 3)]
    dropped = {kind: (it.count, it.worst_s) for kind, it in queue.figures.dropped.items()}
    assert dropped == {"closed": (1, 3.0), "forming": (3, 2.0), "marks": (2, 2.0)}
    assert queue.figures.taken["closed"].worst_s == 3.0


def test_the_age_is_that_of_what_has_waited_longest():
    clock = Ticking()
    queue = opened(10, clock=clock)
    assert queue.age_s == 0
    queue.put(mark(0))
    clock.now = 3.0
    queue.put(candle(0))
    assert queue.age_s == 3.0
    queue.put(mark(1))
    assert queue.age_s == 0.0


MARKETS = [Series.candles(Market("binance", f"M{number}/USDT"), Timeframe.M1) for number in range(3)]
STEPS = st.lists(
    st.one_of(
        st.just("take"),
        st.tuples(st.sampled_from(["closed", "forming"]), st.sampled_from(MARKETS)),
        st.tuples(st.just("mark"), st.sampled_from([0, 1])),
    ),
    max_size=80,
)


@given(steps=STEPS, room=st.integers(1, 8))
def test_whatever_comes_each_record_is_counted_once_and_no_more_wait_than_there_is_room(steps: list[Any], room: int):
    holes: list[tuple[Series, int]] = []
    queue = Queue(room, on_hole=lambda series, at: holes.append((series, at)))
    queue.open()
    said: list[HeardCandle] = []
    got: list[HeardCandle] = []
    for number, step in enumerate(steps):
        if step == "take":
            got += queue.drained().closed
        elif step[0] == "mark":
            queue.put(mark(number, Market("binance", f"P{step[1]}/USDT:USDT")))
        else:
            one = candle(number, step[1], closed=step[0] == "closed")
            said += [one] if one.is_closed else []
            queue.put(one)
        assert len(queue) <= room
    waiting = queue.drained()
    got += waiting.closed
    figures = queue.figures
    for kind in KINDS:
        assert figures.put[kind] == (figures.taken[kind].count + figures.coalesced[kind] + figures.dropped[kind].count)
    lost = [(one.series, one.open_at) for one in said if one not in got]
    assert lost == holes
    assert figures.put["closed"] == len(got) + len(holes)


def test_whoever_takes_is_woken_by_what_comes():
    async def story() -> list[HeardCandle]:
        queue = opened(10)
        taker = asyncio.create_task(queue.some())
        await asyncio.sleep(0)
        queue.put(candle(0))
        await taker
        return queue.drained().closed

    assert asyncio.run(story()) == [candle(0)]
