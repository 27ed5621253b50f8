"""The tables of arbitrage of lakes that lack something, or hold what is odd: rows that say so, and no error."""

from pathlib import Path

import numpy as np
import pytest

from qmd_platform.arbitrage.costs import Costs
from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.errors import ConfigError
from qmd_platform.funding.intervals import Fact
from qmd_platform.ingest.arbitrage import derive_arbitrage, partition
from qmd_platform.ingest.arbitrage_inputs import paid as read_paid
from qmd_platform.ingest.arbitrage_inputs import spans
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, month_window
from qmd_platform.sandbox.market import truth
from tests.ingest.fundedlake import (
    HOUR,
    LATER,
    MARKETS,
    MONTHS,
    every,
    flat,
    hourly,
    paid,
    put_candles,
    put_funding,
    rows,
)

MARCH, APRIL = (month_window(month) for month in MONTHS)
BINANCE, GATE, BYBIT = MARKETS[:3]


def eight_hourly(window: Window, rate: float = 1e-4) -> Settlements:
    """A settlement every eight hours of ``window``."""
    return every(8, [rate] * ((window.end - window.start) // (8 * HOUR)), first=window.start)


def test_a_lake_with_nothing_gives_empty_tables(tmp_path: Path):
    lake = Lake.open(tmp_path)
    made = derive_arbitrage(lake, MARKETS, MONTHS, run_id="r")
    assert [(one.rows, one.new, one.version) for one in made] == [(0, 0, 0)] * 8
    assert not rows(lake, "venue_spreads")


def test_a_month_without_funding_is_empty_and_the_others_are_not(tmp_path: Path):
    lake = Lake.open(tmp_path)
    for market in (BINANCE, GATE):
        put_funding(lake, market, eight_hourly(APRIL))
    made = derive_arbitrage(lake, MARKETS, ["2026-03", "2026-04", "2026-06"], run_id="r")
    # The first settlement's interval is proven by the two after it, and a pair needs both.
    assert [one.rows for one in made] == [0, 0, 0, 0, 180, 180, 88, 0, 0, 0, 0, 0]


def test_funding_that_is_gone_again_takes_its_rows_along(tmp_path: Path):
    lake = Lake.open(tmp_path)
    put_funding(lake, BINANCE, eight_hourly(APRIL))
    derive_arbitrage(lake, MARKETS, ["2026-04"], run_id="first")
    put_funding(lake, BINANCE, eight_hourly(Window(APRIL.start, APRIL.start + 80 * HOUR)))
    (made, *_) = derive_arbitrage(lake, MARKETS, ["2026-04"], run_id="second")
    assert (made.rows, made.version) == (10, 2)


def test_markets_that_nobody_asks_for_any_more_leave_their_month_empty(tmp_path: Path):
    lake = Lake.open(tmp_path)
    put_funding(lake, BINANCE, eight_hourly(APRIL))
    derive_arbitrage(lake, [BINANCE], ["2026-04"], run_id="first")
    (made, *_) = derive_arbitrage(lake, [], ["2026-04"], run_id="second")
    assert (made.rows, made.version) == (0, 2)
    assert not rows(lake, "funding_carry")
    assert not derive_arbitrage(lake, [], ["2026-04"], run_id="third")[0].new


def test_a_market_without_candles_has_funding_and_no_price(tmp_path: Path):
    lake = Lake.open(tmp_path)
    for market in (BINANCE, GATE):
        put_funding(lake, market, paid(market))
    put_candles(lake, BINANCE, hourly(BINANCE))
    derive_arbitrage(lake, MARKETS, MONTHS, run_id="r")
    found = rows(lake, "venue_spreads")
    assert len(found) == 3 * 61
    for row in found:
        assert row["price_spread_bps"] is row["cost_bps"] is row["break_even_hours"] is row["net_24h_per_year"] is None
        assert row["funding_per_hour"] is not None
        assert "STALE_QUOTE" in row["flags"].split()
        assert row["risk"] == "HIGH"


def test_minutes_are_the_quotes_where_there_are_no_hours(tmp_path: Path):
    lake = Lake.open(tmp_path)
    part = Window(APRIL.start - 2 * 24 * HOUR, APRIL.start + 4 * 24 * HOUR)
    minutes = {str(market): truth(market, Timeframe.M1, part, LATER) for market in (BINANCE, GATE)}
    for market in (BINANCE, GATE):
        put_funding(lake, market, paid(market).within(part))
        put_candles(lake, market, minutes[str(market)], Timeframe.M1)
    derive_arbitrage(lake, MARKETS, ["2026-04"], run_id="r")
    found = rows(lake, "venue_spreads")
    assert len(found) == 12
    for row in found:
        short, long = (
            float(candles.close[candles.open_at + 60_000 <= row["seen_at"]][-1])
            for candles in (minutes[row["short_market"]], minutes[row["long_market"]])
        )
        assert row["price_spread_bps"] == pytest.approx((short - long) / (short + long) * 2e4, abs=1e-9)


def test_spot_without_candles_or_of_another_venue_makes_no_price(tmp_path: Path):
    lake = Lake.open(tmp_path)
    put_funding(lake, BINANCE, eight_hourly(APRIL))
    put_candles(lake, BINANCE, flat(50.0, APRIL))
    spots = [Market.parse("binance:BTC/USDT"), Market.parse("gate:BTC/USDT"), Market.parse("binance:BTC/USDC")]
    derive_arbitrage(lake, [BINANCE, *spots], ["2026-04"], run_id="r")
    found = rows(lake, "cash_and_carry")
    assert {(row["short_market"], row["long_market"]) for row in found} == {(str(BINANCE), str(spots[0]))}
    assert {(row["cost_bps"], row["risk"]) for row in found} == {(None, "HIGH")}


def test_a_thousand_coins_are_compared_coin_by_coin(tmp_path: Path):
    lake = Lake.open(tmp_path)
    thousand, one = Market.parse("binance:1000PEPE/USDT:USDT"), Market.parse("gate:PEPE/USDT:USDT")
    for market, price in ((thousand, 0.01002), (one, 0.00001)):
        put_funding(lake, market, eight_hourly(APRIL, rate=price / 100))
        put_candles(lake, market, flat(price, APRIL))
    derive_arbitrage(lake, [one, thousand], ["2026-04"], run_id="r")
    row = rows(lake, "venue_spreads")[-1]
    assert (row["underlying"], row["short_market"]) == ("PEPE", str(thousand))
    assert row["price_spread_bps"] == pytest.approx(20, rel=1e-2)
    assert "MULTIPLIER" in row["flags"].split()


def test_a_market_that_has_ended_is_in_no_pair_three_days_later(tmp_path: Path):
    lake = Lake.open(tmp_path)
    gone = APRIL.start + 10 * 24 * HOUR
    put_funding(lake, BINANCE, eight_hourly(APRIL))
    put_funding(lake, GATE, eight_hourly(Window(APRIL.start, gone)))
    derive_arbitrage(lake, MARKETS, ["2026-04"], run_id="r")
    last = max(row["seen_at"] for row in rows(lake, "venue_spreads"))
    assert gone < last <= gone + 3 * 24 * HOUR + 60_000


def test_a_missing_settlement_is_a_suspect_row_and_flags_its_pairs(tmp_path: Path):
    lake = Lake.open(tmp_path)
    whole = eight_hourly(APRIL)
    put_funding(lake, BINANCE, whole)
    put_funding(lake, GATE, whole.take(np.arange(len(whole)) != 30))
    derive_arbitrage(lake, MARKETS, ["2026-04"], run_id="r")
    suspects = [row for row in rows(lake, "funding_carry") if row["is_suspect"]]
    assert [(row["market"], row["settled_at"]) for row in suspects] == [(str(GATE), int(whole.settled_at[31]))]
    assert suspects[0]["interval_hours"] == 8
    flagged = [row for row in rows(lake, "venue_spreads") if "SUSPECT_GAP" in row["flags"].split()]
    # From when the settlement was due and not there, until no row after the gap is in the window.
    assert min(row["seen_at"] for row in flagged) == int(whole.settled_at[30]) + 60_000
    assert [row["seen_at"] for row in flagged] == [int(at) + 60_000 for at in whole.settled_at[30 : 30 + len(flagged)]]
    (late,) = [row for row in flagged if row["seen_at"] == int(whole.settled_at[30]) + 60_000]
    assert late["risk"] == "HIGH"
    side = "long" if late["long_market"] == str(GATE) else "short"
    assert late[f"{side}_next_at"] == int(whole.settled_at[30]), "overdue, and said so by its time"


def test_what_the_venue_itself_said_of_an_interval_counts_here_too(tmp_path: Path):
    lake = Lake.open(tmp_path)
    edge = APRIL.start + 80 * HOUR
    before, after = every(8, [1e-4] * 10, first=APRIL.start), every(4, [1e-4] * 10, first=edge)
    both = Settlements.concat([before, after])
    fact = Fact(Window(APRIL.start - 1, edge), 8.0), Fact(Window(edge, APRIL.end), 4.0)
    put_funding(lake, BINANCE, both, fact)
    put_funding(lake, GATE, Settlements.of(both.settled_at, both.rate, stated_hours=[8.0] * 11 + [4.0] * 9))
    derive_arbitrage(lake, MARKETS, ["2026-04"], run_id="r")
    for row in rows(lake, "funding_carry"):
        assert row["interval_hours"] == (8 if row["settled_at"] <= edge else 4)
        assert row["available_at"] == row["settled_at"] + 60_000  # nobody had to wait for the rows after it
    assert [one.facts for one in read_paid(lake, [BINANCE, GATE], lake.ledger.resolved(None))] == [
        fact_of(both, edge),
        (),
    ]


def fact_of(both: Settlements, edge: int) -> tuple[Fact, ...]:
    """What is read back: from just before the first row on."""
    end = int(both.settled_at[-1])
    return Fact(Window(int(both.settled_at[0]) - 1, edge), 8.0), Fact(Window(edge + 4 * HOUR - 1, end), 4.0)


def test_a_name_that_passed_to_another_coin_is_two_within_its_month():
    parts = spans(Window.of("2022-05-01", "2022-06-01"))
    assert parts == [Window.of("2022-05-01", "2022-05-28"), Window.of("2022-05-28", "2022-06-01")]
    assert spans(APRIL) == [APRIL]


def test_both_coins_of_one_name_are_rows_of_their_own(tmp_path: Path):
    lake = Lake.open(tmp_path)
    may = month_window("2022-05")
    luna, lunc = Market.parse("binance:LUNA/USDT:USDT"), Market.parse("gate:LUNC/USDT:USDT")
    for market in (luna, lunc):
        put_funding(lake, market, eight_hourly(may))
    derive_arbitrage(lake, [luna, lunc], ["2022-05"], run_id="r")
    passed = Window.of("2022-05-28", "2022-06-01").start
    for row in rows(lake, "funding_carry"):
        is_new = row["market"] == str(luna) and row["available_at"] >= passed
        assert row["underlying"] == ("LUNA2" if is_new else "LUNC")
    assert max(row["seen_at"] for row in rows(lake, "venue_spreads")) < passed


def test_a_venue_without_fees_is_refused_by_name(tmp_path: Path):
    lake = Lake.open(tmp_path)
    for market in (BINANCE, GATE):
        put_funding(lake, market, eight_hourly(APRIL))
    free = Rules(terms=Terms(costs=Costs(fees={("binance", "perpetual"): Costs().fees["binance", "perpetual"]})))
    with pytest.raises(ConfigError, match="no fee is configured for perpetual at gate"):
        derive_arbitrage(lake, MARKETS, ["2026-04"], run_id="r", rules=free)
    assert lake.state(partition("funding_carry", "2026-04")) is None  # a month's tables come together or not at all


def test_half_a_spread_is_paid_four_times(tmp_path: Path):
    lake = Lake.open(tmp_path)
    for market in (BINANCE, GATE):
        put_funding(lake, market, eight_hourly(APRIL))
        put_candles(lake, market, flat(50.0, APRIL))
    derive_arbitrage(lake, MARKETS, ["2026-04"], run_id="r", rules=Rules(half_spread=0.0003))
    row = rows(lake, "venue_spreads")[-1]
    assert row["entry_spread_bps"] + row["exit_spread_bps"] == pytest.approx(4 * 3)
    assert row["cost_bps"] == pytest.approx(4 * 3 + 4 * 5 + 4 * 1)
