"""Subscriptions that a venue refuses: told, asked for again, and no harm to the others."""

import json

from qmd_platform.errors import StreamRefused
from qmd_platform.venues.streams.patience import Endurance
from tests.venues.streams.driver import Driver


def test_a_refusal_names_its_market_and_is_asked_for_again() -> None:
    driver = Driver(Endurance(again_seconds=300))
    driver.open()
    driver.passes(1)
    driver.says('{"error":{"code":2,"msg":"no such stream solusdt@kline_1m"},"id":1}')
    (refusal,) = driver.state.refusals
    assert isinstance(refusal, StreamRefused)
    assert refusal.topic == "solusdt@kline_1m"
    assert "binance:SOL/USDT" in refusal.message
    driver.passes(1)
    assert driver.subscribed() == [*driver.topics, *driver.topics[:2]]
    for _ in range(31):
        driver.passes(10)
        driver.tells("BTC")
        driver.tells("ETH")
    assert not driver.hung_up, "what is refused is not missed"
    assert driver.subscribed().count("solusdt@kline_1m") == 2
    driver.says(f'{{"result":null,"id":{json.loads(driver.sent[-1][1])["id"]}}}')
    assert driver.state.refusals == ()


def test_a_refused_batch_of_which_nothing_is_named_is_asked_for_one_by_one() -> None:
    driver = Driver()
    driver.open()
    driver.passes(1)
    driver.says('{"error":{"code":2,"msg":"Invalid request"},"id":1}')
    assert driver.state.refusals == ()
    driver.passes(2)
    assert driver.subscribed() == driver.topics * 2
    assert [len(json.loads(text)["params"]) for _, text in driver.sent] == [3, 1, 1, 1]
    driver.says('{"result":null,"id":2}')
    driver.says('{"error":{"code":2,"msg":"Invalid request"},"id":3}')
    assert [one.topic for one in driver.state.refusals] == [driver.topics[1]]
    assert driver.machine.counters.split == 1
    assert driver.machine.counters.refused == 1


def test_what_is_refused_for_weeks_takes_no_more_room() -> None:
    driver = Driver(Endurance(again_seconds=1, stall_steps=10_000))
    driver.open()
    driver.passes(1)
    for number in range(1, 400):
        driver.says(f'{{"error":{{"code":2,"msg":"no"}},"id":{number}}}')
        driver.passes(1)
        driver.machine.signed(driver.now)
    assert driver.machine.counters.refused > 100
    assert len(driver.machine._subscriptions._requests) <= 12  # noqa: SLF001 - its memory is what is looked at


def test_a_refusal_that_names_nothing_at_all_is_counted_and_its_words_are_kept() -> None:
    driver = Driver()
    driver.open()
    driver.passes(1)
    driver.says('{"error":{"code":3,"msg":"Invalid JSON"}}')
    assert driver.machine.counters.refused == 1
    assert driver.state.why == "Invalid JSON (3)"
