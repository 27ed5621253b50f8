"""Funding histories in the lake: whole, each settlement once, with its interval, and nothing asked twice."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.errors import ConfigError, OutOfTime, VenueDown
from qmd_platform.ingest.asking import Asking, Deadlines
from qmd_platform.ingest.funding import fill_funding
from qmd_platform.ingest.funding_rows import settlements
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox

NOW = "2026-03-20T12:00:30Z"
MONTHS = ("2026-01", "2026-02", "2026-03")
WINDOW = Window.of("2026-01-01", NOW)
BTC = Market("binance", "BTC/USDT:USDT")
PEPE = Market("binance", "1000PEPE/USDT:USDT")
XRP = Market("binance", "XRP/USDT:USDT")
GATE_ETH = Market("gate", "ETH/USDT:USDT")
EVERYWHERE = [
    *(Market(venue, f"{coin}/USDT:USDT") for venue in ("binance", "gate", "bybit", "okx") for coin in ("BTC", "DOGE")),
    Market("bitfinex", "BTC/USDT:USDT"),
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serving(now=instant(NOW)) as served:
        yield served


def fill(lake: Lake, sandbox: Sandbox, *markets: Market, asking: Asking | None = None) -> list[Receipt]:
    partitions = [Partition(Series.funding(market), month) for market in markets for month in MONTHS]
    return fill_funding(lake, partitions, run_id="r", url=sandbox.url, asking=asking)


def funding_requests(sandbox: Sandbox) -> int:
    return sum("fundingrate" in line["endpoint"].lower().replace("_", "") for line in sandbox.requests())


@pytest.mark.parametrize("market", EVERYWHERE, ids=str)
def test_every_settlement_of_every_venue_is_there_once(market: Market, lake: Lake, sandbox: Sandbox):
    receipts = fill(lake, sandbox, market)
    true = sandbox.settlements_truth(market, WINDOW)
    held = settlements(lake, market)
    assert held.settled_at.tolist() == true.settled_at.tolist()
    assert held.rate.tolist() == true.rate.tolist()
    assert [receipt.partition.month for receipt in receipts] == list(MONTHS)
    assert sum(receipt.new for receipt in receipts) == len(true)


def test_running_again_asks_for_nothing_that_was_answered_and_changes_nothing(lake: Lake, sandbox: Sandbox):
    fill(lake, sandbox, BTC)
    before = lake.states()
    asked = funding_requests(sandbox)
    fill(lake, sandbox, BTC)
    assert funding_requests(sandbox) - asked <= 2, "only the last minutes, in which a settlement may be listed late"
    assert [(one.partition, one.version) for one in lake.states()] == [(one.partition, one.version) for one in before]
    assert lake.verify() == []


def test_a_change_of_interval_is_stored_with_each_settlement(lake: Lake, sandbox: Sandbox):
    fill(lake, sandbox, XRP)
    rows = lake.read(Series.funding(XRP)).to_pylist()
    hours = {row["settled_at"].strftime("%Y-%m-%d %H"): row["interval_hours"] for row in rows}
    assert hours["2026-02-05 08"] == 8
    assert hours["2026-02-15 04"] == 4
    assert hours["2026-02-25 08"] == 8
    assert {row["interval_from"] for row in rows} <= {"neighbours", "venue", "unknown"}


def test_a_settlement_the_venue_never_lists_is_suspected_and_not_taken_for_a_longer_interval(
    lake: Lake, sandbox: Sandbox
):
    receipts = fill(lake, sandbox, GATE_ETH)
    rows = {row["settled_at"].strftime("%Y-%m-%d %H"): row for row in lake.read(Series.funding(GATE_ETH)).to_pylist()}
    assert "2026-02-08 16" not in rows
    after = rows["2026-02-09 00"]
    assert (after["is_suspect"], after["interval_hours"]) == (True, 8)
    assert {receipt.partition.month: receipt.summary.missing for receipt in receipts}["2026-02"] == 1


def test_what_seems_to_be_missing_is_asked_for_again_when_it_is_due(lake: Lake, sandbox: Sandbox):
    def asked(hours: float) -> int:
        """Requests that a fill so many hours later makes."""
        before = funding_requests(sandbox)
        fill(lake, sandbox, GATE_ETH, asking=Asking(recheck=True, clock=lambda: instant(NOW) + int(hours * 3_600_000)))
        return funding_requests(sandbox) - before

    _, at_once, in_two_hours, in_three = (asked(hours) for hours in (0, 0.1, 2, 3))
    missing = 3  # one a month
    assert in_two_hours >= at_once + missing
    assert in_three == at_once, "the second look is due four hours after the first"


def test_months_are_joined_by_one_history_of_intervals(lake: Lake, sandbox: Sandbox):
    for month in reversed(MONTHS):
        fill_funding(lake, [Partition(Series.funding(PEPE), month)], run_id=month, url=sandbox.url)
    together = lake.read(Series.funding(PEPE)).to_pylist()
    assert [row["interval_hours"] for row in together[1:]] == [4.0] * (len(together) - 1)


def test_two_rates_for_one_settlement_are_refused_and_nothing_is_kept(tmp_path: Path):
    fault = {"kind": "contradicting", "path": "fundingRate"}
    with serving(now=instant(NOW), faults=[fault]) as wrong, Lake.open(tmp_path) as lake:
        with pytest.raises(ConfigError, match="another rate"):
            fill(lake, wrong, BTC)
        assert len(settlements(lake, BTC)) == 0


def test_an_exchange_that_is_down_is_an_error_and_never_an_empty_history(tmp_path: Path):
    with serving(now=instant(NOW)) as served, Lake.open(tmp_path) as lake:
        fill_funding(lake, [Partition(Series.funding(BTC), "2026-01")], run_id="r", url=served.url)
        served.plan_faults([{"kind": "server_error", "path": "fundingRate"}])
        with pytest.raises(VenueDown):
            fill(lake, served, BTC)
        assert np.all(settlements(lake, BTC).settled_at < instant("2026-02-01"))


def test_a_venue_that_hangs_is_cut_off_at_the_runs_deadline_and_the_next_run_brings_all(lake: Lake):
    with serving(now=instant(NOW), faults=[{"kind": "hang", "seconds": 120}]) as hung:
        with pytest.raises(OutOfTime, match="binance: the run's 1 s are over"):
            fill(lake, hung, BTC, asking=Asking(deadlines=Deadlines(run_s=1)))
        hung.plan_faults(None)
        fill(lake, hung, BTC)
        assert len(settlements(lake, BTC)) == len(hung.settlements_truth(BTC, WINDOW))
