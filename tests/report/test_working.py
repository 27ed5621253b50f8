"""The working: every figure of the board follows from rows of the lake, and each row is where it is said to be."""

from pathlib import Path

import numpy as np
import pytest

from qmd_platform.arbitrage.costs import Costs
from qmd_platform.arbitrage.economics import Capital
from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.ingest.arbitrage import derive_arbitrage
from qmd_platform.lake.buffers import column
from qmd_platform.lake.segments import candles_of, table_of
from qmd_platform.lake.store import Lake
from qmd_platform.model.columns import Table
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.tables import FUNDING_RATES
from qmd_platform.report.collecting import Entry, Report, collected
from qmd_platform.report.figures import HOUR_MS
from qmd_platform.report.working import capital_of
from tests.ingest.fundedlake import MARKETS, MONTHS, WHOLE, every, flat, hourly, paid, put_candles, put_funding
from tests.report.conftest import wanted


def entry_of(report: Report, table: str, coin: str) -> Entry:
    return next(one for one in report.entries if (one.pair.table.name, one.pair.row["underlying"]) == (table, coin))


def value(entry: Entry, name: str) -> float:
    (found,) = [line.value for line in entry.lines if line.name == name]
    return found


def test_every_line_of_every_pair_agrees_with_the_table(report: Report):
    assert len(report.entries) == 8, "six pairs of perpetuals, two of spot"
    for entry in report.entries:
        apart = [line for line in entry.lines if line.column and not line.agrees]
        assert apart == [], str(entry.pair.row["short_market"])


def test_the_working_covers_every_figure_of_the_table_that_is_on_the_board(report: Report):
    worked = {line.column for entry in report.entries for line in entry.lines if line.column}
    table: Table = report.entries[0].pair.table
    numbers = {one.name for one in table.columns if one.dtype == "float64"} | {"short_next_at", "long_next_at"}
    assert numbers - worked == {"short_interval_hours", "long_interval_hours"}, "facts, not sums"


def test_funding_is_the_sum_of_the_rates_by_the_sum_of_their_hours(report: Report):
    """By hand, from what the sandbox settles: nothing of the tables' own code."""
    entry = entry_of(report, "venue_spreads", "BTC")
    for leg, name in ((entry.short, "funding of the short leg"), (entry.long, "funding of the long leg")):
        truth = paid(leg.market)
        known = truth.settled_at + 60_000
        mine = (known > entry.pair.seen_at - 72 * HOUR_MS) & (known <= entry.pair.seen_at)
        assert [one.settled_at for one in leg.used] == truth.settled_at[mine].tolist()
        assert value(entry, name) == pytest.approx(truth.rate[mine].sum() / 72, rel=1e-12)


def test_every_settlement_is_in_the_file_and_at_the_place_it_is_said_to_be(lake: Lake, report: Report):
    looked = 0
    for entry in report.entries:
        for leg in (entry.short, entry.long):
            for one in leg.used:
                assert one.origin is not None
                looked += 1
                (file,) = [f for f in lake.ledger.segments(one.origin.partition.series) if f.path == one.origin.path]
                rows = table_of(FUNDING_RATES, lake.blobs.data, [file])
                place = one.origin.row
                assert column(rows, "settled_at")[place] == one.settled_at
                assert column(rows, "rate")[place] == one.rate
    assert looked > 100


def test_every_price_is_the_close_of_the_candle_it_is_said_to_be(lake: Lake, report: Report):
    for entry in report.entries:
        for leg in (entry.short, entry.long):
            assert leg.price is not None
            assert leg.price.origin is not None
            assert leg.price.known_at <= entry.pair.seen_at < leg.price.known_at + HOUR_MS
            series = leg.price.origin.partition.series
            (file,) = [f for f in lake.ledger.segments(series) if f.path == leg.price.origin.path]
            candles = candles_of(lake.blobs.data, [file])
            place = leg.price.origin.row
            assert (candles.open_at[place], candles.close[place]) == (leg.price.open_at, leg.price.close)


def test_a_reverse_carry_borrows_and_spot_is_paid_in_full(report: Report):
    entry = entry_of(report, "cash_and_carry", "DOGE")
    assert entry.pair.is_reverse
    assert value(entry, "borrowing the coin") == pytest.approx(0.10 / 8760)
    assert value(entry, "net income") == pytest.approx(value(entry, "funding difference") - 0.10 / 8760)
    (line,) = [one for one in entry.lines if one.column == "return_24h"]
    assert "1.4333" in line.how, "1 for the coin that is lent, a third for the perpetual, a tenth as buffer"


def test_a_perpetual_ties_up_what_the_leverage_of_its_side_says(report: Report):
    terms = Terms(capital=Capital(short_leverage=3, long_leverage=1, buffer=0.1))
    found = {
        entry.pair.is_reverse: capital_of(entry.pair, terms)
        for entry in report.entries
        if entry.pair.table.name == "cash_and_carry"
    }
    assert found == {True: Capital(1, 1, 0.1), False: Capital(3, 1, 0.1)}


def test_a_unit_of_a_thousand_coins_is_divided_by_a_thousand(tmp_path: Path):
    scaled, plain = Market.parse("binance:1000PEPE/USDT:USDT"), Market.parse("gate:PEPE/USDT:USDT")
    lake = Lake.open(tmp_path / "lake")
    for market, price, rate in ((scaled, 0.0123, 3e-4), (plain, 0.0000123, 1e-4)):
        put_funding(lake, market, every(8, [rate] * 200, first=WHOLE.start + 8 * HOUR_MS))
        put_candles(lake, market, flat(price, WHOLE))
    derive_arbitrage(lake, [scaled, plain], MONTHS, run_id="make")
    report = collected(lake, wanted(now=WHOLE.start + 60 * 24 * HOUR_MS), Rules())
    (entry,) = report.entries
    assert (entry.short.market, entry.short.units) == (scaled, 1000)
    assert entry.agrees
    assert value(entry, "price of one coin, short leg") == pytest.approx(0.0000123)
    assert "MULTIPLIER" in entry.pair.flags


def test_half_a_spread_and_dearer_rules_are_worked_with_too(tmp_path: Path):
    lake = Lake.open(tmp_path / "lake")
    for market in MARKETS[:2]:
        put_funding(lake, market, paid(market))
        put_candles(lake, market, hourly(market))
    rules = Rules(terms=Terms(costs=Costs(slippage=0.0007, transfer=0.0003)), half_spread=0.0002)
    derive_arbitrage(lake, MARKETS, MONTHS, run_id="make", rules=rules)
    (entry,) = collected(lake, wanted(), rules).entries
    assert entry.agrees
    assert entry.pair.row["entry_spread_bps"] + entry.pair.row["exit_spread_bps"] == pytest.approx(8, rel=1e-3)
    (other,) = collected(lake, wanted(), Rules()).entries
    assert not other.agrees, "by other rules the table says something else"


def test_a_rate_that_changed_after_the_table_was_made_is_told(tmp_path: Path):
    lake = Lake.open(tmp_path / "lake")
    for market in MARKETS[:2]:
        put_funding(lake, market, paid(market))
        put_candles(lake, market, hourly(market))
    derive_arbitrage(lake, MARKETS, MONTHS, run_id="make")
    assert not any("does not say" in words for words in collected(lake, wanted(), Rules()).warnings())
    truth = paid(MARKETS[0])
    rates = truth.rate.copy()
    rates[-3] += 1e-4
    put_funding(lake, MARKETS[0], Settlements.of(truth.settled_at, rates))
    report = collected(lake, wanted(), Rules())
    assert any("does not say" in words for words in report.warnings())
    (entry,) = report.entries
    assert {line.column for line in entry.lines if line.column and not line.agrees} >= {
        "funding_per_hour",
        "net_24h_per_year",
    }


def test_what_the_table_does_not_know_for_want_of_a_settlement_the_working_does_not_know_either(tmp_path: Path):
    lake = Lake.open(tmp_path / "lake")
    truth = paid(MARKETS[0])
    put_funding(lake, MARKETS[0], truth.take(np.arange(len(truth)) != len(truth) - 4))
    put_funding(lake, MARKETS[1], paid(MARKETS[1]))
    for market in MARKETS[:2]:
        put_candles(lake, market, hourly(market))
    derive_arbitrage(lake, MARKETS, MONTHS, run_id="make")
    report = collected(lake, wanted(), Rules())
    assert report.entries
    for entry in report.entries:
        assert entry.pair.row["funding_per_hour"] is None
        assert np.isnan(value(entry, "funding difference"))
        assert entry.agrees
    assert not any("does not say" in words for words in report.warnings())


def test_without_candles_there_is_no_cost_and_the_page_says_so(tmp_path: Path):
    lake = Lake.open(tmp_path / "lake")
    for market in MARKETS[:2]:
        put_funding(lake, market, paid(market))
    derive_arbitrage(lake, MARKETS, MONTHS, run_id="make")
    report = collected(lake, wanted(), Rules())
    (entry,) = report.entries
    assert entry.agrees
    assert np.isnan(value(entry, "cost of the round trip"))
    assert sum("no price and no cost" in words for words in report.warnings()) == 2
