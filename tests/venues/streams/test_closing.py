"""When a candle is closed at venues without a word for it, and sequence numbers."""

from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from qmd_platform.model.series import Series
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.venues.streams.closing import LATE, Closing
from qmd_platform.venues.streams.messages import Ignored, Prices, Unreadable, flagged
from qmd_platform.venues.streams.records import HeardCandle
from qmd_platform.venues.streams.sequence import TOLERANCE, Sequencer
from qmd_platform.venues.streams.wanted import EVER, subject

SERIES = Series.parse("kraken:BTC/USD:1m")
SUBJECT = subject(SERIES, {"id": "XXBTZUSD"}, [(Fraction(1), EVER[0][1])])
BEGIN = 1_700_000_040_000 // MINUTE * MINUTE


def prices(minute: int, volume: float, order: int = 0, venue_at: int | None = None) -> Prices:
    return Prices(BEGIN + minute * MINUTE, 1, 2, 0.5, 1.5, volume, None, venue_at, order)


def told(closing: Closing, *some: Prices) -> list[tuple[int, float, bool]]:
    """Minute, volume and whether closed, of what is told."""
    heard = [event for one in some for event in closing.told(SUBJECT, one, 0, "text")]
    return [
        ((event.open_at - BEGIN) // MINUTE, event.volume, event.is_closed)
        for event in heard
        if isinstance(event, HeardCandle)
    ]


def test_a_candle_is_closed_when_the_next_one_begins() -> None:
    assert told(Closing("kraken"), prices(0, 1), prices(0, 2), prices(1, 5)) == [
        (0, 1, False),
        (0, 2, False),
        (0, 2, True),
        (1, 5, False),
    ]


def test_minutes_without_trades_are_not_waited_for() -> None:
    assert told(Closing("kraken"), prices(0, 1), prices(7, 5))[1:] == [(0, 1, True), (7, 5, False)]


def test_what_another_connection_said_closes_nothing() -> None:
    """Trades between the two were never told: the candle that formed at the break is not closed by the next connection."""
    before, after = Closing("kraken"), Closing("kraken")
    assert told(before, prices(0, 1)) == [(0, 1, False)]
    assert told(after, prices(1, 5)) == [(1, 5, False)]


def test_a_candle_that_is_sent_again_after_the_next_one_began_is_told_as_closed_again() -> None:
    closing = Closing("bitfinex")
    assert told(closing, prices(0, 1), prices(1, 5), prices(0, 1.25))[-1] == (0, 1.25, True)
    assert told(closing, prices(1, 6)) == [(1, 6, False)]


def test_a_message_that_was_sent_before_the_last_one_about_its_candle_is_dropped_by_name() -> None:
    closing = Closing("kraken")
    told(closing, prices(0, 2, order=20), prices(1, 5, order=30))
    assert list(closing.told(SUBJECT, prices(0, 1, order=10), 0, "text")) == [LATE]
    assert list(closing.told(SUBJECT, prices(1, 4, order=29), 0, "text")) == [LATE]
    assert told(closing, prices(0, 3, order=25)) == [(0, 3, True)]
    assert isinstance(LATE, Ignored)


def test_a_candle_that_has_not_begun_by_the_clock_of_its_message_closes_nothing() -> None:
    closing = Closing("kraken")
    told(closing, prices(0, 1))
    early = prices(1, 5, venue_at=BEGIN + MINUTE - 1)
    assert all(isinstance(event, Unreadable) for event in closing.told(SUBJECT, early, 0, "text"))
    assert told(closing, prices(0, 2)) == [(0, 2, False)]


def test_a_candle_that_a_real_venue_dates_ahead_of_our_clock_closes_nothing() -> None:
    """Bitfinex's messages carry no time: a jump ahead must not close what comes of the candle in progress."""
    real = subject(Series.parse("bitfinex:BTC/USD:1m"), {"id": "tBTCUSD"}, EVER, is_live=True)

    def closed(closing: Closing, one: Prices, after: int) -> list[int] | None:
        """Minutes of the closed candles in it; None where it is unreadable."""
        events = closing.told(real, one, BEGIN + after, "text")
        if any(isinstance(event, Unreadable) for event in events):
            return None
        return [(one.open_at - BEGIN) // MINUTE for one in events if isinstance(one, HeardCandle) and one.is_closed]

    closing = Closing("bitfinex")
    assert closed(closing, prices(0, 1), 5_000) == []
    assert closed(closing, prices(30, 1), 6_000) is None
    assert closed(closing, prices(0, 2), 7_000) == []
    assert closed(closing, prices(1, 1), MINUTE - 4_000) == [], (
        "our clock may be a little slow: its next message closes"
    )
    assert closed(closing, prices(1, 2), MINUTE) == [0]
    assert closed(closing, prices(2, 1), 2 * MINUTE - 6_000) is None
    assert closed(closing, prices(2, 2), 2 * MINUTE) == [1]


def test_a_candle_of_next_year_is_none_at_a_real_venue() -> None:
    for is_live, kind in ((True, Unreadable), (False, HeardCandle)):
        some = subject(Series.parse("okx:BTC/USDT:1m"), {"id": "BTC-USDT"}, EVER, is_live=is_live)
        soon, late = prices(365 * 24 * 60, 1), prices(367 * 24 * 60, 1)
        assert isinstance(flagged(some, soon, BEGIN, "text")[0], HeardCandle)
        assert isinstance(flagged(some, late, BEGIN, "text")[0], kind)


def test_a_candle_is_called_closed_at_the_time_of_the_message_that_closed_it() -> None:
    """The last message about it was sent before its end. A correction is as late as the newest message at least."""
    closing = Closing("kraken")
    sent = [(0, 58_000), (1, 63_000), (0, 59_000), (0, 64_000), (7, 430_000)]
    heard = [
        event
        for order, (minute, after) in enumerate(sent)
        for event in closing.told(SUBJECT, prices(minute, 1, order, BEGIN + after), 0, "text")
    ]
    times = [(one.is_closed, one.venue_at) for one in heard if isinstance(one, HeardCandle)]
    assert [(closed, at and at - BEGIN) for closed, at in times] == [
        (False, 58_000),
        (True, 63_000),
        (False, 63_000),
        (True, 63_000),
        (True, 64_000),
        (True, 430_000),
        (False, 430_000),
    ]


def test_a_candle_off_the_grid_or_with_a_value_that_is_no_number_is_unreadable() -> None:
    for odd in (Prices(BEGIN + 1, 1, 1, 1, 1, 1), prices(0, float("inf")), prices(0, float("nan"))):
        (event,) = Closing("kraken").told(SUBJECT, odd, 0, "the text")
        assert isinstance(event, Unreadable)
        assert "the text" in event.error.message


@given(
    volumes=st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), min_size=2, max_size=8),
    shifts=st.lists(st.integers(0, 5), min_size=40, max_size=40),
    twice=st.sets(st.integers(0, 40)),
)
@example(volumes=[[1, 1], [1]], shifts=[0, 5, 0] + [0] * 37, twice=set())
def test_messages_out_of_order_and_twice_end_in_the_same_closed_candles(
    volumes: list[list[int]], shifts: list[int], twice: set[int]
) -> None:
    """Each minute's volume grows message by message. The last that is heard of a closed candle is what it was at its end."""
    sent: list[Prices] = []
    for minute, parts in enumerate(volumes):
        for count in range(len(parts)):
            sent.append(prices(minute, sum(parts[: count + 1]), order=len(sent) + 1))
    doubled = [one for place, one in enumerate(sent) for _ in range(2 if place in twice else 1)]
    arrived = [one for _, one in sorted(enumerate(doubled), key=lambda pair: (pair[0] + shifts[pair[0] % 40], pair[0]))]
    heard = told(Closing("kraken"), *arrived)
    last = {minute: volume for minute, volume, is_closed in heard if is_closed}
    truth = {minute: float(sum(parts)) for minute, parts in enumerate(volumes[:-1])}
    assert {minute: last[minute] for minute in truth} == truth
    assert last.keys() <= truth.keys() | {len(volumes) - 1}
    newest = 0
    for minute, _, is_closed in heard:
        newest = max(newest, minute)
        assert not is_closed or minute <= newest


def test_sequence_numbers_that_go_on_are_whole_and_late_ones_are_waited_for() -> None:
    follower = Sequencer()
    assert all(follower.is_whole(number) for number in (7, 8, 10, 9, 9, 11, 11))


@given(missing=st.integers(2, 30))
def test_a_number_that_never_comes_is_missed(missing: int) -> None:
    follower = Sequencer()
    whole = [follower.is_whole(number) for number in range(1, missing + 2 * TOLERANCE) if number != missing]
    assert all(whole[: missing + TOLERANCE - 3])
    assert not all(whole)


def test_a_jump_beyond_all_patience_is_missed_at_once() -> None:
    follower = Sequencer()
    assert follower.is_whole(1)
    assert not follower.is_whole(1 + TOLERANCE + 1)
