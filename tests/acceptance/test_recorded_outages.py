"""Recorded outages told as what they are: replay, ccxt, ingest, coverage, verdicts; as a user of the library sees them."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.coverage import causes
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.checking import checked
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake
from qmd_platform.ledger.records import Verdict
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant, iso
from qmd_platform.sandbox.server import running
from tests.acceptance.recordings import binance_vision, bitfinex_pages, bittrex

pytestmark = [pytest.mark.shared, pytest.mark.slow]

TODAY = "2024-03-01T01:00:00Z"


@dataclass(frozen=True)
class Told:
    """What two runs over a recorded window told: receipts by run, and what the lake says afterwards."""

    receipts: list[list[Receipt]]
    runs: list[Run]
    verdicts: dict[str, Verdict]
    held: Candles

    def longest(self, state: State) -> Run:
        return max((run for run in self.runs if run.state is state), key=lambda run: run.window.end - run.window.start)

    def offenders(self, rule: str) -> list[str]:
        return [offender["open_at"] for offender in json.loads(self.verdicts[rule].sample)]


def told(tmp_path: Path, series: Series, rows: Candles, window: Window, runs: int = 2) -> Told:
    """Serve ``rows`` as the venue's, fill ``window`` ``runs`` times, judge it."""
    replay, market, timeframe = tmp_path / "replay", series.market, series.timeframe
    replay.mkdir()
    table = [list(row) for row in zip(*(getattr(rows, name).tolist() for name in COLUMNS), strict=True)]
    (replay / "rows.json").write_text(json.dumps(table))
    (replay / "replay.toml").write_text(
        f'[[series]]\nvenue = "{market.venue}"\nmarket = "{market.symbol}"\ntable = "candles"\n'
        f'timeframe = "{timeframe.value}"\nfile = "rows.json"\n'
    )
    with running(now=instant(TODAY), replay=replay) as url, Lake.open(tmp_path / "lake") as lake:
        receipts = [backfill(lake, [market], timeframe, window, run_id=f"run {n}", url=url) for n in range(runs)]
        failed = {
            verdict.rule: verdict
            for receipt in receipts[-1]
            for verdict in checked(lake, receipt.partition)
            if not verdict.passed
        }
        return Told(receipts, lake.coverage(series, window), failed, lake.candles(series, window))


def test_the_eight_days_bitfinex_was_closed_in_august_2016(tmp_path: Path, shared_data: Path):
    rows, empty = bitfinex_pages(shared_data / "bitfinex_rest_pages" / "BTCUSD_2016")
    assert empty == 93
    series = Series.parse("bitfinex:BTC/USD:1m")
    found = told(tmp_path, series, rows, Window(instant("2016-08-01"), instant("2016-09-01")), runs=3)
    (after_two,), (again,) = found.receipts[1:]
    assert found.held.equals(rows)
    outage = found.longest(State.VERIFIED_EMPTY)
    assert (iso(outage.window.start), iso(outage.window.end)) == ("2016-08-02T18:03:00Z", "2016-08-10T15:53:00Z")
    assert outage.cause == causes.OMITTED
    assert after_two.summary.missing == again.summary.missing == 2  # after the last recorded minute nothing follows
    assert again.traffic.requests <= 5  # those two are asked for again, the outage is not
    assert found.offenders("outage") == ["2016-08-10T15:53:00Z"]
    assert json.loads(found.verdicts["outage"].sample)[0]["outage_candles"] == 11_390


def test_the_nineteen_minutes_binance_printed_flat_in_september_2023(tmp_path: Path, shared_data: Path):
    (path,) = (shared_data / "binance_vision_1m").glob("NEARUSDT*.csv")
    rows = binance_vision(path)
    series = Series.candles(Market("binance", "NEAR/USDT:USDT"), Timeframe.M1)
    found = told(tmp_path, series, rows, Window(instant("2023-09-01"), instant("2023-10-01")))
    assert found.held.equals(rows)
    assert [run.state for run in found.runs] == [State.PRESENT]  # the venue printed candles, so they are there
    assert set(found.verdicts) == {"outage"}
    named = found.offenders("outage")
    assert (named[0], named[-1], len(named)) == ("2023-09-12T08:34:00Z", "2023-09-12T08:52:00Z", 19)
    assert found.verdicts["outage"].severity == "WARN"


def test_the_252_repeats_and_the_117_hours_of_bittrex(tmp_path: Path, shared_data: Path):
    (path,) = (shared_data / "bittrex_5m_dups").glob("*.json.gz")
    rows = bittrex(path)
    times, counts = np.unique(rows.open_at, return_counts=True)
    twice = times[counts > 1]
    window = Window(instant("2018-01-01"), instant("2018-05-01"))
    found = told(tmp_path, Series.parse("bitfinex:NXT/BTC:5m"), rows, window)
    # All repeats contradict each other, so neither row of a pair is believed: both are kept apart, and said to be.
    assert sum(receipt.quarantined for receipt in found.receipts[0]) == 2 * len(twice) == 2 * 252
    quarantined = [run for run in found.runs if run.state is State.QUARANTINED]
    assert sum(run.window.steps(Timeframe.M5.step) for run in quarantined) == 252
    assert {run.cause for run in quarantined} == {"contradicts another row of the same open time"}
    assert np.array_equal(found.held.open_at, times[(counts == 1) & (times >= window.start)])
    hole = found.longest(State.VERIFIED_EMPTY)
    assert (iso(hole.window.start), iso(hole.window.end)) == ("2018-03-05T05:35:00Z", "2018-03-10T03:15:00Z")
    assert set(found.verdicts) == {"complete", "outage"}
    assert found.offenders("outage") == ["2018-03-10T03:15:00Z"]
