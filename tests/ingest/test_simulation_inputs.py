"""What a pair's world is made of: only since names mean what they mean, only while a market was listed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.arbitrage.lifecycle import Thresholds
from qmd_platform.arbitrage.simulation.run import Setting
from qmd_platform.ingest.arbitrage_inputs import paid
from qmd_platform.ingest.instruments import keep
from qmd_platform.ingest.simulation import parts_of, simulated
from qmd_platform.ingest.simulation_inputs import EVER, Pair, Source, hourly, listings, meant_since, pairs, whole
from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.simulation_tables import CARRY, REVERSE, SPREAD
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant, month_window
from qmd_platform.venues.port import Instrument
from tests.ingest.fundedlake import HOUR, every, flat, put_candles, put_funding

DAY = 24 * HOUR
MAY = month_window("2022-05")
PERP, OTHER, SPOT = (
    Market.parse(f"{where}") for where in ("okx:LUNA/USDT:USDT", "gate:LUNA/USDT:USDT", "okx:LUNA/USDT")
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """May and June 2022 of a name that passed from one coin to another on the way."""
    made, window = Lake.open(tmp_path_factory.mktemp("lake")), Window(MAY.start, month_window("2022-06").end)
    for market in (PERP, OTHER, SPOT):
        put_candles(made, market, flat(100.0, window))
        if market.kind == "perpetual":
            put_funding(made, market, every(8, [1e-4] * 180, first=window.start + 8 * HOUR))
    return made


def source(lake: Lake, **listed: Window) -> Source:
    commit = lake.ledger.resolved(None)
    listings = {market: [listed[market.venue]] for market in (PERP, OTHER) if market.venue in listed}
    return Source(lake, commit, paid(lake, [PERP, OTHER], commit), [SPOT], listings, 0.0)


def found(of: Source, month: str) -> list[Pair]:
    within = whole(of, month_window(month))
    assert within is not None
    return list(pairs(of, within))


def test_every_pair_of_one_coin_is_there_both_ways(lake: Lake):
    made = [(one.kind, str(one.short), str(one.long)) for one in found(source(lake), "2022-06")]
    assert sorted(made) == sorted(
        [
            (SPREAD, str(PERP), str(OTHER)),
            (SPREAD, str(OTHER), str(PERP)),
            (CARRY, str(PERP), str(SPOT)),
            (REVERSE, str(SPOT), str(PERP)),
        ]
    )


def test_a_name_that_passed_to_another_coin_begins_with_it(lake: Lake):
    turn = meant_since(PERP, instant("2022-06-30"))
    assert MAY.start < turn < MAY.end
    assert meant_since(PERP, turn - 1) == 0
    assert meant_since(Market.parse("okx:BTC/USDT"), instant("2026-01-01")) == 0
    for one in found(source(lake), "2022-06"):
        assert one.world.open_at[0] >= turn
        assert all((side.settled_at >= turn).all() for side in (one.world.short, one.world.long))


def test_nothing_is_traded_before_a_market_was_listed(lake: Lake):
    since = instant("2022-06-10")
    listed = source(lake, okx=Window(since, EVER.end))
    for one in found(listed, "2022-06"):
        assert one.world.open_at[np.argmax(one.world.both_trade)] == since


def test_a_market_that_was_listed_again_was_listed_before_too(tmp_path: Path):
    made = Lake.open(tmp_path)
    first, ended, back = (instant(f"2022-0{month}-01") for month in (1, 3, 5))

    def told(at: int, since: int | None, until: int | None) -> list[Window]:
        listed = Instrument(
            *(PERP.symbol, "LUNA-USDT-SWAP", "perpetual", "LUNA", "USDT", "USDT", until is None),
            contract_size=1.0,
            tick=None,
            lot=None,
            listed_at=since,
            delisted_at=until,
            ccxt_market="{}",
        )
        beside = replace(listed, symbol=SPOT.symbol, active=True, delisted_at=None)
        keep([listed, beside], "okx", made, run_id="r", source="test", at=at)
        return listings(made, [PERP], made.ledger.resolved(None))[PERP]

    assert told(first + DAY, first, None) == [Window(first, EVER.end)]
    assert told(ended - DAY, first, ended + DAY) == [Window(first, ended + DAY)], "announced"
    assert told(ended, first, ended) == [Window(first, ended)], "the newest end counts"
    assert told(back + DAY, back, None) == [Window(first, ended), Window(back, EVER.end)]
    assert told(back + 2 * DAY, back + HOUR, None) == [Window(first, ended), Window(back, EVER.end)]
    assert told(back + 3 * DAY, None, None) == [EVER]


def test_a_later_life_changes_nothing_of_a_month_before_it(tmp_path: Path):
    made, over = Lake.open(tmp_path), Window(MAY.start, instant("2022-05-20"))
    ended, other = Market.parse("binance:X/USDT:USDT"), Market.parse("gate:X/USDT:USDT")
    for market, window in ((ended, over), (other, MAY)):
        put_candles(made, market, flat(100.0, window))
        put_funding(made, market, every(8, [1e-4] * 57, first=MAY.start))
    commit = made.ledger.resolved(None)
    lives = [over, Window(instant("2022-08-01"), EVER.end)]
    for known in (lives[:1], lives):
        of = Source(made, commit, paid(made, [ended, other], commit), (), {ended: known}, 0.0)
        worlds = [one.world for one in found(of, "2022-05")]
        assert [one.end for one in worlds] == [MAY.end, MAY.end], "it goes on without what ended"
        assert {int(one.both_trade.sum()) for one in worlds} == {(over.end - over.start) // HOUR}


def test_a_month_ends_with_its_data_and_the_last_one_where_they_do(lake: Lake, tmp_path: Path):
    assert whole(source(lake), MAY) == Window(MAY.start + 8 * HOUR, MAY.end)
    last = whole(source(lake), month_window("2022-07"))
    assert last == Window(MAY.start + 8 * HOUR, month_window("2022-06").end)
    assert whole(source(lake), month_window("2022-04")) is None
    bare = Lake.open(tmp_path)
    put_funding(bare, PERP, every(8, [1e-4] * 3, first=MAY.start))
    assert whole(source(bare), MAY) == Window(MAY.start, MAY.start + 17 * HOUR), (
        "no candles: the hour of the last settlement"
    )


def test_hours_are_those_of_an_hour_and_where_there_is_none_those_of_which_every_minute_is_there(tmp_path: Path):
    made, start = Lake.open(tmp_path), instant("2022-05-31T20:00:00Z")
    window = Window(start, start + 8 * HOUR)
    put_candles(made, PERP, flat(100.0, Window(start, start + 2 * HOUR)))
    at = np.arange(start + HOUR, window.end - MINUTE, MINUTE)  # the last hour is not over
    at = at[at != start + 4 * HOUR + 7 * MINUTE]
    column = 200.0 + (at - at[0]) / HOUR
    put_candles(made, PERP, Candles(at, column, column, column, column, np.ones(len(at))), Timeframe.M1)
    found = hourly(source(made), PERP, window)
    assert ((found.open_at - start) // HOUR).tolist() == [0, 1, 2, 3, 5, 6], (
        "over the month's end; a minute lacks of the 5th"
    )
    assert found.open.tolist() == pytest.approx([100, 100, 201, 202, 204, 205]), "nothing is made of what is there"
    assert found.volume.tolist() == [1, 1, 60, 60, 60, 60]
    assert len(hourly(source(made), PERP, Window(start + 6 * HOUR, window.end - 30 * MINUTE))) == 1
    assert len(hourly(source(made), OTHER, window)) == 0


@pytest.mark.parametrize("rate", [5e-4, 8e-4])
def test_no_position_of_the_train_part_is_held_in_the_test_part(tmp_path: Path, rate: float):
    # It always pays, so each position is held as long as is allowed, and one reaches over the train part's end.
    market, other = Market.parse("binance:X/USDT:USDT"), Market.parse("gate:X/USDT:USDT")
    made, window = Lake.open(tmp_path), Window(month_window("2026-01").start, month_window("2026-02").end)
    for one, paying in ((market, rate), (other, 0.0)):
        put_candles(made, one, flat(100.0, window))
        put_funding(made, one, every(8, [paying] * 177, first=window.start))
    commit = made.ledger.resolved(None)
    of = Source(made, commit, paid(made, [market, other], commit), (), {}, 0.0)
    setting = Setting(rules=Thresholds(max_hold_ms=5 * DAY), draws=10)
    within = whole(of, month_window("2026-02"))
    parts = parts_of(within, setting)
    pair = next(one for one in pairs(of, within) if one.short == market)
    trades = {
        part: [held for each in simulated(pair, setting, within, 1) if each.part == part for held in each.played.trades]
        for part in ("train", "test")
    }
    assert max(held.exit_at for held in trades["train"]) > parts["train"].end
    assert max(held.exit_at for held in trades["train"]) <= parts["test"].start
    assert min(held.entry_at for held in trades["test"]) >= parts["test"].start
