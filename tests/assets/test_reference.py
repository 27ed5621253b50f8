"""Mark, index, premium and the basis in the UI: only where there are such tables."""

from pathlib import Path

from qmd_platform.definitions import build_definitions
from qmd_platform.model.reference_tables import Reference
from tests.graph import universe_in

TABLES = [wanted.table for wanted in Reference]
FIVE = """
start = "2024-02-01"
timeframes = ["1h"]

[venues.binance]
markets = ["BTC/USDT:USDT"]

[venues.okx]
markets = ["BTC/USDT:USDT"]

[venues.bitfinex]
markets = ["BTC/USDT:USDT"]

[venues.gate]
markets = ["BTC/USDT"]

[venues.kraken]
markets = ["BTC/USD"]
"""


def test_only_venues_that_have_a_table_have_its_asset(tmp_path: Path):
    keys = {key.to_user_string() for key in build_definitions(universe_in(tmp_path, FIVE)).resolve_all_asset_keys()}
    found = {key for key in keys if key.partition("/")[2] in TABLES}
    assert found == {
        *(f"binance/{table}" for table in TABLES),
        *("okx/mark_candles", "okx/index_candles", "bitfinex/mark_candles", "bitfinex/index_candles"),
    }
    assert "arbitrage/basis" in keys
