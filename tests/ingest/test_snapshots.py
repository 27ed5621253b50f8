"""Perpetuals as they are now, in the lake: each look kept once, by the venue's clock, predictions apart from what is paid."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from qmd_platform.errors import ConfigError, UnknownMarket, VenueDown
from qmd_platform.ingest import snapshots
from qmd_platform.ingest.funding import fill_funding
from qmd_platform.ingest.instruments import refresh
from qmd_platform.ingest.open_interest import fill_open_interest
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.snapshots import NAMES, capture
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.window import instant
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.sandbox.snapshots import open_interest_truth, predictions_truth
from qmd_platform.venues.ccxt_client import client
from tests.venues.asking import QUICK

NOW = "2026-03-20T12:40:30Z"
AT = instant(NOW)
VENUES = ("binance", "bitfinex", "bybit", "gate", "okx")
BTC = Market("gate", "BTC/USDT:USDT")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serving(now=NOW) as served:
        yield served


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "client", partial(client, patience=QUICK))


def of(venue: str, *coins: str) -> list[Market]:
    return [Market(venue, f"{coin}/USDT:USDT") for coin in coins]


def look(lake: Lake, sandbox: Sandbox, *markets: Market) -> list[Receipt]:
    return capture(lake, markets[0].venue, markets, run_id="r", url=sandbox.url)


def rows(lake: Lake, table: str, venue: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.read(Series(table, venue)).to_pylist()
    return [
        {name: round(one.timestamp() * 1000) if name.endswith("at") else one for name, one in row.items()}
        for row in found
    ]


@pytest.mark.parametrize("venue", VENUES)
def test_every_venue_is_kept_as_it_says_and_the_same_answer_again_changes_nothing(
    venue: str, lake: Lake, sandbox: Sandbox
):
    markets = of(venue, "BTC", "DOGE")
    if venue == "bitfinex":  # what accrues does so over an interval that only settlements prove
        fill_funding(lake, [Partition(Series.funding(one), "2026-03") for one in markets], run_id="r", url=sandbox.url)
    receipts = look(lake, sandbox, *markets)
    told = rows(lake, "funding_predictions", venue)
    assert [row["market"] for row in told] == [str(one) for one in markets]
    for market, row in zip(markets, told, strict=True):
        next_at, rate = predictions_truth(market, np.array([row["seen_at"]]))
        assert (row["seen_at"], row["next_settlement_at"]) == (AT, next_at[0])
        assert row["predicted_rate"] == pytest.approx(rate[0], abs=0 if venue != "bitfinex" else 2e-8)
        assert row["interval_hours"] == (8 if "BTC" in row["market"] else 1)
        assert (row["accrued_rate"] is None) == (venue != "bitfinex")
        assert row["mark"] > 0
    held = rows(lake, "open_interest", venue)
    assert len(held) == (0 if venue == "binance" else 2), "Binance tells it of one contract at a time, or over time"
    for row in held:
        truth = open_interest_truth(Market.parse(row["market"]), np.array([row["counted_at"]]))
        assert (row["open_interest_contracts"], row["open_interest_base"]) == (truth.contracts[0], truth.base[0])
        assert row["open_interest_quote"] == pytest.approx(truth.quote[0], rel=1e-12)
        assert row["is_history"] is False
    assert sum(one.new for one in receipts) == len(told) + len(held)
    assert receipts[0].traffic.requests > 0
    before = lake.states()
    assert [(one.new, one.changed) for one in look(lake, sandbox, *markets)] == [(0, 0)] * len(receipts)
    assert lake.states() == before
    assert lake.verify() == []


def test_looks_are_appended_by_the_month_the_venue_s_clock_is_in(lake: Lake):
    with serving(now="2026-03-31T23:55:00Z") as sandbox:
        look(lake, sandbox, BTC)
        sandbox.move_clock("2026-04-01T00:10:00Z")
        look(lake, sandbox, BTC)
    told = rows(lake, "funding_predictions", "gate")
    assert [row["next_settlement_at"] for row in told] == [instant("2026-04-01"), instant("2026-04-01T08:00:00Z")]
    months = {one.partition.month for one in lake.states(Series("funding_predictions", "gate"))}
    assert months == {"2026-03", "2026-04"}


def test_what_was_predicted_is_never_among_what_was_settled(lake: Lake, sandbox: Sandbox):
    look(lake, sandbox, BTC)
    assert len(lake.read(Series.funding(BTC))) == 0
    assert {one.table for one in lake.series()} == set(NAMES)


def test_coins_are_a_thousand_times_the_base_where_a_unit_is_a_thousand_coins(lake: Lake, sandbox: Sandbox):
    pepe = Market("binance", "1000PEPE/USDT:USDT")
    fill_open_interest(lake, "binance", [pepe], ["2026-03"], run_id="r", url=sandbox.url)
    row = rows(lake, "open_interest", "binance")[0]
    assert row["open_interest_coins"] == 1000 * row["open_interest_base"] == 1000 * row["open_interest_contracts"]


def test_a_market_the_answer_does_not_have_is_said_and_the_others_are_kept(lake: Lake):
    gone = Market("bybit", "DOGE/USDT:USDT")
    listings = [{"market": str(gone), "delisted_at": "2026-03-20T12:00:00Z"}]
    with serving(now="2026-03-20T11:00:00Z", listings=listings) as sandbox:
        refresh(lake, "bybit", run_id="r", url=sandbox.url)
        sandbox.move_clock(NOW)
        receipts = look(lake, sandbox, *of("bybit", "BTC", "DOGE"))
        assert receipts[0].failures == ("bybit says nothing of DOGE/USDT:USDT",)
        assert [row["market"] for row in rows(lake, "funding_predictions", "bybit")] == ["bybit:BTC/USDT:USDT"]
        with pytest.raises(VenueDown, match="none of the 1 markets"):
            look(lake, sandbox, gone)


def test_a_market_the_venue_does_not_list_is_an_error_and_nothing_is_kept(lake: Lake, sandbox: Sandbox):
    with pytest.raises(UnknownMarket, match="NOPE"):
        look(lake, sandbox, BTC, Market("gate", "NOPE/USDT:USDT"))
    assert lake.states() == []


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("venue", "path", "unsaid"),
    [("okx", "mark-price", "mark"), ("okx", "open-interest", ""), ("binance", "fundingInfo", "interval_hours")],
)
def test_an_answer_that_fails_beside_the_predictions_does_not_lose_them(
    venue: str, path: str, unsaid: str, lake: Lake, sandbox: Sandbox
):
    sandbox.plan_faults([{"kind": "html", "path": path}])
    try:
        receipts = look(lake, sandbox, *of(venue, "BTC", "DOGE"))
    finally:
        sandbox.plan_faults(None)
    told = rows(lake, "funding_predictions", venue)
    assert [row["predicted_rate"] is not None for row in told] == [True, True]
    assert [name for name in ("mark", "interval_hours") if told[0][name] is None] == ([unsaid] if unsaid else [])
    assert len(rows(lake, "open_interest", venue)) == (2 if path == "mark-price" else 0)
    (why,) = receipts[0].failures
    assert venue in why


@pytest.mark.usefixtures("impatient")
def test_a_look_that_nothing_came_of_says_why(lake: Lake, sandbox: Sandbox):
    sandbox.plan_faults([{"kind": "html", "path": "open-interest"}])
    try:
        with pytest.raises(VenueDown):
            capture(lake, "okx", of("okx", "BTC"), run_id="r", url=sandbox.url, only=["open_interest"])
    finally:
        sandbox.plan_faults(None)


def test_a_table_that_is_not_captured_is_refused_before_anything_is_asked(lake: Lake, sandbox: Sandbox):
    with pytest.raises(ConfigError, match="candles"):
        capture(lake, "gate", [BTC], run_id="r", url=sandbox.url, only=["candles_1m"])
