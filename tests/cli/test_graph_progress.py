"""What the demo says while the graph runs: how many of how many, and never silent for long."""

import pytest

from qmd_platform.cli.graph_progress import QUIET_SECONDS, Watch, about
from qmd_platform.cli.workers import Outcome, Plan

BTC, ETH = "gate:BTC/USDT", "gate:ETH/USDT"


def done(asked: str, *, ok: bool = True) -> Outcome:
    return Outcome(asked, "run", ok=ok, seconds=2, tables={}, errors=())


class Clock:
    """One that is set by hand."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_every_run_that_ends_has_one_line_with_its_place_among_all_of_them(capsys: pytest.CaptureFixture[str]):
    watch = Watch(4)
    markets = [(BTC, 6, 6), (ETH, 0, 6)]
    outcomes = [done("gate"), done(f"{BTC} 2026-10")]
    for _ in range(2):
        watch.look(outcomes, [f"{ETH} 2026-10"], markets)
    outcomes += [done(f"{ETH} 2026-10", ok=False), done("coverage")]
    watch.look(outcomes, [], markets)
    assert capsys.readouterr().err.splitlines() == [
        "1 of 4 runs: gate: instruments, 2.0 s",
        f"2 of 4 runs: {BTC}, 6 partitions, 2.0 s",
        f"3 of 4 runs: {ETH} failed",
        "4 of 4 runs: coverage of all venues, 2.0 s",
    ]


def test_when_nothing_ends_for_a_while_it_says_what_is_at_work_and_how_far(capsys: pytest.CaptureFixture[str]):
    clock = Clock()
    watch = Watch(9, clock=clock)
    at_work = [f"{BTC} 2026-10", "gate:funding 2026-09"]
    for clock.seconds in (0.0, QUIET_SECONDS - 1, QUIET_SECONDS, QUIET_SECONDS + 1):
        watch.look([done("gate")], at_work, [(BTC, 2, 6)])
    assert capsys.readouterr().err.splitlines()[1:] == [
        f"1 of 9 runs so far; at work: {BTC} (2 of 6 partitions); gate: funding, mark, index and premium"
    ]


def test_a_run_of_all_markets_of_a_venue_is_as_far_as_these_together(capsys: pytest.CaptureFixture[str]):
    watch = Watch(2)
    watch.look([done("gate:* 2026-11")], [], [(BTC, 6, 6), (ETH, 6, 6), ("okx:BTC/USDT", 1, 3)])
    assert capsys.readouterr().err == "1 of 2 runs: gate: candles of all its markets, 12 partitions, 2.0 s\n"


def test_every_kind_of_run_is_told_in_words():
    lines = ("gate", f"{BTC} 2026-10", "gate:* 2026-11", "gate:snapshots 2026-11", "arbitrage 2026-09")
    assert [about(line) for line in lines] == [
        "gate: instruments",
        BTC,
        "gate: candles of all its markets",
        "gate: what its perpetuals are like now",
        "tables of arbitrage across venues",
    ]


def test_a_plan_knows_how_many_runs_there_are_and_which_are_at_work():
    plan = Plan({"gate": [f"{BTC} 2026-10"]}, at_last=["coverage"])
    assert (plan.total, plan.at_work) == (3, ())
    plan.take()
    assert plan.at_work == ("gate",)
    plan.finished(done("gate"))
    assert plan.at_work == ()
    plan.take()
    plan.abandon()
    plan.finished(done(f"{BTC} 2026-10"))
    assert plan.at_work == ()
