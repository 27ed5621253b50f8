"""All pairs as one account: sums of sums, curves added up, every pair in it."""

from dataclasses import fields

import numpy as np
import pytest

from qmd_platform.arbitrage.simulation.accounts import Equity, combined
from qmd_platform.arbitrage.simulation.figures import Figures, figures
from qmd_platform.arbitrage.simulation.run import Outcome, Setting, simulate
from qmd_platform.arbitrage.simulation.statistics import drawdown, returns, sharpe
from qmd_platform.arbitrage.simulation.together import Together
from qmd_platform.arbitrage.simulation.world import world
from qmd_platform.model.window import Window
from tests.arbitrage.simulation.test_run import HIGH, RATES, SETTING, WHOLE, A, B
from tests.arbitrage.worlds import DAY, HOUR, START, traded

PARTS = {"all": WHOLE, "early": Window(START, START + 3 * DAY)}
FLAT = [100.0] * (len(RATES) * 8 + 1)
LATE = list(range(4 * 24))


def of(rates: list[float], missing: list[int], seed: int) -> list[Outcome]:
    place = world(traded(A, FLAT, rates, missing=missing), traded(B, FLAT, [0.0] * 30, missing=missing), HOUR)
    return simulate(place, Setting(SETTING.terms, SETTING.rules, 1_000.0, 20), PARTS, np.random.default_rng(seed))


PAIRS = [of(RATES, [], 1), of([0.0] * 6 + [2 * HIGH] * 24, [], 2), of(RATES, LATE, 3)]


def summed() -> dict[tuple[str, str, str], Figures]:
    sums = Together(WHOLE.end, HOUR)
    for found in PAIRS:
        for one in found:
            sums.add(one)
    return {(one.part, one.strategy, one.scenario): one for one in sums.rows()}


def alike(part: str, strategy: str, scenario: str) -> list[Outcome]:
    return [
        one for each in PAIRS for one in each if (one.part, one.strategy, one.scenario) == (part, strategy, scenario)
    ]


def test_money_adds_up_and_profit_is_the_sum_of_all_payments():
    for key, total in summed().items():
        each = [figures(one) for one in alike(*key)]
        assert total.pairs == len(each)
        for field in fields(Figures):
            if field.name.endswith("_quote") and field.name != "drawdown_quote":
                assert getattr(total, field.name) == pytest.approx(
                    sum(getattr(one, field.name) for one in each), abs=1e-9
                )
        costs = total.fees_quote + total.slippage_quote + total.borrow_quote + total.other_quote
        assert total.net_quote == pytest.approx(total.price_quote + total.funding_quote + costs, abs=1e-9)


def test_ratios_and_falls_are_those_of_the_curves_added_up():
    total = summed()["all", "rules", "base"]
    account: Equity = combined([one.account for one in alike("all", "rules", "base")])
    assert total.sharpe == pytest.approx(sharpe(returns(account), HOUR).plain)
    assert total.drawdown_quote == pytest.approx(drawdown(account).amount)
    assert total.observations == len(account.at)


def test_a_pair_whose_rules_never_traded_is_in_the_sum_and_one_without_data_is_not():
    found = summed()
    assert found["all", "rules", "base"].pairs == 3
    assert found["early", "rules", "base"].pairs == 2
    assert ("all", "random", "base") not in found


def test_chance_is_that_of_all_draws_together():
    total, each = summed()["all", "rules", "base"], alike("all", "rules", "base")
    draws = sum(one.random for one in each)
    assert total.random_beaten == pytest.approx(np.mean(draws < total.net_quote))
    assert 0 < total.random_beaten <= 1
