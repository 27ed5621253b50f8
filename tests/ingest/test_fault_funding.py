"""Funding that is wrong at its source: each way of being wrong is said, and every row that came is accounted for.

Over real sockets, through ccxt, into a lake.
"""

import re
from collections.abc import Iterator

import numpy as np
import pytest

from qmd_platform.errors import ConfigError, VenueDown
from qmd_platform.funding.intervals import Fact
from qmd_platform.ingest.funding import fill_funding
from qmd_platform.ingest.funding_checks import checked_funding, measured
from qmd_platform.ingest.funding_commits import NOT_A_NUMBER, Gained, committed
from qmd_platform.ingest.funding_rows import settlements
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox

NOW = "2026-03-20T12:00:30Z"
MONTHS = ("2026-01", "2026-02", "2026-03")
WINDOW = Window.of("2026-01-01", NOW)
HOUR = 3_600_000


def usually(*venues: str) -> pytest.MarkDecorator:
    """The first of ``venues`` always, the others where slow tests run: they are the same path with another spelling."""
    others = [pytest.param(venue, marks=pytest.mark.slow) for venue in venues[1:]]
    return pytest.mark.parametrize("venue", [venues[0], *others])


PATH = {"binance": "fundingRate", "gate": "funding_rate", "bybit": "funding/history", "okx": "funding-rate-history"}
LISTS = {"binance": "fundingInfo", "gate": "contracts", "bybit": "instruments-info"}
BTC = Market("binance", "BTC/USDT:USDT")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serving(now=instant(NOW)) as served:
        yield served


def fill(lake: Lake, sandbox: Sandbox, market: Market, *faults: dict[str, object]) -> list[Receipt]:
    """The receipts of three months, fetched while the venue does what ``faults`` say."""
    sandbox.reset()
    sandbox.plan_faults(faults)
    try:
        partitions = [Partition(Series.funding(market), month) for month in MONTHS]
        return fill_funding(lake, partitions, run_id="r", url=sandbox.url)
    finally:
        sandbox.plan_faults(None)


def of(venue: str, coin: str = "SOL") -> Market:
    return Market(venue, f"{coin}/USDT:USDT")


def came(sandbox: Sandbox) -> int:
    """Rows of funding that the sandbox has sent since it was reset."""
    asked = [line for line in sandbox.requests() if "fund" in line["endpoint"].lower()]
    return sum(line["rows"] for line in asked)


def accounted(receipts: list[Receipt]) -> int:
    names = ("new", "changed", "unchanged", "quarantined", "duplicates", "refused")
    return sum(getattr(one, name) for one in receipts for name in names)


@usually("binance", "gate", "bybit", "okx")
def test_rates_in_percent_are_kept_and_said_to_be_percent(venue: str, lake: Lake, sandbox: Sandbox):
    receipts = fill(lake, sandbox, of(venue), {"kind": "percent"})
    true = sandbox.settlements_truth(of(venue), WINDOW)
    held = settlements(lake, of(venue))
    assert held.rate == pytest.approx(100 * true.rate[-len(held) :])
    for receipt in receipts:
        (doubt,) = receipt.doubts
        assert "percent, not fractions (divide by 100)" in doubt
    assert measured(held, receipts[0].stated)["percent"].all()


@usually("gate", "binance", "bybit", "okx", "bitfinex")
def test_times_in_seconds_are_refused_as_seconds_and_nothing_is_kept(venue: str, lake: Lake, sandbox: Sandbox):
    # Where the venue itself writes seconds, a thousandth of them is no time in any unit.
    said = "is not milliseconds" + ("" if venue == "gate" else r".* in seconds")
    with pytest.raises(VenueDown, match=said):
        fill(lake, sandbox, of(venue, "BTC"), {"kind": "seconds"})
    assert len(settlements(lake, of(venue, "BTC"))) == 0


def test_one_answer_in_seconds_is_asked_for_again(lake: Lake, sandbox: Sandbox):
    receipts = fill(lake, sandbox, BTC, {"kind": "seconds", "at": [1]})
    assert settlements(lake, BTC).rate.tolist() == sandbox.settlements_truth(BTC, WINDOW).rate.tolist()
    assert receipts[0].traffic.retries == 1


@usually("binance", "gate", "bybit", "okx")
def test_a_settlement_sent_again_with_another_rate_is_an_error_that_says_both(venue: str, lake: Lake, sandbox: Sandbox):
    with pytest.raises(ConfigError, match=r"another rate for a settlement .* is -?[0-9.e-]+ and -?[0-9.e-]+"):
        fill(lake, sandbox, of(venue), {"kind": "contradicting"})
    assert len(settlements(lake, of(venue))) == 0


@usually(*LISTS)
@pytest.mark.parametrize(("coin", "hours", "pace"), [("SOL", 8, 4), ("DOGE", 8, 1), ("SOL", 1, 4)])
def test_a_venue_whose_interval_field_disagrees_with_its_timestamps_is_doubted_and_its_timestamps_count(  # noqa: PLR0917 - a table of cases
    lake: Lake, sandbox: Sandbox, venue: str, coin: str, hours: int, pace: int
):
    market = of(venue, coin)
    receipts = fill(lake, sandbox, market, {"kind": "stated_interval", "path": LISTS[venue], "hours": hours})
    assert [len(one.doubts) for one in receipts] == [0, 0, 1]
    assert re.match(rf"the venue says {hours} hours, but .*settlements c[ao]me every {pace}\b", receipts[-1].doubts[0])
    rows = lake.read(Series.funding(market)).to_pylist()
    assert {row["interval_hours"] for row in rows} == {float(pace)}
    judged = measured(settlements(lake, market), receipts[-1].stated)
    assert np.flatnonzero(judged["disagrees"])[-1] == len(rows) - 1


@pytest.mark.parametrize("coin", ["BTC", "SOL", "DOGE"])
@usually(*LISTS)
def test_a_venue_that_is_right_is_not_doubted(lake: Lake, sandbox: Sandbox, venue: str, coin: str):
    assert not [one.doubts for one in fill(lake, sandbox, of(venue, coin)) if one.doubts]


@pytest.mark.slow  # brings Great Expectations
@pytest.mark.parametrize(
    ("fault", "rule"),
    [({"kind": "percent"}, "rate_is_a_fraction"), ({"kind": "stated_interval", "hours": 8}, "interval_agrees")],
)
def test_a_doubt_is_a_check_that_fails(lake: Lake, sandbox: Sandbox, fault: dict[str, object], rule: str):
    receipt = fill(lake, sandbox, of("gate"), fault)[-1]
    assert receipt.doubts
    failed = {one.rule for one in checked_funding(lake, receipt.partition, receipt.stated) if not one.passed}
    assert failed == {rule}


def test_what_a_venue_says_today_is_not_held_against_settlements_of_long_ago(lake: Lake, sandbox: Sandbox):
    market = of("binance", "XRP")
    sandbox.plan_faults([{"kind": "stated_interval", "hours": 1, "path": "fundingInfo"}])
    (receipt,) = fill_funding(lake, [Partition(Series.funding(market), "2026-01")], run_id="r", url=sandbox.url)
    sandbox.plan_faults(None)
    assert receipt.stated
    assert not receipt.doubts


@pytest.mark.parametrize("kind", ["duplicates", "descending", "short_page", "empty_page", ""])
@usually("binance", "gate", "bybit")
def test_every_row_that_came_is_new_or_held_or_a_repeat(venue: str, kind: str, lake: Lake, sandbox: Sandbox):
    plan = [{"kind": kind, "at": [1, 3, 5]}] if kind else []
    for is_first in (True, False):
        receipts = fill(lake, sandbox, of(venue, "DOGE"), *plan)
        true = sandbox.settlements_truth(of(venue, "DOGE"), WINDOW)
        assert settlements(lake, of(venue, "DOGE")).rate.tolist() == true.rate.tolist()
        assert accounted(receipts) == came(sandbox)
        assert sum(one.new for one in receipts) == (len(true) if is_first else 0)


def put(lake: Lake, market: Market, got: Gained, wanted: list[Window], facts: tuple[Fact, ...] = ()) -> list[Receipt]:
    return committed(lake, market, got, facts, wanted, run_id="r", source="sandbox:test")


def test_a_rate_that_is_no_number_is_kept_apart_and_costs_its_row_alone(lake: Lake):
    at = instant("2026-01-01") + 8 * HOUR * np.arange(30)
    rate = np.full(30, 1e-4)
    rate[12] = np.nan
    month = Partition(Series.funding(BTC), "2026-01")
    got = Gained(rows=[Settlements.of(at, rate)])
    (receipt,) = put(lake, BTC, got, [month.window])
    assert (receipt.new, receipt.quarantined, receipt.summary.missing) == (29, 1, 1)
    assert "1 settlements seem to be missing" in receipt.doubts[0]
    (row,) = lake.ledger.rejected(month)
    assert (row.open_at, row.reason) == (int(at[12]), NOT_A_NUMBER)
    assert np.isnan(row.row["rate"])
    (again,) = put(lake, BTC, Gained(rows=[Settlements.of(at, np.full(30, 1e-4))]), [month.window])
    assert (again.new, again.unchanged, again.quarantined, again.summary.missing) == (1, 29, 0, 0)


def test_a_restated_rate_is_a_changed_row_and_its_old_value_is_kept(lake: Lake):
    at = instant("2026-01-01") + 8 * HOUR * np.arange(30)
    month = Partition(Series.funding(BTC), "2026-01")
    for rate in (1e-4, 2e-4):
        rates = np.full(30, 1e-4)
        rates[7] = rate
        (receipt,) = put(lake, BTC, Gained(rows=[Settlements.of(at, rates)]), [month.window])
    assert (receipt.new, receipt.changed, receipt.unchanged) == (0, 1, 29)
    (said,) = lake.ledger.revisions(Series.funding(BTC))
    assert (said.key, "0.0001" in str(said.before), "0.0002" in str(said.after)) == (str(at[7]), True, True)
