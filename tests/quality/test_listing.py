"""What a venue lists is judged too: steps and sizes above nothing, and not too many markets gone at once."""

from dataclasses import replace

import pytest

from qmd_platform.quality.listing import judged
from qmd_platform.quality.listing_rules import LISTING_RULES
from qmd_platform.venues.port import Instrument

ONE = Instrument("A0/USDT", "A0USDT", "spot", "A0", "USDT", "", True, 1.0, 0.01, 0.1, None, "{}")
LIST = [replace(ONE, symbol=f"A{n}/USDT", venue_symbol=f"A{n}USDT") for n in range(40)]
BEFORE = {one.symbol: one for one in LIST}


def broken(now: list[Instrument], before: dict[str, Instrument]) -> dict[str, int]:
    return {finding.rule.name: finding.offenders for finding in judged(now, before) if not finding.passed}


def with_gone(count: int) -> list[Instrument]:
    return [replace(one, active=number >= count) for number, one in enumerate(LIST)]


def test_every_rule_is_judged_and_a_sound_list_breaks_none():
    assert [finding.rule for finding in judged(LIST, {})] == list(LISTING_RULES)
    assert broken(LIST, BEFORE) == {}


@pytest.mark.parametrize(
    ("spoilt", "rule"),
    [
        (replace(ONE, tick=0.0), "tick_positive"),
        (replace(ONE, lot=-1.0), "lot_positive"),
        (replace(ONE, contract_size=0.0), "contract_size_positive"),
    ],
)
def test_a_step_or_size_of_nothing_is_named(spoilt: Instrument, rule: str):
    assert broken([spoilt, *LIST[1:]], BEFORE) == {rule: 1}


def test_a_step_that_is_not_known_breaks_nothing():
    assert broken([replace(ONE, tick=None, lot=None), *LIST[1:]], BEFORE) == {}


def test_a_market_listed_twice_is_named_both_times():
    assert broken([*LIST, ONE], BEFORE) == {"unique_symbols": 2}


@pytest.mark.parametrize(("gone", "found"), [(0, {}), (4, {}), (5, {"still_listed": 5}), (20, {"still_listed": 20})])
def test_a_few_markets_may_go_at_once_and_more_than_a_tenth_may_not(gone: int, found: dict[str, int]):
    assert broken(with_gone(gone), BEFORE) == found


def test_of_a_handful_of_markets_any_may_go_and_of_one_that_was_gone_before_nothing_is_said():
    few = {symbol: BEFORE[symbol] for symbol in list(BEFORE)[:8]}
    assert broken(with_gone(5)[:8], few) == {}
    assert broken(with_gone(20), {one.symbol: one for one in with_gone(20)}) == {}
