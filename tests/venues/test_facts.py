"""What is known about each venue, each fact with its source."""

from dataclasses import fields

import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.venues import dialects, facts
from qmd_platform.venues.ccxt_lazy import exchange_class
from qmd_platform.venues.listing import CLOCKS, GROUPS

KINDS = [(venue, kind) for venue, known in facts.VENUES.items() for kind in known.kinds]


@pytest.mark.parametrize(("venue", "kind"), KINDS)
def test_every_fact_says_where_it_is_from(venue: str, kind: str):
    known = facts.of(venue, kind)
    assert set(known.sources) == {field.name for field in fields(known)} - {"sources"}
    assert all(len(source) > 20 for source in known.sources.values())


@pytest.mark.parametrize(("venue", "kind"), KINDS)
def test_no_page_size_brings_more_candles_for_its_weight(venue: str, kind: str):
    known = facts.of(venue, kind)
    best = known.page_limit / known.weight(known.page_limit)
    within_reach = (most for most, _ in known.weights if most <= known.page_limit or len(known.weights) > 1)
    assert all(most / known.weight(most) <= best for most in within_reach)


def test_a_usd_m_page_is_499_candles_because_500_weigh_more_than_twice_as_much():
    known = facts.of("binance", "perpetual")
    assert known.page_limit == 499
    assert (known.weight(99), known.weight(100), known.weight(499), known.weight(500)) == (1, 2, 2, 5)


@pytest.mark.parametrize(("venue", "kind"), KINDS)
def test_every_kind_has_a_dialect_and_a_way_to_list_its_markets(venue: str, kind: str):
    assert dialects.of(venue, kind).timeframes
    assert kind in GROUPS[venue]


@pytest.mark.parametrize("venue", facts.VENUES)
def test_the_clock_the_doctor_asks_is_the_clock_the_client_asks(venue: str):
    exchange = exchange_class(venue)()
    assert hasattr(exchange, CLOCKS[venue])
    hosts = exchange.implode_params(str(exchange.urls["api"]), {"hostname": exchange.hostname})
    assert facts.VENUES[venue].clock_url.split("/")[2] in hosts


def test_an_unknown_venue_is_refused_with_the_closest_names():
    with pytest.raises(ConfigError) as caught:
        facts.known_venue("binanse")
    assert str(caught.value.hint).startswith("did you mean binance or bitfinex?")


def test_a_kind_the_venue_does_not_have_is_refused_with_those_it_has():
    with pytest.raises(ConfigError, match="option") as caught:
        facts.of("gate", "option")
    assert caught.value.hint == "choose from spot, perpetual"
