"""Delistings over real sockets: each venue's own way to say so ends as one fact in the instruments table."""

from pathlib import Path

import pytest

from qmd_platform.ingest.instruments import listed, refresh
from qmd_platform.lake.store import Lake
from qmd_platform.model.window import instant
from qmd_platform.sandbox.server import running

BEFORE, END, AFTER = "2026-11-20T00:00:00Z", "2026-11-20T08:00:00Z", "2026-11-20T12:00:00Z"

STATED = instant(END)
SEEN = instant(AFTER)

MARKETS = {
    "binance:SOL/USDT": SEEN,  # BREAK, without a date
    "binance:SOL/USDT:USDT": STATED,  # deliveryDate
    "bitfinex:SOL/USD": SEEN,  # absent from the list
    "gate:SOL/USDT": STATED,  # delisting_time
    "gate:SOL/USDT:USDT": STATED,  # delisted_time
}


def told(tmp_path: Path, market: str, now: str, *, ends: bool = True) -> int | None:
    """What is known of the market's end after a look at its venue at ``now``."""
    venue, _, symbol = market.partition(":")
    listings = [{"market": market, "delisted_at": END}] if ends else None
    with running(now=now, listings=listings) as url, Lake.open(tmp_path / "lake") as lake:
        refresh(lake, venue, run_id="r", url=url)
        return listed(lake, venue)[symbol][1]


@pytest.mark.parametrize("market", MARKETS)
def test_the_end_of_a_market_is_what_its_venue_states_else_when_its_list_first_showed_it(tmp_path: Path, market: str):
    assert told(tmp_path, market, BEFORE, ends=False) is None
    found = told(tmp_path, market, AFTER)
    assert found is not None
    assert 0 <= found - MARKETS[market] < 60_000
    assert told(tmp_path, market, "2026-11-21T00:00:00Z") == found


@pytest.mark.parametrize("market", MARKETS)
def test_a_market_that_comes_back_has_no_end(tmp_path: Path, market: str):
    assert told(tmp_path, market, BEFORE, ends=False) is None
    assert told(tmp_path, market, AFTER) is not None
    assert told(tmp_path, market, "2026-11-21T00:00:00Z", ends=False) is None
