"""No alarm on what was recorded and is clean; and on what is not, the alarm that the recording deserves.

Every month of every recorded candle series of ``../shared/data`` is judged, by the rules' bounds in numpy (which Great
Expectations is held equal to by ``test_suite``). Holes count as verified empty: the files know no coverage.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State, accounted, windows_of
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, iso
from qmd_platform.quality import rules
from qmd_platform.quality.judge import Beside, applying, measured
from qmd_platform.quality.offenders import offenders
from tests.acceptance.recordings import (
    binance_vision,
    bitfinex_year,
    bittrex,
    octobot,
    recorded_candles,
)
from tests.quality.test_recorded import candle_files, monthly

MARKET = Market("binance", "BTC/USDT")
OCTOBOT = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")

EXPECTED = {
    # An exchange out of order, printed flat: 19 minutes (README of the recordings), 40 minutes.
    ("NEARUSDT-1m-2023-09.csv", "2023-09", "outage"): ["2023-09-12T08:34:00Z"],
    ("BTC_USDC_USDC-5m-futures.feather", "2025-06", "outage"): ["2025-06-08T09:45:00Z"],
    # 2 h 45 min without candles in a market that lacks five single ones in 20 days.
    ("ADA_BTC-5m.feather", "2018-01", "outage"): ["2018-01-15T14:45:00Z"],
}
"""File, month, rule: the first row named for each alarm that is due."""


def series(data: Path) -> Iterator[tuple[str, Timeframe, Candles]]:
    for path, timeframe in candle_files(data):
        yield path.name, timeframe, recorded_candles(path)
    for path in sorted((data / "binance_vision_1m").glob("*.csv")):
        yield path.name, Timeframe.M1, binance_vision(path)
    (collected,) = (data / "octobot_binance_ethbtc").glob("*.data")
    for step in OCTOBOT:
        if step in {t.value for t in Timeframe}:
            yield f"octobot {step}", Timeframe(step), octobot(collected, step)


def alarms(name: str, timeframe: Timeframe, whole: Candles) -> Iterator[tuple[tuple[str, str, str], list[int]]]:
    """For each month and rule that is broken: the open times of the offenders."""
    before = Candles.empty()
    for month, rows in monthly(whole, timeframe.step):
        if len(rows):
            of = Partition(Series.candles(MARKET, timeframe), month)
            asked = Window(int(rows.open_at[0]), int(rows.open_at[-1]) + timeframe.step)
            there = windows_of(np.unique(rows.open_at), timeframe.step)
            runs = accounted([asked], there, [Run(asked, State.VERIFIED_EMPTY, "no trades")], "")
            columns = measured(of, rows, runs, Beside(before=before, restated=[], stored_at=asked.end))
            for rule in applying(columns):
                found = offenders(rule, columns)
                if found.any():
                    yield (name, month, rule.name), columns["open_at"][found].astype(np.int64).tolist()
        before = rows.take(slice(-500, None))


def test_no_recorded_month_raises_an_alarm_that_is_not_due(shared_data: Path):
    raised: dict[tuple[str, str, str], list[int]] = {}
    months = 0
    for name, timeframe, whole in series(shared_data):
        months += len(monthly(whole, timeframe.step))
        raised |= dict(alarms(name, timeframe, whole))
    assert months > 380
    assert {what: [iso(times[0])] for what, times in raised.items()} == EXPECTED


def test_no_recorded_month_is_taken_for_another_markets_beside_it(shared_data: Path):
    beside: dict[tuple[Path, str, Timeframe], dict[str, Candles]] = {}
    for path, timeframe in candle_files(shared_data):
        kind = path.stem.rpartition("-")[2]
        beside.setdefault((path.parent, kind, timeframe), {})[path.name] = recorded_candles(path)
    looked_at = 0
    for (_, _, timeframe), markets in beside.items():
        for name, whole in markets.items():
            others = {other: unique(rows) for other, rows in markets.items() if other != name}
            for month, rows in monthly(whole, timeframe.step) if others else ():
                if len(rows):
                    of = Partition(Series.candles(MARKET, timeframe), month)
                    columns = measured(of, rows, [], Beside(others=others))
                    assert not offenders(rules.CONTAMINATION, columns).any(), (name, month)
                    looked_at += 1
    assert looked_at >= 40


def unique(rows: Candles) -> Candles:
    return rows.take(np.unique(rows.open_at, return_index=True)[1])


def test_the_flat_outage_of_near_is_named_candle_by_candle(shared_data: Path):
    (path,) = (shared_data / "binance_vision_1m").glob("*.csv")
    ((what, times),) = alarms(path.name, Timeframe.M1, binance_vision(path))
    assert what[2] == "outage"
    assert [iso(times[0]), iso(times[-1]), len(times)] == ["2023-09-12T08:34:00Z", "2023-09-12T08:52:00Z", 19]


def test_of_a_year_of_bitfinex_the_outages_are_named_by_the_candle_that_ends_them_and_nothing_else(shared_data: Path):
    whole = bitfinex_year(shared_data / "bitfinex_1m" / "BTCUSD_2016_merged.csv.gz")
    found = {what[1:]: [iso(at) for at in times] for what, times in alarms("bitfinex", Timeframe.M1, whole)}
    assert found == {
        ("2016-06", "outage"): ["2016-06-21T14:00:00Z"],
        ("2016-07", "outage"): ["2016-07-27T02:18:00Z"],
        ("2016-08", "outage"): ["2016-08-10T15:53:00Z"],  # the break-in: closed for eight days
        ("2016-11", "outage"): ["2016-11-03T19:41:00Z"],
    }


def test_of_bittrex_the_117_hours_are_an_outage_and_the_252_repeats_are_repeats(shared_data: Path):
    (path,) = (shared_data / "bittrex_5m_dups").glob("*.json.gz")
    whole = bittrex(path)
    ordered = whole.take(np.argsort(whole.open_at, kind="stable"))
    found = {what[1:]: times for what, times in alarms("bittrex", Timeframe.M5, ordered)}
    assert {rule for _, rule in found} == {"outage", "unique_open_times"}
    assert [iso(at) for at in found["2018-03", "outage"]] == ["2018-03-10T03:15:00Z"]
    repeated = [at for (_, rule), times in found.items() if rule == "unique_open_times" for at in times]
    assert len(repeated) == 2 * 252
    assert len(set(repeated)) == 252
