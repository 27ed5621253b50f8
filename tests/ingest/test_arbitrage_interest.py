"""Open interest in the lake raises LOW_OI from when on it was known, and never before."""

from pathlib import Path

import numpy as np

from qmd_platform.ingest.arbitrage import derive_arbitrage
from qmd_platform.ingest.arbitrage_inputs import INTEREST_LATE_MS
from qmd_platform.ingest.columnar import columnar
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.snapshot_tables import OPEN_INTEREST
from qmd_platform.model.window import instant
from tests.ingest.fundedlake import HOUR, funded, rows

BINANCE, GATE = (Market.parse(f"{venue}:BTC/USDT:USDT") for venue in ("binance", "gate"))
LOW_FROM = instant("2026-03-10T04:00:00Z")


def put_interest(lake: Lake, coins: np.ndarray, at: np.ndarray) -> None:
    text = {name: [value] * len(at) for name, value in (("market", str(GATE)), ("source", "test"))}
    amounts = dict.fromkeys(("contracts", "base", "coins"), coins)
    numbers = {f"open_interest_{name}": column for name, column in amounts.items()}
    quote = {"open_interest_quote": np.full(len(at), np.nan), "is_history": np.ones(len(at), np.bool_)}
    table = columnar(OPEN_INTEREST, {**text, **numbers, **quote, "counted_at": at})
    lake.commit(
        [Write(Partition(Series(OPEN_INTEREST.name, "gate"), "2026-03"), table)], run_id="put", source="sandbox:test"
    )


def flagged(lake: Lake) -> dict[int, bool]:
    """By instant, whether LOW_OI is up."""
    derive_arbitrage(lake, [BINANCE, GATE], ["2026-03"], run_id="r", only=["venue_spreads"])
    return {row["seen_at"]: "LOW_OI" in row["flags"].split() for row in rows(lake, "venue_spreads")}


def test_a_leg_that_little_is_outstanding_of_is_flagged_from_when_that_was_known(tmp_path: Path):
    lake = funded(tmp_path, [BINANCE, GATE])
    assert not any(flagged(lake).values()), "of what nobody knows nothing is said"
    at = np.arange(instant("2026-03-08"), instant("2026-03-12"), HOUR)
    put_interest(lake, np.where(at >= LOW_FROM, 1.0, 1000.0), at)
    found = flagged(lake)
    for seen_at, is_low in found.items():
        is_known = LOW_FROM + INTEREST_LATE_MS <= seen_at <= at[-1] + INTEREST_LATE_MS + 24 * HOUR
        assert is_low == is_known, "a coin is worth tens of thousands, a thousand coins are many"
    assert sum(found.values()) > 5
