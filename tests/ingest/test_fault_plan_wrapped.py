"""The fault plan at OKX, Bybit and Kraken, whose rows are wrapped in objects, newest first or without an end.

What lives here: ``test_fault_plan``'s first promises at these venues, in the part of the window that Kraken serves.
"""

from pathlib import Path

import pytest

from qmd_platform.model.series import Market
from qmd_platform.model.window import Window
from tests.ingest.accounts import playing
from tests.ingest.test_fault_plan import SOMETIMES, now_and_then

WRAPPED = [
    Market("okx", "ETH/USDT:USDT"),
    Market("bybit", "BTC/USDT"),
    Market("kraken", "BTC/USD"),
]
SERVED = Window.of("2026-03-05T00:10:00Z", "2026-03-05T12:00:00Z")


KINDS = [pytest.param(kind, marks=pytest.mark.slow) if kind == "truncated_json" else kind for kind in SOMETIMES]


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_now_and_then_changes_no_candle_and_loses_no_row(tmp_path: Path, kind: str):
    with playing(tmp_path, now_and_then(kind, WRAPPED, of_one_page=("bybit", "kraken"))) as played:
        for _ in range(3):
            played.fill(WRAPPED, SERVED)
        struck = played.sandbox.figures()["faults"]
        played.assert_true(WRAPPED, SERVED)
    assert struck == {kind: struck[kind]}  # type: ignore[index]  # JSON


@pytest.mark.parametrize("value", ["low_above_high", "negative", "nan"])
def test_a_bad_value_now_and_then_is_kept_apart_and_asked_again(tmp_path: Path, value: str):
    with playing(tmp_path, [{"kind": "bad_values", "value": value, "every": 3}]) as played:
        played.fill(WRAPPED, SERVED)
        played.fill(WRAPPED, SERVED)
        played.assert_true(WRAPPED, SERVED)
