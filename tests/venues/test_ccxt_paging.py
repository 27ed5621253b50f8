"""What ccxt's own ``paginate=True`` loses of funding, to the row, and that nothing of it is lost here.

It steps eight hours a row whatever the contract settles at, so each page begins after rows that nobody asked for; no error
says so. The shares are those that were published of it. Should a later ccxt lose less, these tests say so: then they go.
"""

import asyncio
from typing import Any

import pytest

from qmd_platform.model.series import Market
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.ccxt_lazy import exchange_class

NOW = instant("2026-11-20T12:34:56Z")
DAY = 86_400_000


@pytest.mark.parametrize(
    ("name", "days", "rows", "share"),
    [
        ("binance:BTC", 720, 2_160, 1.0),
        ("binance:SOL", 720, 4_320, 0.537),
        ("binance:DOGE", 720, 17_280, 0.174),
        ("gate:DOGE", 85, 2_040, 0.49),
    ],
)
def test_ccxts_own_pages_hold_a_share_of_the_rows_and_ours_all_of_them(name: str, days: int, rows: int, share: float):
    market, end = Market.parse(f"{name}/USDT:USDT"), NOW // DAY * DAY
    window = Window(end - days * DAY, end)
    with serving(now=NOW) as sandbox:
        true = sandbox.settlements_truth(market, window)
        stamps, ours = asyncio.run(both(sandbox, market, window))
    theirs = {round(at / 60_000) * 60_000 for at in stamps} & set(true.settled_at.tolist())
    assert len(true) == rows
    assert len(theirs) / rows == pytest.approx(share, abs=6e-4 if share < 1 else 0)
    assert ours.equals(true)


async def both(sandbox: Sandbox, market: Market, window: Window) -> tuple[list[int], Any]:
    """The stamps that ccxt's paging brings, and the settlements that ours does."""
    async with client(market.venue, venue_url=sandbox.url) as asked:
        exchange: Any = asked._exchange._ccxt  # noqa: SLF001 - the very object we ask through
        await asked.listed("perpetual")
        params = {"paginate": True, "paginationCalls": 100, "until": window.end - 1}
        history = exchange_class(market.venue).fetch_funding_rate_history
        found = await history(exchange, market.symbol, window.start, None, params)
        return [row["timestamp"] for row in found], (await asked.funding(market, window)).settlements
