"""How each venue is asked for candles: the whole window and nothing else."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.venues import dialects, facts
from qmd_platform.venues.ccxt_lazy import exchange_class

KINDS = [(venue, kind) for venue, known in facts.VENUES.items() for kind in known.kinds]
RECORD = {"id": "BTC_USDT", "settleId": "usdt"}
PAIRED = [(venue, kind, timeframe) for venue, kind in KINDS for timeframe in dialects.of(venue, kind).timeframes]


def inclusive_ends(venue: str, params: dialects.Params) -> tuple[int, int]:
    """First and last open time a request asks for, in ms."""
    names = {"binance": ("startTime", "endTime"), "gate": ("from", "to"), "bitfinex": ("start", "end")}[venue]
    unit = 1000 if venue == "gate" else 1
    first, last = (params[name] for name in names)
    assert isinstance(first, int)
    assert isinstance(last, int)
    return first * unit, last * unit


@given(st.sampled_from(PAIRED), st.integers(0, 1_000_000), st.integers(1, 10_000))
def test_a_request_asks_for_the_candles_of_its_window_and_no_other(
    paired: tuple[str, str, Timeframe], first: int, count: int
):
    venue, kind, timeframe = paired
    step = timeframe.step
    count = min(count, facts.of(venue, kind).page_limit)
    window = Window(first * step, (first + count) * step)
    request = dialects.candle_request(venue, kind, RECORD, timeframe, window)
    start, last = inclusive_ends(venue, request.params)
    assert start == window.start
    assert window.end - step <= last < window.end
    assert request.params.get("limit", count) == count
    assert request.weight == facts.of(venue, kind).weight(count)


@pytest.mark.parametrize(("venue", "kind"), KINDS)
def test_a_window_larger_than_a_page_is_a_bug_not_a_short_answer(venue: str, kind: str):
    step = Timeframe.H1.step
    with pytest.raises(ValueError, match="holds"):
        dialects.candle_request(
            venue, kind, RECORD, Timeframe.H1, Window(0, (facts.of(venue, kind).page_limit + 1) * step)
        )


@pytest.mark.parametrize(("venue", "kind"), KINDS)
def test_ccxt_knows_the_method_and_spells_the_timeframes_alike(venue: str, kind: str):
    exchange = exchange_class(venue)()
    dialect = dialects.of(venue, kind)
    assert callable(getattr(exchange, dialect.method))
    assert {t.value: spelled for t, spelled in dialect.timeframes.items()}.items() <= exchange.timeframes.items()
    ours = {t.value for t in Timeframe} & exchange.timeframes.keys()
    assert ours == {t.value for t in dialect.timeframes}, "a timeframe the venue has and we do not use"


@pytest.mark.parametrize(("venue", "missing"), [("bitfinex", "3m"), ("gate", "6h")])
def test_a_timeframe_the_venue_does_not_have_is_refused_before_any_request(venue: str, missing: str):
    timeframe = Timeframe(missing)
    with pytest.raises(ConfigError, match=f"{venue} has no {missing} candles"):
        dialects.candle_request(venue, "spot", RECORD, timeframe, Window(0, timeframe.step))


def test_bitfinex_is_asked_for_the_oldest_first_with_the_path_ccxt_builds():
    exchange = exchange_class("bitfinex")()
    request = dialects.candle_request("bitfinex", "spot", {"id": "tBTCUSD"}, Timeframe.D1, Window(0, 86_400_000))
    url = urlsplit(
        exchange.sign("candles/trade:{timeframe}:{symbol}/hist", ["public"], "GET", dict(request.params))["url"]
    )
    assert url.path == "/v2/candles/trade:1D:tBTCUSD/hist"
    assert parse_qs(url.query) == {"start": ["0"], "end": ["86399999"], "limit": ["1"], "sort": ["1"]}
