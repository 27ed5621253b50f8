"""The state machine of a connection: phases, waits, heartbeats, silence."""

import json
from itertools import pairwise

import pytest

from qmd_platform.venues.streams.patience import Endurance
from qmd_platform.venues.streams.state import Phase
from tests.venues.streams.driver import EPOCH, Driver


def test_a_new_socket_is_connecting_until_the_venue_answers() -> None:
    driver = Driver()
    assert driver.machine.phase is Phase.WAITING
    driver.open()
    assert driver.machine.phase is Phase.CONNECTING
    driver.passes(1)
    assert driver.subscribed() == driver.topics
    driver.says('{"result":null,"id":1}')
    assert driver.machine.phase is Phase.LIVE
    assert driver.state.since == driver.at


def test_data_that_come_before_the_answer_are_an_answer_too() -> None:
    driver = Driver()
    driver.open()
    driver.tells("BTC")
    assert driver.machine.phase is Phase.LIVE
    assert len(driver.heard) == 1


def test_every_socket_subscribes_to_everything_anew() -> None:
    driver = Driver()
    for _ in range(3):
        driver.open()
        driver.passes(1)
        driver.machine.over("gone", driver.now, driver.at)
        driver.wait()
    assert driver.subscribed() == driver.topics * 3
    numbers = [json.loads(text)["id"] for _, text in driver.sent]
    assert len(set(numbers)) == len(numbers), "an answer to an old request is not taken for one to a new one"


def test_waits_double_at_most_and_are_capped() -> None:
    driver = Driver(Endurance(base_seconds=1, cap_seconds=10))
    bounds = [1, 2, 4, 8, 10, 10, 10]
    waits = []
    for bound in bounds:
        driver.open()
        driver.machine.over("refused", driver.now, driver.at)
        waits.append(driver.wait())
        assert 0 <= waits[-1] <= bound
    assert driver.state.failures == len(bounds)
    assert len(set(waits)) == len(waits), "jitter: no two are the same"


def test_two_connections_that_are_lost_together_do_not_come_back_together() -> None:
    waits = []
    for seed in (1, 2):
        driver = Driver(seed=seed)
        driver.open()
        driver.machine.over("gone", driver.now, driver.at)
        waits.append(driver.wait())
    assert waits[0] != waits[1]


def test_a_venue_that_accepts_and_hangs_up_at_once_is_asked_less_and_less() -> None:
    """Even if it tells something before: one message is not health."""
    driver = Driver()
    for count in range(1, 8):
        driver.open()
        driver.tells_all()
        driver.passes(5)
        driver.machine.over("gone", driver.now, driver.at)
        assert driver.state.failures == count
        driver.wait()


def test_failures_are_forgotten_once_a_socket_has_told_something_and_lasted() -> None:
    driver = Driver()
    for _ in range(5):
        driver.open()
        driver.machine.over("gone", driver.now, driver.at)
        driver.wait()
    driver.open()
    driver.passes(10)
    driver.tells_all()
    driver.passes(29)
    assert driver.state.failures == 5, "30 s since the first candle, not since the socket was opened"
    driver.passes(2)
    assert driver.state.failures == 0
    driver.machine.over("gone", driver.now, driver.at)
    assert driver.wait() <= driver.endurance.base_seconds


def test_a_socket_that_only_answers_is_not_healthy() -> None:
    driver = Driver()
    driver.open()
    driver.machine.over("gone", driver.now, driver.at)
    driver.wait()
    driver.open()
    driver.says('{"result":null,"id":1}')
    for _ in range(10):
        driver.passes(10)
        driver.machine.signed(driver.now)
    assert driver.state.failures == 1


def test_a_venue_that_wants_us_to_wait_is_obeyed() -> None:
    driver = Driver()
    driver.open()
    driver.machine.over("refused with status 418", driver.now, driver.at, least=120)
    assert driver.state.wait_seconds == 120
    assert driver.wait() == 120


def test_a_socket_that_says_nothing_at_all_is_given_up() -> None:
    driver = Driver()
    driver.open()
    driver.tells_all()
    driver.passes(100)
    assert [why for _, why in driver.hung_up] == ["nothing came for 60 s"]
    assert 60 <= driver.hung_up[0][0] <= 62
    assert driver.machine.phase is Phase.STALLED
    assert driver.machine.counters.stalls == 1


def test_pings_go_out_and_any_sign_of_life_keeps_a_quiet_socket() -> None:
    driver = Driver(Endurance(stall_steps=100))
    driver.open()
    for _ in range(12):
        driver.passes(20)
        driver.machine.signed(driver.now)
    assert not driver.hung_up
    gaps = [later - earlier for earlier, later in pairwise(driver.pings)]
    assert len(driver.pings) >= 11
    assert all(19 <= gap <= 22 for gap in gaps)


def test_a_stream_that_falls_silent_among_others_is_noticed_after_three_steps() -> None:
    driver = Driver()
    driver.open()
    driver.tells_all()
    for _ in range(25):
        driver.passes(10)
        driver.tells("BTC")
        driver.tells("ETH")
        if driver.hung_up:
            break
    assert [why for _, why in driver.hung_up] == ["solusdt@kline_1m said nothing for too long"]
    assert 180 <= driver.hung_up[0][0] <= 192
    assert driver.state.silent == ("solusdt@kline_1m",)


def test_a_stream_that_stays_silent_is_told_and_does_not_break_the_others_again() -> None:
    driver = Driver()
    hung_up = []
    for _ in range(3):
        driver.open()
        for _ in range(60):
            driver.passes(10)
            driver.tells("BTC")
            driver.tells("ETH")
            if len(driver.hung_up) > len(hung_up):
                hung_up = list(driver.hung_up)
                break
        driver.machine.over("gone", driver.now, driver.at)
        driver.wait()
    assert len(hung_up) == 1
    assert driver.state.silent == ("solusdt@kline_1m",)


def test_a_stream_that_speaks_again_may_be_missed_again() -> None:
    driver = Driver(Endurance(stall_steps=1))
    for count in (1, 2):
        driver.open()
        driver.tells_all()
        while len(driver.hung_up) < count:
            driver.passes(10)
            driver.tells("BTC")
            driver.tells("ETH")
        driver.machine.over("gone", driver.now, driver.at)
    assert driver.machine.counters.stalls == 2


def test_markets_that_speak_seldom_do_not_cost_the_others_their_connection() -> None:
    """Three minutes of silence are a reason; that a market trades every seven minutes is none to connect anew each time."""
    driver, opened = Driver(), 0
    for turn in range(720):
        if not driver.is_open:
            driver.wait()
            driver.open()
            opened += 1
        driver.passes(10)
        driver.tells("BTC")
        for market, every in (("ETH", 42), ("SOL", 47)):
            if turn % every == 0:
                driver.tells(market)
        if len(driver.hung_up) == opened:
            driver.machine.over("gone", driver.now, driver.at)
    assert 3 <= len(driver.hung_up) <= 8, "two hours are eight quarters"


def test_at_a_venue_that_says_nothing_without_trades_a_silent_stream_is_told_and_is_no_stall() -> None:
    driver = Driver(venue="kraken")
    driver.open()
    for symbol in ("ETH/USDT", "SOL/USDT"):
        driver.says(_kraken(symbol))
    for _ in range(60):
        driver.passes(10)
        driver.says(_kraken("BTC/USDT"))
    assert not driver.hung_up
    assert driver.state.silent == ("ohlc-1:ETH/USDT", "ohlc-1:SOL/USDT")
    driver.passes(60)
    assert driver.hung_up[0][1] == "nothing came for 30 s"


def test_a_subscription_that_was_taken_and_never_answered_with_candles_is_dead_where_all_are() -> None:
    """Seen at Kraken: acknowledged, the heart beating, and no candle ever (nautilus_trader, issue 4255)."""
    driver = Driver(venue="kraken")
    driver.open()
    while not driver.hung_up:
        driver.passes(10)
        driver.says(_kraken("BTC/USDT"))
        driver.says(_kraken("ETH/USDT"))
    assert driver.hung_up[0][1] == "ohlc-1:SOL/USDT said nothing for too long"


def test_when_all_streams_are_silent_and_only_the_heart_beats_the_connection_is_no_use() -> None:
    driver = Driver(venue="kraken")
    driver.open()
    while not driver.hung_up:
        driver.passes(10)
        driver.says('{"channel":"heartbeat"}')
    assert driver.hung_up[0][1] == "ohlc-1:BTC/USDT and 2 more said nothing for too long"


def _kraken(symbol: str) -> str:
    row = {"symbol": symbol, "interval_begin": "2023-10-04T16:25:00Z", "interval": 1}
    return json.dumps({"channel": "ohlc", "data": [row | dict.fromkeys(("open", "high", "low", "close", "volume"), 1)]})


def test_a_venue_that_says_goodbye_is_left_and_asked_again() -> None:
    driver = Driver()
    driver.open()
    driver.says('{"e":"serverShutdown","E":1}')
    driver.passes(1)
    assert [why for _, why in driver.hung_up] == ["the venue shuts its server down"]
    assert driver.machine.counters.stalls == 0


def test_an_unreadable_message_is_counted_told_and_passed_over() -> None:
    driver = Driver()
    driver.open()
    driver.says("{")
    driver.tells("BTC")
    state = driver.state
    assert (state.counters["unreadable"], state.counters["messages"], state.counters["candles"]) == (1, 2, 1)
    assert state.last_unreadable is not None
    assert state.last_unreadable.sample == "{"
    driver.says('{"e":"aggTrade","E":1,"s":"BTCUSDT","p":"1"}')
    assert driver.state.counters["unread"] == {"aggTrade": 1}


def test_messages_go_out_no_faster_than_the_venue_takes_them() -> None:
    driver = Driver(Endurance(again_seconds=5))
    driver.open()
    driver.passes(1)
    for number in range(1, 5):
        driver.says(f'{{"error":{{"code":3,"msg":"busy"}},"id":{number}}}')
        driver.passes(1)
    driver.passes(20)
    times = [at for at, _ in driver.sent]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(gaps) > 5
    assert min(gaps) >= 1 / driver.habits.sends_per_second - 0.001


def test_ages_are_told_by_our_own_clock() -> None:
    driver = Driver()
    driver.open()
    assert driver.state.silence_seconds is None
    driver.tells("BTC")
    driver.passes(7)
    driver.says('{"e":"aggTrade","E":1,"s":"BTCUSDT","p":"1"}')
    state = driver.state
    assert state.silence_seconds == pytest.approx(7, abs=0.1)
    assert state.message_at == driver.at
    assert state.heard_at == EPOCH


def test_a_stopped_connection_says_so() -> None:
    driver = Driver()
    driver.open()
    driver.machine.stop(driver.at)
    assert driver.state.phase is Phase.STOPPED


def test_at_bitfinex_each_stream_has_a_heart_and_one_that_stops_is_noticed() -> None:
    driver = Driver(venue="bitfinex")
    driver.open()
    for channel, topic in enumerate(driver.topics):
        driver.says(json.dumps({"event": "subscribed", "channel": "candles", "chanId": channel, "key": topic}))
    while not driver.hung_up:
        driver.passes(15)
        for channel in range(2):
            driver.says(f'[{channel},"hb"]')
    assert driver.hung_up[0][1] == "trade:1m:SOLUSDT said nothing for too long"
    assert 60 <= driver.hung_up[0][0] <= 77
