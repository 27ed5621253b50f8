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


def asked_for(venue: str, params: dialects.Params, step: int) -> tuple[int, int | None]:
    """First and last open time a request asks for by its venue's rules, in ms; None for no end."""
    named = {
        "binance": ("startTime", "endTime"),
        "bitfinex": ("start", "end"),
        "bybit": ("start", "end"),
        "gate": ("from", "to"),
        "kraken": ("since", None),
        "okx": ("before", "after"),
    }[venue]
    unit = 1000 if venue in {"gate", "kraken"} else 1
    first, last = (None if name is None else int(params[name]) * unit for name in named)
    assert first is not None
    if venue in {"kraken", "okx"}:  # newer than the start, never the start itself
        first += 1
    if venue == "okx" and last is not None:  # older than the end, never the end itself
        last -= 1
    return -(-first // step) * step, None if last is None else last // step * step


@given(st.sampled_from(PAIRED), st.integers(1, 1_000_000), st.integers(1, 10_000))
def test_a_request_asks_for_the_candles_of_its_window_and_no_other(
    paired: tuple[str, str, Timeframe], first: int, count: int
):
    venue, kind, timeframe = paired
    step = timeframe.step
    count = min(count, facts.of(venue, kind).page_limit)
    window = Window(first * step, (first + count) * step)
    request = dialects.candle_request(venue, kind, RECORD, timeframe, window)
    assert asked_for(venue, request.params, step) == (window.start, None if venue == "kraken" else window.end - step)
    known = facts.of(venue, kind)
    limit = int(request.params.get("limit", count))
    assert count <= limit <= known.page_limit
    assert request.weight == known.weight(count) == known.weight(limit)


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
    # ccxt has numbers for Kraken, and says "utc" to OKX when it asks.
    theirs = {name: str(spelled) for name, spelled in exchange.timeframes.items()}
    ours_spelled = {t.value: spelled.removesuffix("utc") for t, spelled in dialect.timeframes.items()}
    assert ours_spelled.items() <= theirs.items()
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
    assert parse_qs(url.query) == {"start": ["0"], "end": ["86399999"], "limit": ["10000"], "sort": ["1"]}


def test_okx_is_asked_for_candles_that_open_by_utc_where_its_own_clock_would_be_hong_kongs():
    spelled = dialects.of("okx", "spot").timeframes
    assert {t for t, name in spelled.items() if name.endswith("utc")} == {t for t in spelled if t.step > 4 * 3_600_000}


@pytest.mark.parametrize(("venue", "kind"), KINDS)
@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_the_first_candle_is_found_by_pages_that_each_cover_the_longer_candle_before(
    venue: str, kind: str, timeframe: Timeframe
):
    dialect, limit = dialects.of(venue, kind), facts.of(venue, kind).page_limit
    if timeframe not in dialect.timeframes:
        return
    request = dialects.longest_request(venue, kind, RECORD)
    assert (request is None) == (dialect.longest is None)
    if request is None:
        return
    assert dialects.oldest_request(venue, kind, RECORD, timeframe) is None
    lasts = dialects.longest_lasts(venue, kind)
    for rung in dialects.rungs(timeframe):
        assert rung in dialect.timeframes
        assert lasts // rung.step <= limit
        lasts = rung.step
    assert lasts == timeframe.step
