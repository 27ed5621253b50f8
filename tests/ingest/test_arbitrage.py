"""The tables of arbitrage out of a lake: every row as it must be, none that looks ahead, nothing new for nothing new."""

import math
import statistics
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.errors import ConfigError, Conflict
from qmd_platform.ingest import arbitrage
from qmd_platform.ingest.arbitrage import NAMES, derive_arbitrage, partition
from qmd_platform.lake import views
from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.window import month_window
from tests.ingest.fundedlake import (
    HOUR,
    MARKETS,
    MONTHS,
    SPOTS,
    Row,
    every,
    flat,
    funded,
    hourly,
    paid,
    put_candles,
    put_funding,
    rows,
)

MINUTE = 60_000
MARCH, APRIL = (month_window(month) for month in MONTHS)
HOURS = {"BTC": 8, "DOGE": 1}
ALL = [*MARKETS, *SPOTS]
TAKER = {"binance": 0.0005, "gate": 0.0005, "bybit": 0.00055}
SLIPPAGE = 0.0001


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two months made of what the sandbox has."""
    filled = funded(tmp_path_factory.mktemp("lake"))
    derive_arbitrage(filled, ALL, MONTHS, run_id="first")
    return filled


@pytest.fixture(scope="module")
def settled() -> dict[str, Settlements]:
    return {str(market): paid(market) for market in MARKETS}


@pytest.fixture(scope="module")
def closes() -> dict[str, Candles]:
    return {str(market): hourly(market) for market in ALL}


def hours_of(market: str) -> int:
    return HOURS[Market.parse(market).symbol.partition("/")[0]]


def sample(found: list[Row], step: int) -> list[Row]:
    """Some rows, of every market."""
    return found[::step] + found[-1:]


@pytest.mark.parametrize("table", ["funding_carry", "funding_anomalies"])
def test_every_settlement_is_one_row_from_a_minute_after_it_on(lake: Lake, settled: dict[str, Settlements], table: str):
    found = {(row["market"], row["settled_at"]): row["available_at"] for row in rows(lake, table)}
    expected = {
        (market, at): at + MINUTE
        for market, all_of_it in settled.items()
        for at in all_of_it.settled_at.tolist()
        if MARCH.start <= at < APRIL.end
    }
    assert found == expected


def test_carry_is_what_a_person_would_add_up(lake: Lake, settled: dict[str, Settlements]):
    for row in sample(rows(lake, "funding_carry"), 61):
        of, hours = settled[row["market"]], hours_of(row["market"])
        until = int(np.searchsorted(of.settled_at, row["settled_at"])) + 1
        rates, marks = of.rate[:until].tolist(), of.mark[:until].tolist()
        assert row["rate"] == rates[-1]
        assert row["interval_hours"] == hours
        assert not row["is_suspect"]
        assert row["simple_per_year"] == pytest.approx(rates[-1] / hours * 8760, rel=1e-12)
        assert row["compounded_per_year"] == pytest.approx((1 + rates[-1]) ** (8760 / hours) - 1, rel=1e-9)
        assert row["cumulative_rate"] == pytest.approx(math.fsum(rates), abs=1e-15)
        for span in (24, 168, 720):
            within = rates[-span // hours :]
            if len(within) == span // hours:
                assert row[f"simple_{span}h_per_year"] == pytest.approx(math.fsum(within) / span * 8760, abs=1e-12)
            assert row[f"covered_{span}h"] == pytest.approx(len(within) * hours / span)
        if row["market"].startswith("binance:"):
            assert row["cumulative_quote"] == pytest.approx(math.fsum(map(math.prod, zip(rates, marks, strict=True))))
        else:
            assert row["cumulative_quote"] is None


def test_anomalies_are_scored_against_the_thirty_days_before_alone(lake: Lake, settled: dict[str, Settlements]):
    found = rows(lake, "funding_anomalies")
    assert {row["is_anomaly"] for row in found} == {True, False}
    for row in sample(found, 97):
        of, hours = settled[row["market"]], hours_of(row["market"])
        lo, hi = np.searchsorted(of.settled_at, [row["settled_at"] - 720 * HOUR, row["settled_at"]])
        window, value = (of.rate[lo:hi] / hours).tolist(), float(of.rate[hi] / hours)
        centre = statistics.median(window)
        mad = statistics.median([abs(one - centre) for one in window])
        scale = max(1.4826 * mad, statistics.stdev(window), 1e-5 / 8)
        assert row["is_scored"]
        assert row["events"] == len(window)
        assert row["scale_per_hour"] == pytest.approx(scale)
        assert row["z_robust"] == pytest.approx((value - centre) / scale, abs=1e-9)
        assert row["is_anomaly"] == (abs(value - centre) / scale >= 2.5)


def test_a_spread_is_what_was_known_of_both_legs(
    lake: Lake, settled: dict[str, Settlements], closes: dict[str, Candles]
):
    found = rows(lake, "venue_spreads")
    assert not [row for row in found if row["price_spread_bps"] is None or "STALE_QUOTE" in row["flags"]]
    for row in sample(found, 83):
        at, short, long = row["seen_at"], row["short_market"], row["long_market"]
        hours = hours_of(short)
        price, funding, paid_so_far = {}, {}, {}
        for leg in (short, long):
            known = settled[leg].rate[settled[leg].settled_at + MINUTE <= at].tolist()
            funding[leg] = math.fsum(known[-72 // hours :]) / 72
            paid_so_far[leg] = math.fsum(known)
            price[leg] = float(closes[leg].close[closes[leg].open_at + HOUR <= at][-1])
        earned = funding[short] - funding[long]
        cost = 2 * (TAKER[short.partition(":")[0]] + TAKER[long.partition(":")[0]] + 2 * SLIPPAGE)
        apart = (price[short] - price[long]) / ((price[short] + price[long]) / 2)
        assert earned >= 0
        assert row["underlying"] == short.partition(":")[2].partition("/")[0]
        assert row["price_spread_bps"] == pytest.approx(apart * 1e4, abs=1e-9)
        assert row["entry_spread_bps"] == pytest.approx(-apart * 1e4, abs=1e-9)
        assert row["funding_per_hour"] == pytest.approx(earned, abs=1e-15)
        assert row["cumulative_difference"] == pytest.approx(paid_so_far[short] - paid_so_far[long], abs=1e-14)
        assert row["cost_bps"] == pytest.approx(cost * 1e4)
        assert row["net_168h_per_year"] == pytest.approx((earned * 168 - cost) / 168 * 8760)
        assert row["break_even_hours"] == (pytest.approx(cost / earned) if earned > 0 else math.inf)
        assert row["short_next_at"] == at - MINUTE + hours * HOUR


def test_cash_and_carry_is_a_perpetual_against_spot_of_its_own_venue(
    lake: Lake, settled: dict[str, Settlements], closes: dict[str, Candles]
):
    found = rows(lake, "cash_and_carry")
    for perpetual, spot in (("binance:BTC/USDT:USDT", "binance:BTC/USDT"), ("bybit:DOGE/USDT:USDT", "bybit:DOGE/USDT")):
        mine = {row["seen_at"]: row for row in found if perpetual in {row["short_market"], row["long_market"]}}
        due = settled[perpetual].settled_at
        assert sorted(mine) == (due[(due >= MARCH.start) & (due < APRIL.end)] + MINUTE).tolist()
        assert {row["short_market"] == spot for row in mine.values()} == {True, False}  # funding turns
        for at, row in list(mine.items())[::41]:
            hours, is_reverse = hours_of(perpetual), row["short_market"] == spot
            earned = math.fsum(settled[perpetual].rate[due + MINUTE <= at][-72 // hours :].tolist()) / 72
            prices = {one: float(closes[one].close[closes[one].open_at + HOUR <= at][-1]) for one in (perpetual, spot)}
            apart = (prices[perpetual] - prices[spot]) / ((prices[perpetual] + prices[spot]) / 2)
            net = -earned - 0.10 / 8760 if is_reverse else earned
            assert is_reverse == (earned < 0)
            assert row["net_per_hour"] == pytest.approx(net, abs=1e-15)
            assert row["price_spread_bps"] == pytest.approx((-apart if is_reverse else apart) * 1e4, abs=1e-9)
            assert row["fees_bps"] == pytest.approx(2 * (10 + TAKER[perpetual.partition(":")[0]] * 1e4))
            assert row["long_next_at" if is_reverse else "short_next_at"] == at - MINUTE + hours * HOUR
            assert row["short_next_at" if is_reverse else "long_next_at"] is None
    assert len(found) == 61 * 3 + 61 * 24


def test_every_pair_has_one_row_whenever_a_leg_settles_and_none_of_another_coin(
    lake: Lake, settled: dict[str, Settlements]
):
    found = [
        (frozenset((row["short_market"], row["long_market"])), row["seen_at"]) for row in rows(lake, "venue_spreads")
    ]
    expected = {
        (frozenset((str(one), str(other))), at + MINUTE)
        for coin in (MARKETS[:3], MARKETS[3:])
        for one in coin
        for other in coin
        if one != other
        for at in settled[str(one)].settled_at.tolist()
        if MARCH.start <= at < APRIL.end
    }
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_making_them_again_changes_nothing(lake: Lake):
    before = lake.ledger.resolved(None)
    again = derive_arbitrage(lake, list(reversed(ALL)), MONTHS, run_id="second")
    assert lake.ledger.resolved(None) == before
    assert [str(one.partition) for one in again] == [str(partition(name, month)) for month in MONTHS for name in NAMES]
    assert {(one.new, one.changed, one.version) for one in again} == {(0, 0, 1)}
    assert all(one.rows == one.unchanged > 0 for one in again)


def test_one_month_and_table_alone_are_the_same_as_among_others(lake: Lake, tmp_path: Path):
    alone = funded(tmp_path)
    (made,) = derive_arbitrage(alone, MARKETS, ["2026-04"], run_id="r", only=["venue_spreads"])
    assert made.data_version == lake.ledger.heads([made.partition])[made.partition].state.data_version
    assert [state.partition for state in alone.states() if state.partition.series.venue == "arbitrage"] == [
        made.partition
    ]


def test_another_future_changes_no_row_of_the_past(tmp_path: Path):
    lake = funded(tmp_path)
    first = derive_arbitrage(lake, ALL, MONTHS, run_id="first")
    rates = np.random.default_rng(5)
    for market in MARKETS:
        before = paid(market)
        other = every(3, rates.normal(1e-3, 1e-3, 200).tolist(), first=APRIL.start)
        put_funding(lake, market, Settlements.concat([before.take(before.settled_at < APRIL.start), other]))
    for market in ALL:
        put_candles(lake, market, flat(7.0, APRIL))
    second = derive_arbitrage(lake, ALL, MONTHS, run_id="second")
    march = slice(len(NAMES))
    assert [one.data_version for one in first[march]] == [one.data_version for one in second[march]]
    assert {one.version for one in second[march]} == {1}
    assert {one.version for one in second[len(NAMES) :]} == {2}


def test_what_is_known_but_in_the_next_month_is_a_row_of_that_month(tmp_path: Path):
    lake, market = Lake.open(tmp_path), MARKETS[0]
    edge = MARCH.end - 8 * HOUR
    eight = every(8, [1e-4] * 60, first=edge - 59 * 8 * HOUR)
    four = every(4, [1e-4] * 30, first=edge + 4 * HOUR)
    put_funding(lake, market, Settlements.concat([eight, four]))
    derive_arbitrage(lake, [market], MONTHS, run_id="r")
    found = {row["settled_at"]: row for row in rows(lake, "funding_carry")}
    turned = found[edge + 4 * HOUR]
    assert turned["interval_hours"] == 4
    assert turned["available_at"] == edge + 12 * HOUR + MINUTE  # two more rows prove the new pace
    assert lake.state(partition("funding_carry", "2026-03")).rows == sum(
        row["settled_at"] <= edge for row in found.values()
    )


def test_sql_reads_them(lake: Lake):
    with views.connect(lake) as connection:
        ((found, venues),) = connection.sql(
            "SELECT count(*), count(DISTINCT venue) FROM venue_spreads WHERE break_even_hours < 720 AND underlying = 'BTC'"
        ).fetchall()
    expected = sum(row["break_even_hours"] < 720 and row["underlying"] == "BTC" for row in rows(lake, "venue_spreads"))
    assert (found, venues) == (expected, 1)


def test_a_maker_that_was_overtaken_looks_again(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mine, read, overtakers = funded(tmp_path, MARKETS[:3]), arbitrage.paid, ["other"]

    def slowly(*what: object) -> object:
        result = read(*what)
        while overtakers:
            derive_arbitrage(mine, MARKETS[:2], MONTHS, run_id=overtakers.pop())
        return result

    monkeypatch.setattr(arbitrage, "paid", slowly)
    made = derive_arbitrage(mine, MARKETS[:3], MONTHS, run_id="r", only=NAMES[:3])
    assert {one.version for one in made} == {2}


def test_a_maker_that_is_always_overtaken_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mine, read, turns = funded(tmp_path, MARKETS[:3]), arbitrage.paid, count()
    overtaking = False

    def slowly(lake: Lake, markets: list[Market], commit: int) -> object:
        nonlocal overtaking
        result = read(lake, markets, commit)
        if not overtaking:
            overtaking = True
            derive_arbitrage(mine, MARKETS[: 2 + next(turns) % 2], MONTHS[:1], run_id="other")
            overtaking = False
        return result

    monkeypatch.setattr(arbitrage, "paid", slowly)
    with pytest.raises(Conflict, match="2026-03"):
        derive_arbitrage(mine, MARKETS[:1], MONTHS, run_id="r")


def test_a_table_that_is_none_of_these_is_refused(lake: Lake):
    with pytest.raises(ConfigError, match="no table of arbitrage"):
        derive_arbitrage(lake, MARKETS, MONTHS, run_id="r", only=["venue_spread"])
