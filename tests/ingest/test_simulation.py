"""The tables of the simulation out of a lake: worked out by hand, no look ahead, nothing new for nothing new."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.arbitrage.costs import Costs
from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.arbitrage.lifecycle import Thresholds
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.errors import ConfigError, Conflict
from qmd_platform.ingest import simulation
from qmd_platform.ingest.arbitrage import partition
from qmd_platform.ingest.instruments import keep
from qmd_platform.ingest.simulation import NAMES, derive_simulation
from qmd_platform.lake import views
from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, month_window
from qmd_platform.venues.port import Instrument
from tests.arbitrage.worlds import COSTS
from tests.ingest.fundedlake import HOUR, Row, every, flat, put_candles, put_funding, rows

DAY = 24 * HOUR
PERP, OTHER = Market.parse("binance:X/USDT:USDT"), Market.parse("gate:X/USDT:USDT")
SPOT = Market.parse("binance:X/USDT")
MARKETS = [PERP, OTHER, SPOT]
JANUARY, FEBRUARY = month_window("2026-01"), month_window("2026-02")
BOTH = Window(JANUARY.start, FEBRUARY.end)
RULES = Rules(
    Terms(costs=COSTS, windows=(24.0,), holds=(24.0, 240.0)),
    thresholds=Thresholds(expected_hold_hours=240.0, max_hold_ms=5 * DAY),
)
HIGH = 0.0005
RATES = [*[0.0] * 6, *[HIGH] * 9, *[0.0] * (58 * 3 + 3 - 15)]
"""Of two months: six settlements of nothing, three days that pay 54.75 % a year, then nothing."""


def lake_of(
    root: Path,
    *,
    rates: Sequence[float] = RATES,
    prices: Candles | None = None,
    markets: Sequence[Market] = (PERP, OTHER, SPOT),
) -> Lake:
    """Binance's perpetual with these rates and prices, Gate's with no funding, and spot; all at 100."""
    lake = Lake.open(root)
    for market in markets:
        candles = flat(100.0, BOTH) if prices is None or market is not PERP else prices
        put_candles(lake, market, candles)
        if market.kind == "perpetual":
            paid = rates if market is PERP else [0.0] * len(rates)
            settled = every(8, paid, first=JANUARY.start + 8 * HOUR)
            put_funding(lake, market, replace(settled, mark=np.full(len(paid), 100.0)))
    return lake


def derived(lake: Lake, months: Sequence[str] = ("2026-01",), **how: object) -> list[Row]:
    derive_simulation(lake, MARKETS, months, run_id="r", rules=RULES, draws=20, **how)
    return rows(lake, "simulation")


def one(found: Sequence[Row], **where: object) -> Row:
    (row,) = [row for row in found if all(row[name] == value for name, value in where.items())]
    return row


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """The figures of January."""
    return derived(lake_of(tmp_path_factory.mktemp("lake")))


CARRIED = {"short_market": str(PERP), "long_market": str(SPOT), "part": "all"}


def test_a_month_of_a_small_world_is_the_one_worked_out_by_hand(january: list[Row]):
    # Above 10 % at the 7th, 8th and 9th settlement: opened at the 9th. Nothing for a day at the 18th, below 0 there and at the
    # 19th: closed. Filled an hour later. Of 10,000 a leg the 10th to the 15th pay 5 each; four fills cost 5 each.
    row = one(january, **CARRIED, strategy="rules", scenario="base")
    assert (row["trades"], row["skipped"], row["liquidated"], row["pairs"]) == (1, 0, 0, 1)
    assert row["funding_quote"] == pytest.approx(6 * 5.0)
    assert row["fees_quote"] == pytest.approx(-4 * 5.0)
    assert row["price_quote"] == row["slippage_quote"] == row["borrow_quote"] == row["other_quote"] == 0.0
    assert row["net_quote"] == pytest.approx(10.0)
    assert row["capital_quote"] == pytest.approx(10_000 * (1 + 1 / 3 + 0.1))
    assert row["turnover"] == pytest.approx(40_000 / row["capital_quote"])
    length = JANUARY.end - JANUARY.start - 8 * HOUR
    assert (row["from_at"], row["to_at"], row["until_at"]) == (JANUARY.start + 8 * HOUR, JANUARY.end, JANUARY.end)
    assert row["exposure"] == pytest.approx(80 * HOUR / length)
    assert row["return_per_year"] == pytest.approx(10.0 / row["capital_quote"] / length * 365 * DAY)
    assert row["observations"] == length // HOUR
    assert row["drawdown_quote"] == pytest.approx(10.0), (
        "both entry fees, or both exit fees: no funding comes while it waits"
    )
    spread = one(january, short_market=str(PERP), long_market=str(OTHER), part="all", strategy="rules", scenario="base")
    assert spread["net_quote"] == pytest.approx(10.0)
    assert spread["capital_quote"] == pytest.approx(10_000 * (2 / 3 + 0.1))


def test_half_a_spread_is_paid_at_every_fill(tmp_path: Path):
    wide = replace(RULES, half_spread=0.0001)
    derive_simulation(lake_of(tmp_path), MARKETS, ["2026-01"], run_id="r", rules=wide, draws=0)
    found = rows(Lake.open(tmp_path), "simulation")
    row = one(found, **CARRIED, strategy="always_on", scenario="double")
    assert row["slippage_quote"] == pytest.approx(0.2 * row["fees_quote"]) != 0
    costs = row["fees_quote"] + row["slippage_quote"] + row["borrow_quote"] + row["other_quote"]
    assert row["net_quote"] == pytest.approx(row["price_quote"] + row["funding_quote"] + costs)


def test_baselines_and_costs_are_told_beside_the_rules(january: list[Row]):
    net = {
        (row["strategy"], row["scenario"]): row["net_quote"]
        for row in january
        if all(row[name] == value for name, value in CARRIED.items())
    }
    for strategy, funding in (("rules", 30.0), ("always_on", 45.0), ("threshold", 40.0)):
        # What is held at the end is closed there.
        assert [net[strategy, scenario] for scenario in ("free", "base", "double")] == pytest.approx(
            [funding, funding - 20, funding - 40]
        )
    assert net["random", "base"] <= 9 * 5 - 20
    told = one(january, kind="cash_and_carry", short_market="all", strategy="flat", scenario="base", part="all")
    assert (told["net_quote"], told["trades"], told["exposure"], told["sharpe"]) == (0.0, 0, 0.0, None)
    total = one(january, kind="spread", short_market="all", strategy="rules", scenario="base", part="all")
    assert (total["pairs"], total["net_quote"]) == (2, pytest.approx(10.0))
    reverse = one(january, kind="reverse", short_market=str(SPOT), strategy="always_on", scenario="base", part="all")
    assert reverse["borrow_quote"] == pytest.approx(-0.0876 / 365 * 10_000 * (31 - 8 / 24), rel=1e-3)


def test_every_profit_is_its_payments_and_dearer_is_never_better(tmp_path: Path):
    found = derived(lake_of(tmp_path, rates=np.random.default_rng(1).normal(2e-4, 6e-4, 177).tolist()))
    assert len(found) > 80
    for row in found:
        costs = row["fees_quote"] + row["slippage_quote"] + row["borrow_quote"] + row["other_quote"]
        assert row["net_quote"] == pytest.approx(row["funding_quote"] + row["price_quote"] + costs, abs=1e-6)
        assert costs <= 0
    key = ("kind", "short_market", "long_market", "strategy", "part", "until_at")
    by_scenario: dict[tuple[object, ...], dict[str, float]] = {}
    for row in found:
        by_scenario.setdefault(tuple(row[name] for name in key), {})[row["scenario"]] = row["net_quote"]
    assert all(each["double"] <= each["base"] <= each["free"] for each in by_scenario.values())
    assert max(each["free"] - each["double"] for each in by_scenario.values()) > 20


def test_the_equity_of_each_midnight_is_what_had_been_earned_by_then(tmp_path: Path):
    lake = lake_of(tmp_path)
    derived(lake, ["2026-01", "2026-02"])
    curve = {
        row["seen_at"]: row
        for row in rows(lake, "simulation_equity")
        if (row["short_market"], row["long_market"], row["strategy"]) == (str(PERP), str(SPOT), "rules")
    }
    days = [JANUARY.start + day * DAY for day in range(1, 59)]
    assert sorted(curve) == days, "not the very last, in which what is held is closed"
    # Settled at 00, 08 and 16 o'clock: entered on the 4th at 01 o'clock, paid at 08, 16, ... until the 6th at 00 o'clock.
    free = [curve[at]["profit_free_quote"] for at in days[:7]]
    assert free == pytest.approx([0, 0, 0, 15, 30, 30, 30])
    base = [curve[at]["profit_base_quote"] for at in days[:7]]
    assert base == pytest.approx([0, 0, 0, 5, 20, 20, 10])
    assert curve[days[-1]]["profit_double_quote"] == pytest.approx(-10)


def test_no_future_and_another_future_change_no_row_of_the_past(tmp_path: Path):
    lake, known = Lake.open(tmp_path), every(8, RATES, first=JANUARY.start + 8 * HOUR)
    past = known.take(known.settled_at < JANUARY.end)
    for market in MARKETS:
        put_candles(lake, market, flat(100.0, JANUARY))
        if market.kind == "perpetual":
            put_funding(lake, market, past)
    first = derive_simulation(lake, MARKETS, ["2026-01"], run_id="r", rules=RULES, draws=20)
    for price, rate in ((100.0, 0.0), (7.0, 0.003)):
        put_funding(lake, PERP, Settlements.concat([past, every(1, [rate] * 600, first=FEBRUARY.start)]))
        for market in MARKETS:
            put_candles(lake, market, flat(price, FEBRUARY))
        again = derive_simulation(lake, MARKETS, ["2026-01", "2026-02"], run_id="s", rules=RULES, draws=20)
        assert [one.data_version for one in again[:2]] == [one.data_version for one in first]
        assert {one.version for one in again[:2]} == {1}
    assert {one.version for one in again[2:]} == {2}


def test_a_later_month_goes_on_where_the_earlier_ended(tmp_path: Path):
    lake = lake_of(tmp_path, rates=np.random.default_rng(2).normal(3e-4, 5e-4, 177).tolist())
    derived(lake, ["2026-02"])
    late = {tuple(row.values())[:5]: row for row in rows(lake, "simulation_equity")}
    derived(lake, ["2026-01"])
    last = [
        row
        for row in rows(lake, "simulation_equity")
        if row["seen_at"] == JANUARY.end - DAY and row["strategy"] == "rules"
    ]
    assert len(last) == 4 + 3
    # Nothing is paid into an account between two months: one day's change is small beside what a jump would be.
    for row in last:
        begun = late[row["kind"], row["short_market"], row["long_market"], "rules", FEBRUARY.start]
        assert abs(begun["profit_base_quote"] - row["profit_base_quote"]) < 60 * (row["capital_quote"] / 7_000)


def test_making_it_again_changes_nothing_and_other_pairs_do_not_either(tmp_path: Path):
    lake = lake_of(tmp_path)
    first = derived(lake)
    again = derive_simulation(lake, list(reversed(MARKETS)), ["2026-01"], run_id="s", rules=RULES, draws=20)
    assert {(one.new, one.changed, one.version) for one in again} == {(0, 0, 1)}
    assert [one.partition for one in again] == [partition(name, "2026-01") for name in NAMES]
    derive_simulation(lake, [PERP, SPOT], ["2026-01"], run_id="t", rules=RULES, draws=20)
    alone = rows(lake, "simulation")
    pairs = ("cash_and_carry", "reverse")
    assert alone == [row for row in first if row["kind"] in pairs]
    other = derived(lake, seed=2)
    beaten = [row for row in other if row != next(one for one in first if _key(one) == _key(row))]
    assert beaten
    assert all(row["strategy"] == "random" or row["random_beaten"] is not None for row in beaten)


def _key(row: Row) -> tuple[object, ...]:
    return tuple(row[name] for name in ("kind", "short_market", "long_market", "strategy", "scenario", "part"))


def test_the_split_leaves_nothing_across_and_a_short_past_has_none(tmp_path: Path):
    rates = [HIGH, HIGH, HIGH, HIGH, -HIGH, -HIGH] * 29
    found = derived(lake_of(tmp_path, rates=rates), ["2026-01", "2026-02"])
    january = [row for row in found if row["until_at"] == JANUARY.end]
    assert {row["part"] for row in january} == {"all"}, "31 days are not enough for an embargo of six"
    february = [row for row in found if row["until_at"] > JANUARY.end]
    assert {row["part"] for row in february} == {"all", "train", "test"}
    train, test = (
        one(february, **{**CARRIED, "part": part}, strategy="threshold", scenario="base") for part in ("train", "test")
    )
    assert train["trades"] > 10
    assert test["trades"] > 3
    assert test["from_at"] - train["to_at"] == 6 * DAY, "the longest hold, and a day to get out"
    assert train["to_at"] - train["from_at"] == round(0.7 * (test["to_at"] - train["from_at"]))


def test_a_market_whose_candles_stop_is_settled_only_if_it_was_delisted(tmp_path: Path):
    stop = JANUARY.start + 4 * DAY  # while the rules hold
    short = flat(100.0, Window(JANUARY.start, stop))
    unknown = lake_of(tmp_path / "a", markets=[OTHER, SPOT])
    put_candles(unknown, PERP, short)
    settled = every(8, RATES, first=JANUARY.start + 8 * HOUR)
    put_funding(unknown, PERP, replace(settled, mark=np.full(len(settled), 100.0)))
    row = one(derived(unknown), **CARRIED, strategy="rules", scenario="base")
    assert (row["trades"], row["funding_quote"]) == (1, pytest.approx(15.0)), "told until its candles end"
    listed = [_instrument(PERP, stop), _instrument(SPOT, None)]
    keep(listed, "binance", unknown, run_id="r", source="test")
    known = one(derived(unknown), **CARRIED, strategy="rules", scenario="base")
    assert known["trades"] == 1
    assert known["observations"] > row["observations"], "its world goes on without it"


def _instrument(market: Market, delisted_at: int | None) -> Instrument:
    base, _, rest = market.symbol.partition("/")
    quote, _, settle = rest.partition(":")
    return Instrument(
        symbol=market.symbol,
        venue_symbol=base,
        kind=market.kind,
        base=base,
        quote=quote,
        settle=settle,
        active=delisted_at is None,
        contract_size=1.0,
        tick=None,
        lot=None,
        listed_at=JANUARY.start,
        delisted_at=delisted_at,
        ccxt_market="{}",
    )


def test_minutes_are_rolled_up_where_there_are_no_hours(tmp_path: Path):
    window = Window(JANUARY.start, JANUARY.start + 10 * DAY)
    minutes = np.arange(window.start, window.end, MINUTE)
    column = np.full(len(minutes), 100.0)
    lake = lake_of(tmp_path / "h", markets=[SPOT])
    for_minutes = Lake.open(tmp_path / "m")
    for at in (lake, for_minutes):
        settled = every(8, RATES[:29], first=JANUARY.start + 8 * HOUR)
        put_funding(at, PERP, replace(settled, mark=np.full(29, 100.0)))
    put_candles(lake, SPOT, flat(100.0, window))
    put_candles(lake, PERP, flat(100.0, window))
    fine = Candles(minutes, column, column, column, column, column)
    for market in (SPOT, PERP):
        put_candles(for_minutes, market, fine, Timeframe.M1)
    assert derived(for_minutes) == derived(lake)


def test_markets_of_other_currencies_and_coin_margined_ones_make_no_pair(tmp_path: Path):
    lake = lake_of(tmp_path, markets=[PERP])
    strange = [Market.parse("gate:X/USDC:USDC"), Market.parse("okx:X/USD:X"), Market.parse("binance:X/USDC")]
    for market in strange:
        put_candles(lake, market, flat(100.0, BOTH))
        if market.kind == "perpetual":
            put_funding(lake, market, every(8, RATES, first=JANUARY.start + 8 * HOUR))
    (figures, equity) = derive_simulation(lake, [PERP, *strange], ["2026-01"], run_id="r", rules=RULES)
    assert (figures.rows, equity.rows) == (0, 0)


def test_a_month_before_all_funding_has_no_rows(tmp_path: Path):
    made = derive_simulation(lake_of(tmp_path), MARKETS, ["2025-12"], run_id="r", rules=RULES)
    assert [one.rows for one in made] == [0, 0]


def test_a_maker_that_is_always_overtaken_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lake, read = lake_of(tmp_path), simulation.paid
    turns = iter(range(100))

    def slowly(*what: object) -> object:
        result = read(*what)
        monkeypatch.setattr(simulation, "paid", read)
        derive_simulation(lake, MARKETS[next(turns) % 2 :], ["2026-01"], run_id="other", rules=RULES, draws=2)
        monkeypatch.setattr(simulation, "paid", slowly)
        return result

    monkeypatch.setattr(simulation, "paid", slowly)
    with pytest.raises(Conflict, match="2026-01"):
        derive_simulation(lake, MARKETS, ["2026-01"], run_id="r", rules=RULES, draws=2)


def test_fees_of_every_venue_must_be_known(tmp_path: Path):
    lake = lake_of(tmp_path)
    with pytest.raises(ConfigError, match="no fee is configured"):
        derive_simulation(lake, MARKETS, ["2026-01"], run_id="r", rules=Rules(Terms(costs=Costs(fees={}))))


def test_sql_reads_the_newest_totals_as_the_docs_say(tmp_path: Path):
    lake = lake_of(tmp_path)
    derived(lake, ["2026-01", "2026-02"])
    page = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text(encoding="utf-8")
    (query,) = re.findall(r'qmd sql "(SELECT.*?)"', page, re.DOTALL)
    with views.connect(lake) as connection:
        found = connection.sql(query).fetchall()
    assert len(found) == 3 * 4 * 3 * 3, "kinds, strategies but random, costs, parts"
