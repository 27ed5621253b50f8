"""The two accounts every fault test settles: what the lake holds against the truth, and what came in against what is
told of it.

What lives here: a sandbox and a lake side by side, and the assertions. What does not: any fault.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qmd_platform.ingest.asking import Asking
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Series
from qmd_platform.model.spans import State, in_state, subtracted, united, windows_of
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.faultfile import Faults
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.sandbox.universe import OMITS_EMPTY

NOW = "2026-03-05T12:00:30Z"
WINDOW = Window.of("2026-03-04", NOW)
CLOSED = Window.of("2026-03-04", "2026-03-05T12:00:00Z")
"""The part of ``WINDOW`` whose candles are closed at ``NOW``."""

SPOT = Market("binance", "BTC/USDT")
USDM = Market("binance", "BTC/USDT:USDT")
GATE = Market("gate", "ETH/USDT")
GATE_PERPETUAL = Market("gate", "ETH/USDT:USDT")
BITFINEX = Market("bitfinex", "BTC/USD")
OKX = Market("okx", "BTC/USDT")
BYBIT = Market("bybit", "ETH/USDT:USDT")
KRAKEN = Market("kraken", "BTC/USD")
MARKETS = (SPOT, USDM, GATE, GATE_PERPETUAL, BITFINEX, OKX, BYBIT)
"""One of each wire format, but for Kraken's, which serves the newest candles only."""

Fault = Mapping[str, object]


@dataclass
class Played:
    """A lake that is filled from a sandbox, and all receipts so far."""

    lake: Lake
    sandbox: Sandbox
    receipts: list[Receipt] = field(default_factory=list)

    def fill(
        self,
        markets: Sequence[Market] = MARKETS,
        window: Window = WINDOW,
        timeframe: Timeframe = Timeframe.M1,
        *,
        tail: int = 0,
        again: tuple[Window, ...] = (),
    ) -> list[Receipt]:
        """One more backfill over the socket; the archive is left out, so that every candle comes through the fault."""
        asking = Asking(tail=tail, again=again, archive=False)
        receipts = backfill(
            self.lake,
            markets,
            timeframe,
            window,
            run_id=f"run-{len(self.receipts)}",
            url=self.sandbox.url,
            asking=asking,
        )
        self.receipts += receipts
        return receipts

    def held(self, market: Market, timeframe: Timeframe = Timeframe.M1) -> Candles:
        """All candles the lake holds of ``market``."""
        return self.lake.candles(Series.candles(market, timeframe))

    def truth(self, market: Market, window: Window = WINDOW, timeframe: Timeframe = Timeframe.M1) -> Candles:
        """What it ought to hold."""
        return self.sandbox.truth(market, timeframe, window)

    def windows(self, market: Market, state: State, window: Window = CLOSED) -> list[Window]:
        """The windows the lake calls ``state``."""
        return united(in_state(self.lake.coverage(Series.candles(market, Timeframe.M1), window), state))

    def assert_true(self, markets: Sequence[Market] = MARKETS, window: Window = CLOSED) -> None:
        """The lake holds exactly the truth, and says so of every single candle."""
        for market in markets:
            true = self.truth(market, window)
            assert self.held(market).equals(true), market
            present = windows_of(true.open_at, Timeframe.M1.step)
            told = window
            if market.venue in OMITS_EMPTY and len(true) and window.end == CLOSED.end:
                # Nothing is said yet of silent minutes that nothing has followed.
                told = Window(window.start, int(true.open_at[-1]) + Timeframe.M1.step)
            assert self.windows(market, State.PRESENT, window) == united(present), market
            assert self.windows(market, State.VERIFIED_EMPTY, window) == subtracted([told], present), market

    def pages(self, market: Market) -> list[dict[str, Any]]:
        """The requests that asked for candles of ``market`` to keep; not those for its oldest one, years before."""
        lines: list[dict[str, Any]] = self.sandbox.requests()
        mine = (line for line in lines if line.get("market") == str(market))
        return [line for line in mine if (line["start"] or 0) > CLOSED.start - Timeframe.D1.step]

    def assert_conserved(self, markets: Sequence[Market] = MARKETS) -> None:
        """Every row the sandbox sent is in a receipt, once."""
        for market in markets:
            sent = sum(line["rows"] for line in self.pages(market))
            assert sent == sum(came_in(one) for one in self.receipts if one.partition.series.market == market), market


def came_in(receipt: Receipt) -> int:
    """All rows a receipt accounts for."""
    stored = receipt.new + receipt.changed + receipt.unchanged
    return stored + receipt.quarantined + receipt.duplicates + receipt.refused


@contextmanager
def playing(folder: Path, faults: Faults | None = None, *, now: str = NOW) -> Iterator[Played]:
    """A fresh lake beside a sandbox that stands still at ``now``."""
    with serving(now=instant(now), faults=faults) as sandbox, Lake.open(folder / "lake") as lake:
        yield Played(lake, sandbox)
