"""The plan: what may run when, and that nothing waits for ever."""

import threading
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.cli.workers import Outcome, Plan


def done(asked: str, *, ok: bool = True) -> Outcome:
    return Outcome(asked, "run", ok=ok, seconds=0, tables={}, errors=())


@given(
    st.dictionaries(st.sampled_from(["binance", "gate", "bitfinex"]), st.integers(0, 4)),
    st.randoms(use_true_random=False),
)
def test_everything_runs_once_and_a_market_only_after_its_venues_instruments(markets: dict[str, int], chance: Random):
    lines = {venue: [f"{venue}:M{n} 2026-11" for n in range(count)] for venue, count in markets.items()}
    plan = Plan(lines)
    running: list[str] = []
    finished: list[str] = []
    ready = len(lines)
    while ready or running:
        # Two workers take what there is; either may be the first to be done.
        while ready and len(running) < 2:
            running.append(str(plan.take()))
            ready -= 1
        finished.append(running.pop(chance.randrange(len(running))))
        ready += len(lines.get(finished[-1], ()))
        plan.finished(done(finished[-1]))
    assert plan.take() is None
    assert sorted(finished) == sorted([*lines, *(line for venue in lines.values() for line in venue)])
    for venue, named in lines.items():
        assert all(finished.index(venue) < finished.index(line) for line in named)


def test_the_markets_of_a_venue_whose_instruments_failed_are_not_run():
    plan = Plan({"gate": ["gate:BTC/USDT 2026-11"]})
    assert plan.take() == "gate"
    plan.finished(done("gate", ok=False))
    assert plan.take() is None


def test_what_comes_at_last_waits_until_all_else_is_done():
    plan = Plan({"gate": ["gate:BTC/USDT 2026-11"]}, at_last=["arbitrage 2026-11", "coverage"])
    for line in ("gate", "gate:BTC/USDT 2026-11", "arbitrage 2026-11", "coverage"):
        assert plan.take() == line
        plan.finished(done(line))
    assert plan.take() is None


def test_venues_take_turns():
    plan = Plan({"binance": ["binance:A", "binance:B"], "gate": ["gate:A", "gate:B"]})
    for venue in (plan.take(), plan.take()):
        plan.finished(done(str(venue)))
    assert [plan.take() for _ in range(4)] == ["binance:A", "gate:A", "binance:B", "gate:B"]


def test_a_worker_that_waits_is_let_go_when_the_plan_is_abandoned():
    plan = Plan({"gate": []})
    plan.take()
    got: list[str | None] = []
    waiting = threading.Thread(target=lambda: got.append(plan.take()))
    waiting.start()
    plan.abandon()
    waiting.join(10)
    assert got == [None]
