"""Candles of mark, index and premium in the lake: every closed hour once, holes proven, nothing asked twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qmd_platform.errors import ConfigError, UnknownMarket, VenueDown
from qmd_platform.ingest.asking import Asking, Deadlines
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.reference import fill_reference
from qmd_platform.ingest.reference_rows import held, series_of
from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import Candles
from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.model.series import Market, Partition
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.reference_truth import reference_truth
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.venues import facts

NOW = "2026-03-20T12:00:30Z"
MONTHS = ("2026-02", "2026-03")
WINDOW = Window.of("2026-02-01", "2026-04-01")
BTC = Market("binance", "BTC/USDT:USDT")
GATE = Market("gate", "BTC/USDT:USDT")
OKX = Market("okx", "BTC/USDT:USDT")
OTHERS = [("okx", Reference.INDEX), ("bitfinex", Reference.INDEX), ("binance", Reference.PREMIUM)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serving(now=instant(NOW)) as served:
        yield served


def fill(
    lake: Lake,
    sandbox: Sandbox,
    market: Market,
    wanted: Reference = Reference.MARK,
    *,
    months: tuple[str, ...] = MONTHS,
    asking: Asking | None = None,
) -> list[Receipt]:
    partitions = [Partition(series_of(market, wanted), month) for month in months]
    return fill_reference(lake, partitions, run_id="r", url=sandbox.url, asking=asking)


def true(market: Market, wanted: Reference = Reference.MARK, window: Window = WINDOW, now: str = NOW) -> Candles:
    return reference_truth(market, wanted, window, instant(now))


def requests(sandbox: Sandbox) -> int:
    """Those about candles."""
    return sum(any(word in line["endpoint"] for word in ("rice", "candle", "remium")) for line in sandbox.requests())


@pytest.mark.parametrize(("venue", "wanted"), [*((venue, Reference.MARK) for venue in facts.REFERENCE), *OTHERS])
def test_every_closed_hour_of_every_venue_is_there_as_the_venue_has_it(
    venue: str, wanted: Reference, lake: Lake, sandbox: Sandbox
):
    market = Market(venue, "BTC/USDT:USDT")
    receipts = fill(lake, sandbox, market, wanted)
    assert held(lake, market, wanted).equals(true(market, wanted))
    assert [(one.partition.month, one.summary.is_complete) for one in receipts] == [(one, True) for one in MONTHS]
    assert [one.summary.present for one in receipts] == [28 * 24, 19 * 24 + 12]
    assert lake.verify() == []


def test_running_again_asks_for_nothing_and_changes_nothing(lake: Lake, sandbox: Sandbox):
    fill(lake, sandbox, BTC)
    before, asked = lake.states(), requests(sandbox)
    (_, last) = fill(lake, sandbox, BTC)
    assert requests(sandbox) == asked
    assert lake.states() == before
    assert last.summary.is_complete


def test_an_hour_later_only_that_hour_and_the_tail_are_asked_for(tmp_path: Path):
    with serving(now=instant(NOW)) as served, Lake.open(tmp_path) as lake:
        fill(lake, served, BTC)
        served.move_clock(instant(NOW) + STEP.step)
        asked = requests(served)
        receipts = fill(lake, served, BTC, asking=Asking(tail=3))
        assert requests(served) - asked == 1
        assert [(one.new, one.unchanged) for one in receipts] == [(0, 0), (1, 3)]
        assert held(lake, BTC, Reference.MARK).equals(true(BTC, now="2026-03-20T13:00:30Z"))


def test_all_tables_of_a_venue_can_be_filled_at_once(lake: Lake, sandbox: Sandbox):
    partitions = [Partition(series_of(BTC, wanted), "2026-03") for wanted in Reference]
    receipts = fill_reference(lake, partitions, run_id="r", url=sandbox.url)
    assert {one.partition.series.table for one in receipts} == {"mark_candles", "index_candles", "premium_candles"}
    assert sum(one.traffic.requests for one in receipts) == 3


def test_a_hole_of_the_venue_stays_a_hole_after_two_answers_and_is_looked_at_again(tmp_path: Path):
    """It is longer than a page, and in two months."""
    hole = {"kind": "hole", "market": str(OKX), "timeframe": "1h"}
    hole |= {"start": "2026-02-25T00:00:00Z", "end": "2026-03-03T00:00:00Z"}
    with serving(now=instant(NOW), faults=[hole]) as served, Lake.open(tmp_path) as lake:
        receipts = fill(lake, served, OKX)
        assert [(one.summary.verified_empty, one.summary.missing) for one in receipts] == [(4 * 24, 0), (2 * 24, 0)]
        assert len(held(lake, OKX, Reference.MARK)) == sum(one.summary.expected for one in receipts) - 6 * 24
        asked = requests(served)
        fill(lake, served, OKX, asking=Asking(recheck=True))
        assert requests(served) == asked, "not due yet"
        served.plan_faults([])
        receipts = fill(lake, served, OKX, asking=Asking(recheck=True, clock=lambda: instant("2027-01-01")))
        assert sum(one.new for one in receipts) == 6 * 24
        assert held(lake, OKX, Reference.MARK).equals(true(OKX))


@pytest.mark.parametrize("kind", ["empty_page", "short_page", "duplicates", "descending", "truncated_json"])
def test_a_wrong_answer_loses_no_hour(kind: str, tmp_path: Path):
    fault = {"kind": kind, "path": "history-mark", "every": 3}
    with serving(now=instant(NOW), faults=[fault]) as served, Lake.open(tmp_path) as lake:
        (receipt,) = fill(lake, served, OKX, months=("2026-02",))
    assert receipt.summary.is_complete
    assert receipt.new == receipt.summary.present == 28 * 24
    assert held(lake, OKX, Reference.MARK).equals(true(OKX, window=Window.of("2026-02-01", "2026-03-01")))


def test_rows_that_contradict_each_other_are_kept_apart_and_asked_for_again(tmp_path: Path):
    fault = {"kind": "contradicting", "path": "history-index", "at": [1]}
    with serving(now=instant(NOW), faults=[fault]) as served, Lake.open(tmp_path) as lake:
        (receipt,) = fill(lake, served, OKX, Reference.INDEX, months=("2026-02",))
        assert receipt.quarantined == 2
        assert receipt.summary.is_complete, "the next answer has the right one"
        reasons = {one.reason for one in lake.ledger.rejected(receipt.partition)}
    assert reasons == {"contradicts another row of the same open time"}


def test_rows_that_break_a_rule_are_kept_apart_with_the_rule_and_not_asked_for_for_ever(tmp_path: Path):
    fault = {"kind": "percent", "path": "history-index", "venue": "okx", "first": 2}
    with serving(now=instant(NOW), faults=[fault]) as served, Lake.open(tmp_path) as lake:
        (receipt,) = fill(lake, served, OKX, Reference.INDEX, months=("2026-02",))
        rejected = lake.ledger.rejected(receipt.partition)
        asked = requests(served)
        fill(lake, served, OKX, Reference.INDEX, months=("2026-02",))
        assert requests(served) == asked
    assert {one.reason for one in rejected} == {"ohlc_order"}
    assert (receipt.summary.quarantined, len(rejected), receipt.duplicates) == (72, 72, 72)
    assert receipt.summary.present == 28 * 24 - 72


def test_what_a_venue_does_not_serve_any_more_is_not_asked_for_again(tmp_path: Path):
    with serving(now=instant(NOW), gate_history_points=300) as served, Lake.open(tmp_path) as lake:
        receipts = fill(lake, served, GATE)
        assert [one.summary.present for one in receipts] == [0, 299], (
            "the oldest hour that is served began before the oldest instant that is"
        )
        assert receipts[0].summary.missing == 28 * 24
        asked = requests(served)
        fill(lake, served, GATE)
        assert requests(served) == asked


def test_a_market_that_was_listed_within_the_month_begins_there(tmp_path: Path):
    late = Market("binance", "LATE/USDT:USDT")
    with serving(now=instant("2026-10-20T12:00:30Z")) as served, Lake.open(tmp_path) as lake:
        (receipt,) = fill(lake, served, late, months=("2026-10",))
    assert receipt.summary.expected == receipt.summary.present == 5 * 24 + 4
    assert receipt.traffic.requests <= 4


@pytest.mark.slow
def test_an_exchange_that_is_down_is_an_error_and_no_hour_counts_as_answered(tmp_path: Path):
    down = [{"kind": "server_error", "path": "markPrice"}]
    with serving(now=instant(NOW), faults=down) as served, Lake.open(tmp_path) as lake:
        with pytest.raises(VenueDown):
            fill(lake, served, BTC, months=("2026-03",))
        served.plan_faults([])
        (receipt,) = fill(lake, served, BTC, months=("2026-03",))
    assert receipt.summary.is_complete


def test_a_run_whose_time_is_over_says_what_it_has_not_asked_for(lake: Lake, sandbox: Sandbox):
    with pytest.raises(VenueDown, match="the deadline came first"):
        fill(lake, sandbox, OKX, months=("2026-02",), asking=Asking(deadlines=Deadlines(run_s=1e-9)))


def test_what_a_venue_has_not_is_refused_without_a_request(lake: Lake, sandbox: Sandbox):
    with pytest.raises(ConfigError, match="okx has no premium candles"):
        fill(lake, sandbox, OKX, Reference.PREMIUM)
    with pytest.raises(UnknownMarket):
        fill(lake, sandbox, Market("okx", "NOPE/USDT:USDT"))


def test_two_workers_ask_for_every_page_once(tmp_path: Path):
    def work(run: str) -> int:
        with Lake.open(tmp_path / "lake") as lake:
            return sum(one.new for one in fill_reference(lake, partitions, run_id=run, url=served.url))

    partitions = [Partition(series_of(BTC, Reference.MARK), month) for month in MONTHS]
    with serving(now=instant(NOW)) as served, ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(work, ("a", "b"))) == len(true(BTC))
        assert requests(served) == 3, "of 499 hours at most"
