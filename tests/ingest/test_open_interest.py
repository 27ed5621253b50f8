"""Open interest of the past in the lake: all that venues serve, nothing asked twice, nothing made up."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.ingest import open_interest
from qmd_platform.ingest.open_interest import fill_open_interest, is_served
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.buffers import column, or_nan
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox import open_interest_wire
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.sandbox.snapshots import Instants, open_interest_truth
from qmd_platform.venues import facts
from qmd_platform.venues.ccxt_client import client
from tests.venues.asking import QUICK

NOW = "2026-03-20T12:40:30Z"
HOUR, DAY = Timeframe.H1.step, Timeframe.D1.step
REACHED = {"binance": instant("2026-02-19"), "bybit": instant("2026-02-01"), "gate": instant("2026-02-01")}
"""From when on each venue serves what is asked for here."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serving(now=NOW) as served:
        yield served


def fill(lake: Lake, sandbox: Sandbox, *markets: Market) -> list[Receipt]:
    return fill_open_interest(lake, markets[0].venue, markets, ["2026-02", "2026-03"], run_id="r", url=sandbox.url)


def asked(sandbox: Sandbox) -> int:
    names = ("openInterestHist", "/open-interest", "contract_stats")
    return sum(line["endpoint"].endswith(names) for line in sandbox.requests())


@pytest.mark.parametrize("venue", REACHED)
def test_all_a_venue_serves_is_there_once_and_is_not_asked_for_again(venue: str, lake: Lake, sandbox: Sandbox):
    market, step = Market(venue, "BTC/USDT:USDT"), facts.open_interest_of(venue).step
    receipts = fill(lake, sandbox, market)
    rows = lake.read(Series("open_interest", venue))
    at = np.arange(REACHED[venue], instant(NOW), step)
    assert column(rows, "counted_at").tolist() == at.tolist()
    truth = open_interest_truth(market, at)
    assert column(rows, "open_interest_contracts").tolist() == truth.contracts.tolist()
    assert column(rows, "open_interest_base").tolist() == truth.base.tolist()
    quote = or_nan(rows, "open_interest_quote")
    assert np.isnan(quote).all() if venue == "bybit" else quote.tolist() == truth.quote.tolist()
    assert rows.column("is_history").to_pylist() == [True] * len(at)
    assert sum(one.new for one in receipts) == len(at)
    before, spent = lake.states(), asked(sandbox)
    fill(lake, sandbox, market)
    assert asked(sandbox) - spent <= 1, "only the last minutes, whose row may still come"
    assert [(one.partition, one.data_version) for one in lake.states()] == [
        (one.partition, one.data_version) for one in before
    ]


def test_what_a_venue_does_not_serve_any_more_is_answered_with_the_reason(lake: Lake, sandbox: Sandbox):
    fill(lake, sandbox, Market("binance", "BTC/USDT:USDT"))
    old = [one for _, one in lake.evidence(Series("open_interest", "binance")) if not one.digest]
    assert {one.what for one in old} == {"older than the 29 days the venue serves, of BTC/USDT:USDT"}
    assert (min(one.window.start for one in old), max(one.window.end for one in old)) == (
        instant("2026-02-01"),
        REACHED["binance"],
    )


def test_another_market_of_the_venue_is_asked_for_by_itself(lake: Lake, sandbox: Sandbox):
    first, second = (Market("gate", f"{coin}/USDT:USDT") for coin in ("BTC", "DOGE"))
    fill(lake, sandbox, first)
    alone = len(lake.read(Series("open_interest", "gate")))
    fill(lake, sandbox, first, second)
    rows = lake.read(Series("open_interest", "gate"))
    assert len(rows) == 2 * alone
    assert set(rows.column("market").to_pylist()) == {str(first), str(second)}


def test_a_page_without_rows_is_asked_for_twice_before_it_is_believed(lake: Lake):
    late = Market("bybit", "LATE/USDT:USDT")
    with serving(now="2026-10-20T00:00:00Z") as sandbox:
        fill_open_interest(lake, "bybit", [late], ["2026-09"], run_id="r", url=sandbox.url)
        pages = -(-30 * 24 // facts.open_interest_of("bybit").page_limit)
        assert asked(sandbox) == 2 * pages
        fill_open_interest(lake, "bybit", [late], ["2026-09"], run_id="r", url=sandbox.url)
        assert asked(sandbox) == 2 * pages
    assert len(lake.read(Series("open_interest", "bybit"))) == 0


def spoiling(monkeypatch: pytest.MonkeyPatch, spoil: Callable[[int, Instants], Instants]) -> list[int]:
    """The sandbox's answers have the instants that ``spoil(number of the request, instants)`` leaves; their sizes so far."""
    true, sent = open_interest_wire._grid, list[int]()  # noqa: SLF001 - where all three venues get their instants

    def grid(*asked: Any) -> Instants:
        sent.append(-1)
        at = spoil(len(sent), true(*asked))
        sent[-1] = len(at)
        return at

    monkeypatch.setattr(open_interest_wire, "_grid", grid)
    return sent


@pytest.mark.parametrize("venue", REACHED)
def test_a_short_page_is_completed(venue: str, lake: Lake, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    market, step = Market(venue, "BTC/USDT:USDT"), facts.open_interest_of(venue).step
    spoiling(monkeypatch, lambda n, at: at[: len(at) // 2] if n == 1 else at[-1:] if n == 3 else at)
    receipts = fill(lake, sandbox, market)
    rows = lake.read(Series("open_interest", venue))
    assert column(rows, "counted_at").tolist() == list(range(REACHED[venue], instant(NOW), step))
    assert receipts[0].failures == ()


@pytest.mark.parametrize("venue", REACHED)
def test_what_two_answers_agree_is_not_there_stays_absent_and_is_not_asked_for_again(
    venue: str, lake: Lake, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    step = facts.open_interest_of(venue).step
    hole = [instant("2026-03-10") + step, instant("2026-03-10") + 2 * step]
    sent = spoiling(monkeypatch, lambda n, at: at[~np.isin(at, hole)])
    market = Market(venue, "BTC/USDT:USDT")
    fill(lake, sandbox, market)
    held = column(lake.read(Series("open_interest", venue)), "counted_at").tolist()
    assert held == [at for at in range(REACHED[venue], instant(NOW), step) if at not in hole]
    before = len(sent)
    fill(lake, sandbox, market)
    assert len(sent) - before <= 1


def test_what_came_of_a_page_that_fails_later_on_is_kept_and_only_the_rest_is_asked_for_again(
    lake: Lake, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    market, hole = Market("bybit", "BTC/USDT:USDT"), instant("2026-02-03")
    with monkeypatch.context() as patch:
        spoiling(patch, lambda n, at: at[at != hole] if n == 1 else at - 10**10 if n <= 1 + QUICK.tries else at)
        patch.setattr(open_interest, "client", partial(client, patience=QUICK))
        (why,) = fill(lake, sandbox, market)[0].failures
    assert "all 1 rows of open interest of BTC/USDT:USDT are outside of" in why
    spent = asked(sandbox)
    fill(lake, sandbox, market)
    held = column(lake.read(Series("open_interest", "bybit")), "counted_at")
    assert held.tolist() == list(range(REACHED["bybit"], instant(NOW), HOUR))
    assert asked(sandbox) - spent == 1


@pytest.mark.parametrize("venue", REACHED)
def test_a_venue_that_passes_over_the_time_asked_for_is_an_error_and_nothing_but_its_rows_counts_as_answered(
    venue: str, lake: Lake, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    step = facts.open_interest_of(venue).step
    newest = np.arange(instant(NOW) // step - 30, instant(NOW) // step + 1) * step
    spoiling(monkeypatch, lambda n, at: newest)
    monkeypatch.setattr(open_interest, "client", partial(client, patience=QUICK))
    receipts = fill(lake, sandbox, Market(venue, "BTC/USDT:USDT"))
    pages = -(-(instant(NOW) - REACHED[venue]) // (facts.open_interest_of(venue).page_limit * step))
    assert [why for why in receipts[0].failures if "are outside of" in why] == list(receipts[0].failures)
    assert len(receipts[0].failures) == pages, "of the newest page too, whose earlier rows do not come"
    assert column(lake.read(Series("open_interest", venue)), "counted_at").tolist() == newest.tolist()
    said = [one.window for _, one in lake.evidence(Series("open_interest", venue)) if one.digest]
    assert said == [Window(int(newest[0]), int(newest[-1]) + step)]


def test_a_venue_without_a_history_says_that_it_begins_at_the_first_capture(lake: Lake, sandbox: Sandbox):
    assert [venue for venue in ("binance", "bitfinex", "bybit", "gate", "okx") if not is_served(venue)] == [
        "bitfinex",
        "okx",
    ]
    with pytest.raises(ConfigError) as caught:
        fill(lake, sandbox, Market("okx", "BTC/USDT:USDT"))
    assert "begins at the first capture" in str(caught.value.hint)
