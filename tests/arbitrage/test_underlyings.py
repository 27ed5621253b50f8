"""Underlyings: multiples in a name, renames that join and names that passed to another coin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.arbitrage.renames import MEANINGS, MULTIPLES, SEPARATE, Separate
from qmd_platform.arbitrage.underlyings import became, joins, multiple, underlying
from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.window import instant

NOW = instant("2026-11-01")


@pytest.mark.parametrize(
    ("base", "name", "units"),
    [
        ("1000PEPE", "PEPE", 1e3),
        ("kPEPE", "PEPE", 1e3),
        ("KPEPE", "PEPE", 1e3),
        ("PEPE", "PEPE", 1.0),
        ("SHIB1000", "SHIB", 1e3),
        ("1MBABYDOGE", "BABYDOGE", 1e6),
        ("1000000BABYDOGE", "BABYDOGE", 1e6),
        ("10000LADYS", "LADYS", 1e4),
        ("1INCH", "1INCH", 1.0),
        ("1000X", "1000X", 1.0),
        ("KSM", "KSM", 1.0),
        ("BTC", "BTC", 1.0),
        ("XBT", "BTC", 1.0),
    ],
)
def test_a_base_is_so_many_of_its_underlying(base: str, name: str, units: float):
    found = underlying(base, NOW)
    assert (found.name, found.units, found.is_proven) == (name, units, True)


@pytest.mark.parametrize(("base", "name", "units"), [("1000NEWCOIN", "NEWCOIN", 1e3), ("kNEWCOIN", "NEWCOIN", 1e3)])
def test_a_multiple_nobody_reviewed_is_read_and_not_proven(base: str, name: str, units: float):
    found = underlying(base, NOW)
    assert (found.name, found.units, found.is_proven) == (name, units, False)
    assert "nobody reviewed" in found.why


def test_a_thousand_coins_cost_a_thousand_times_one():
    assert underlying("1000PEPE", NOW).price_of_one(0.0125) == pytest.approx(0.0000125)


@pytest.mark.parametrize("at", ["2023-01-01", "2024-09-12", "2026-01-01"])
def test_matic_joins_pol_one_to_one_at_any_time(at: str):
    before, after = underlying("MATIC", instant(at)), underlying("POL", instant(at))
    assert joins(before, after)
    assert before.units == after.units == 1.0


def test_a_redenominated_coin_joins_at_its_ratio():
    assert underlying("GAL", NOW).price_of_one(3.0) == pytest.approx(0.05)
    assert joins(underlying("GAL", NOW), underlying("G", NOW))


def test_luna_is_lunc_before_the_second_chain_and_another_coin_after():
    before, after = underlying("LUNA", instant("2022-05-27")), underlying("LUNA", instant("2022-05-28"))
    assert joins(before, underlying("LUNC", NOW))
    assert joins(before, underlying("1000LUNC", NOW))
    assert not joins(before, after)
    assert not joins(after, underlying("LUNC", NOW))
    assert joins(after, underlying("LUNA2", NOW))


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ("MATIC", "POL", "2024-09-10"),
        ("GAL", "G", "2024-07-15"),
        ("LUNA", "LUNC", "2022-05-13"),
    ],
)
def test_a_coin_became_another_name_where_the_map_says_so(old: str, new: str, at: str):
    assert became(old, new, instant(at))
    assert not became(new, old, instant(at))


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ("LUNA", "LUNC", "2022-06-01"),
        ("AGIX", "FET", "2024-07-01"),
        ("XBT", "BTC", "2024-01-01"),
        ("1000LUNA", "1000LUNC", "2022-05-13"),
        ("1000PEPE", "PEPE", "2024-01-01"),
        ("1000NEWCOIN", "NEWCOIN", "2024-01-01"),
        ("MATIC", "MATIC", "2024-01-01"),
        ("BTC", "ETH", "2024-01-01"),
    ],
)
def test_nothing_else_is_a_rename(old: str, new: str, at: str):
    assert not became(old, new, instant(at))


@pytest.mark.parametrize(("base", "coins"), [("1000PEPE", 1e3), ("BTC", 1.0), ("1000X", 1.0), ("1000NEWCOIN", None)])
def test_only_a_reviewed_multiple_is_one(base: str, coins: float | None):
    assert multiple(base) == coins


@pytest.mark.parametrize("pair", SEPARATE, ids=lambda pair: f"{pair.one}-{pair.other}")
def test_what_must_not_be_joined_is_not(pair: Separate):
    assert not joins(underlying(pair.one, NOW), underlying(pair.other, NOW))


@pytest.mark.parametrize("name", ["gate:BTC-PERP", "BTC_USDT", "binance:DOGEUSDT"])
def test_mistake_29_a_market_is_named_as_its_venues_instruments_name_it_and_not_by_habit(name: str):
    with pytest.raises(ConfigError, match="is not a market"):
        Market.parse(name)


def test_every_reviewed_fact_has_a_sentence_and_a_source():
    for fact in (*MULTIPLES.values(), *MEANINGS, *SEPARATE):
        assert len(fact.sentence.split()) >= 4
        assert len(fact.source.split()) >= 3


@given(st.sampled_from(sorted({one.name for one in MEANINGS})), st.integers(0, 2 * 10**12))
def test_a_name_means_one_coin_at_a_time(name: str, at: int):
    assert len([one for one in MEANINGS if one.name == name and one.holds(at)]) == 1
