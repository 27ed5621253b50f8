"""The section [arbitrage] of the universe file: defaults that the docs say, values that arrive, refusals with their line."""

import re
from pathlib import Path

import pytest

from qmd_platform import config_arbitrage as keys
from qmd_platform.arbitrage.lifecycle import HOUR_MS, Thresholds
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.config import load_universe
from qmd_platform.errors import ConfigError
from tests.conftest import ROOT

KEPT = 'start = "2025-01-01"\n[venues.binance]\nmarkets = ["BTC/USDT:USDT"]\n'
"""Three lines."""


def rules(folder: Path, section: str) -> Rules:
    path = folder / "universe.toml"
    path.write_text(KEPT + section, encoding="utf-8")
    return load_universe(path).arbitrage


def same(one: Rules, other: Rules) -> bool:
    """But for where a fee is from."""

    def fees(of: Rules) -> dict[tuple[str, str], float]:
        return {key: fee.taker for key, fee in of.terms.costs.fees.items()}

    def rest(of: Rules) -> list[object]:
        costs = of.terms.costs
        return [of.half_spread, of.thresholds, of.terms.capital, of.terms.limits, of.terms.windows, of.anomaly] + [
            getattr(costs, name) for name in ("slippage", "borrow_per_year", "transfer", "liquidation")
        ]

    return fees(one) == fees(other) and rest(one) == rest(other)


def test_without_the_section_everything_has_its_default(tmp_path: Path):
    assert same(rules(tmp_path, ""), Rules())
    assert same(load_universe(ROOT / "resources" / "universe.toml").arbitrage, Rules())


def test_the_page_shows_every_key_with_its_default(tmp_path: Path):
    page = (ROOT / "docs" / "opportunities.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert same(rules(tmp_path, section), Rules())
    shown = set(re.findall(r"^(\w+) =", section, re.MULTILINE))
    known = {*keys.Section.__struct_fields__, *keys.Opportunities.__struct_fields__, *keys.Fees.__struct_fields__}
    assert shown == known - {"fees", "opportunities"}


def test_what_is_said_arrives(tmp_path: Path):
    said = rules(
        tmp_path,
        "[arbitrage]\nslippage = 0.0003\nhalf_spread = 0.0002\nshort_leverage = 5\nbuffer = 0\n"
        "[arbitrage.fees]\nbinance = { perpetual = -0.0001 }\n"
        "[arbitrage.opportunities]\nwatch = 0.2\nopen = 0.3\nclose = 0.1\nmax_hold_hours = 48\ndwell_hours = 0\n",
    )
    assert (said.terms.costs.slippage, said.half_spread) == (0.0003, 0.0002)
    assert (said.terms.capital.short_leverage, said.terms.capital.buffer) == (5.0, 0.0)
    assert said.terms.costs.fee("binance", "perpetual") == -0.0001
    assert said.terms.costs.fee("binance", "spot") == Rules().terms.costs.fee("binance", "spot")
    assert said.thresholds == Thresholds(watch=0.2, open=0.3, close=0.1, max_hold_ms=48 * HOUR_MS, dwell_ms=0)


REFUSED = {
    "a fee in percent": ("[arbitrage.fees.okx]\nspot = 0.15", 5, "arbitrage.fees.okx.spot", "fraction"),
    "an unknown venue": ("[arbitrage.fees.binanc]\nspot = 0.001", 4, "'binanc'", "binance"),
    "an unknown kind": ("[arbitrage.fees.okx]\nspto = 0.001", 5, "unknown key 'spto'", "spot"),
    "an unknown key": ("[arbitrage]\nslipage = 0.1", 5, "unknown key 'slipage'", "slippage"),
    "an unknown threshold": ("[arbitrage.opportunities]\nhold = 3", 5, "unknown key 'hold'", "max_hold_hours"),
    "a text for a number": ('[arbitrage]\nbuffer = "10 %"', 5, "arbitrage.buffer", "0.10"),
    "no number": ("[arbitrage]\ntransfer = nan", 5, "arbitrage.transfer", "fraction"),
    "no leverage": ("[arbitrage]\nlong_leverage = 0", 5, "arbitrage.long_leverage", "number"),
    "half an event": ("[arbitrage.opportunities]\nclosing_events = 1.5", 5, "closing_events", "whole"),
    "no hold": ("[arbitrage.opportunities]\nwatch = 0.01\nexpected_hold_hours = 0", 6, "expected_hold_hours", "number"),
    "thresholds that rise": (
        "[arbitrage.opportunities]\nopen = 0.01",
        4,
        "open 0.01 > watch 0.05",
        "opened and closed",
    ),
    "a fee that is no table": ("[arbitrage.fees]\nokx = 0.001", 4, "arbitrage.fees", "table"),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_mistake_is_refused_with_file_line_and_what_may_stand_there(tmp_path: Path, mistake: str):
    section, line, says, hint = REFUSED[mistake]
    with pytest.raises(ConfigError) as refusal:
        rules(tmp_path, section)
    assert f"{tmp_path / 'universe.toml'}, line {line}:" in refusal.value.message
    assert says in refusal.value.message
    assert hint in str(refusal.value)
