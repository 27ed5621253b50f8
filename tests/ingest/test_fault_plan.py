"""The fault plan over real sockets, through real ccxt: which candles end up in the lake, and what is said of them.

Here are the faults that an answer, or the one after it, gives away. ``test_fault_plan_undetected`` has the others.
"""

import time
from collections.abc import Container, Sequence
from pathlib import Path

import pytest

from qmd_platform.errors import Banned
from qmd_platform.model.series import Market
from qmd_platform.model.spans import State
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.faults import KINDS
from tests.ingest.accounts import BITFINEX, BYBIT, CLOSED, GATE, KRAKEN, MARKETS, OKX, SPOT, USDM, Fault, playing

NOW_AND_THEN = [2, 3, 5, 8, 9, 11, 14, 17, 18, 23, 29]
"""Requests that go wrong: too few for one page to be met by them in every round of three runs, in whatever order."""

APART = [1, 3, 6, 8, 11, 13]
"""The same for a venue that answers with one page: two answers that agree on nothing would be believed, and rightly."""

SOMETIMES: dict[str, Fault] = {
    "empty_page": {},
    "short_page": {},
    "descending": {},
    "duplicates": {},
    "contradicting": {},
    "forming": {},
    "outside": {},
    "misaligned": {},
    "throttle": {"retry_after": 0.1},
    "server_error": {},
    "truncated_json": {},
    "html": {},
    "cut_connection": {},
    "hang": {"seconds": 0.2},
}
"""Faults that strike now and then: what is asked again comes right."""


def now_and_then(kind: str, markets: Sequence[Market], of_one_page: Container[str] = (BITFINEX.venue,)) -> list[Fault]:
    """The fault at some requests of each venue, counted by venue: which of them come first does not matter."""
    venues = sorted({market.venue for market in markets})
    return [
        {"kind": kind, "venue": one, "at": APART if one in of_one_page else NOW_AND_THEN, **SOMETIMES[kind]}
        for one in venues
    ]


HOURS = Window.of("2026-03-05T02:00:00Z", "2026-03-05T12:00:00Z")
"""Kraken serves no older minutes than these."""

here_and_everywhere = pytest.mark.parametrize(
    "markets",
    [pytest.param((SPOT, BITFINEX), id="two"), pytest.param(MARKETS, id="all", marks=pytest.mark.slow)],
)


@pytest.mark.parametrize("kind", SOMETIMES)
@here_and_everywhere
def test_a_fault_now_and_then_changes_no_candle_and_loses_no_row(
    tmp_path: Path, kind: str, markets: tuple[Market, ...]
):
    with playing(tmp_path, now_and_then(kind, markets)) as played:
        for _ in range(3):
            played.fill(markets)
        struck = played.sandbox.figures()["faults"]
        played.assert_true(markets)
        played.assert_conserved(markets)
    assert struck == {kind: struck[kind]}  # type: ignore[index]  # JSON


@pytest.mark.parametrize("kind", SOMETIMES)
def test_a_venue_that_always_answers_with_its_newest_candles_comes_right_too(tmp_path: Path, kind: str):
    with playing(tmp_path, [{"kind": kind, "path": "OHLC", "at": NOW_AND_THEN, **SOMETIMES[kind]}]) as played:
        for _ in range(3):
            played.fill([KRAKEN], HOURS)
        played.assert_true([KRAKEN], HOURS)
        played.assert_conserved([KRAKEN])


@pytest.mark.parametrize("value", ["low_above_high", "negative", "nan"])
@here_and_everywhere
def test_a_bad_value_now_and_then_is_kept_apart_and_asked_again(
    tmp_path: Path, value: str, markets: tuple[Market, ...]
):
    with playing(tmp_path, [{"kind": "bad_values", "value": value, "at": NOW_AND_THEN}]) as played:
        for _ in range(3):
            played.fill(markets)
        played.assert_true(markets)
        played.assert_conserved(markets)


ALWAYS: dict[str, Fault] = {"descending": {}, "duplicates": {}, "forming": {}, "outside": {}}
"""Faults of every single answer that leave no candle in doubt."""


@pytest.mark.parametrize("kind", ALWAYS)
@here_and_everywhere
def test_a_fault_in_every_answer_that_leaves_no_candle_in_doubt_changes_nothing(
    tmp_path: Path, kind: str, markets: tuple[Market, ...]
):
    with playing(tmp_path, [{"kind": kind}]) as played:
        receipts = played.fill(markets)
        played.assert_true(markets)
        played.assert_conserved(markets)
    assert not any(receipt.quarantined for receipt in receipts)
    if kind in {"forming", "outside"}:
        assert all(receipt.refused for receipt in receipts)


DOUBTED: dict[str, Fault] = {
    "contradicting": {},
    "misaligned": {},
    "low_above_high": {"kind": "bad_values", "value": "low_above_high"},
    "negative": {"kind": "bad_values", "value": "negative"},
}
"""Faults that make one candle of every answer unbelievable."""


@pytest.mark.parametrize("kind", DOUBTED)
def test_a_candle_that_is_never_believable_is_left_out_said_so_and_healed_when_the_venue_is(tmp_path: Path, kind: str):
    with playing(tmp_path, [{"kind": kind, "path": "klines", **DOUBTED[kind]}]) as played:
        (receipt,) = played.fill([SPOT])
        true = played.truth(SPOT)
        held = played.held(SPOT)
        left_out = sorted(set(true.open_at.tolist()) - set(held.open_at.tolist()))
        assert held.equals(true.within(CLOSED).take([at not in left_out for at in true.open_at.tolist()]))
        unsettled = played.windows(SPOT, State.QUARANTINED) + played.windows(SPOT, State.MISSING)
        assert sorted(at for one in unsettled for at in range(one.start, one.end, MINUTE)) == left_out
        assert left_out
        assert receipt.quarantined
        assert not receipt.is_complete
        played.assert_conserved([SPOT])
        played.sandbox.plan_faults(None)
        played.fill([SPOT])
        played.assert_true([SPOT])


def test_a_venue_without_candles_of_a_window_is_believed_after_two_answers(tmp_path: Path):
    window = Window.of("2026-03-04T10:00:00Z", "2026-03-04T10:07:00Z")
    gaps = [{"kind": "gap", "market": str(market), "start": window.start, "end": window.end} for market in MARKETS]
    with playing(tmp_path, gaps) as played:
        played.fill()
        for market in MARKETS:
            assert window in [one.intersection(window) for one in played.windows(market, State.VERIFIED_EMPTY)]
        played.assert_true()
        played.assert_conserved()


@pytest.mark.parametrize("hours", [2, 30])
def test_a_gap_that_no_page_spans_is_told_from_a_hole_of_ours(tmp_path: Path, hours: int):
    start = instant("2026-03-04T03:00:00Z")
    gap = {"kind": "gap", "market": str(USDM), "start": start, "end": start + hours * 60 * MINUTE}
    with playing(tmp_path, [gap]) as played:
        played.fill([USDM])
        played.assert_true([USDM])
        played.assert_conserved([USDM])


@pytest.mark.parametrize("market", [OKX, BYBIT], ids=str)
@pytest.mark.parametrize("before", [30, 64, 150])
def test_a_window_that_begins_deep_in_a_gap_is_believed_after_two_answers(tmp_path: Path, before: int, market: Market):
    """Only the widest question around it reaches a candle before the gap, and neither venue says where it goes on."""
    window = Window.of("2026-03-05T08:00:00Z", "2026-03-05T12:00:00Z")
    empty = Window(window.start, window.start + 6 * MINUTE)
    gap = {"kind": "gap", "market": str(market), "start": window.start - before * MINUTE, "end": empty.end}
    with playing(tmp_path, [gap]) as played:
        played.fill([market], window)
        assert played.windows(market, State.VERIFIED_EMPTY, window) == [empty]
        played.assert_true([market], window)


def test_an_outage_with_flat_candles_is_kept_as_the_venue_printed_it(tmp_path: Path):
    window = Window.of("2026-03-04T10:00:00Z", "2026-03-04T12:00:00Z")
    silent = [SPOT, GATE]
    gaps = [
        {"kind": "gap", "market": str(one), "start": window.start, "end": window.end, "flat": True} for one in silent
    ]
    with playing(tmp_path, gaps) as played:
        played.fill(silent)
        played.assert_true(silent)
        for market in silent:
            flat = played.held(market).within(window)
            assert len(flat) == 120
            assert set(flat.volume.tolist()) == {0.0}
            assert len(set(flat.open.tolist())) == 1


def test_a_hole_of_the_api_in_one_timeframe_leaves_the_others_alone(tmp_path: Path):
    window = Window.of("2026-03-04T10:00:00Z", "2026-03-04T14:00:00Z")
    hole = {"kind": "hole", "market": str(SPOT), "timeframe": "1h", "start": window.start, "end": window.end}
    with playing(tmp_path, [hole]) as played:
        played.fill([SPOT])
        played.fill([SPOT], timeframe=Timeframe.H1)
        played.assert_true([SPOT])
        hours = played.held(SPOT, Timeframe.H1)
        assert hours.equals(played.truth(SPOT, CLOSED, Timeframe.H1))
        assert len(hours) == CLOSED.steps(Timeframe.H1.step) - 4


@pytest.mark.slow  # all waits between tries
def test_an_outage_of_the_venue_leaves_candles_missing_until_it_is_over(tmp_path: Path):
    """Binance answers with 502 meanwhile, Gate does not take a connection."""
    outage = {"kind": "outage", "since": "2026-03-05T12:00:00Z", "until": "2026-03-05T13:00:00Z"}
    both = [outage | {"path": "klines", "status": 502}, outage | {"path": "candlesticks", "refused": True}]
    markets = [SPOT, GATE]
    with playing(tmp_path, both) as played:
        hour = Window.of("2026-03-05T11:00:00Z", "2026-03-05T12:00:00Z")
        for receipt in played.fill(markets, hour):
            assert receipt.failures
            assert played.windows(receipt.partition.series.market, State.MISSING, hour) == [hour]
        assert [len(played.held(market)) for market in markets] == [0, 0]
        played.sandbox.move_clock("2026-03-05T13:00:00Z")
        played.fill(markets, hour)
        played.assert_true(markets, hour)
        played.assert_conserved(markets)


def test_a_ban_stops_the_venue_keeps_what_had_come_and_heals_after_it(tmp_path: Path):
    with playing(tmp_path, [{"kind": "ban", "path": "klines", "at": [4], "retry_after": 1}]) as played:
        with pytest.raises(Banned):
            played.fill([SPOT])
        came = len(played.held(SPOT))
        asked = len(played.sandbox.requests())
        with pytest.raises(Banned):  # the next run knows of it
            played.fill([SPOT])
        assert len(played.sandbox.requests()) == asked
        time.sleep(1)
        played.fill([SPOT])
        played.assert_true([SPOT])
    assert came < CLOSED.steps(MINUTE)


def test_a_clock_that_is_behind_leaves_the_newest_candles_for_later(tmp_path: Path):
    behind = [{"kind": "clock_skew", "seconds": -90}]
    with playing(tmp_path, behind) as played:
        played.fill([SPOT, GATE, BITFINEX])
        for market in (SPOT, GATE):
            assert int(played.held(market).open_at[-1]) == instant("2026-03-05T11:57:00Z")
        played.sandbox.plan_faults(None)
        played.fill([SPOT, GATE, BITFINEX])
        played.assert_true([SPOT, GATE, BITFINEX])


def test_every_kind_of_fault_has_a_test_of_what_is_held_afterwards():
    files = [*Path(__file__).parent.glob("test_fault_*.py"), *Path(__file__).parent.parent.glob("live/test_seams.py")]
    tests = "".join(file.read_text(encoding="utf-8") for file in files)
    assert [kind for kind in KINDS if f'"{kind}"' not in tests] == []
