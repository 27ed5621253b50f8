"""The same with Dagster itself: its webserver and daemon, as ``qmd dev`` starts them, do a read's backfill."""

from pathlib import Path

import pytest

from qmd_platform.config import open_lake
from qmd_platform.errors import DagsterError
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.reader import Sla, Source, read
from qmd_platform.reader.filling import Errand
from qmd_platform.reader.orchestrated import fill
from tests.browser.served import served
from tests.reader.worlds import HOUR, MARKET, NOW, World

UNIVERSE = 'start = "2026-03-01"\ntimeframes = ["5m"]\n[venues.binance]\nmarkets = ["BTC/USDT"]\n'


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_dagster_fills_what_a_read_lacks(played: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "universe.toml").write_text(UNIVERSE)
    played.fails()
    with served(tmp_path, played.sandbox.url, "binance", "candles_5m") as ui:
        monkeypatch.setenv("QMD_DAGSTER_URL", ui.url)
        options = {"home": tmp_path, "now": NOW, "url": played.sandbox.url, "sla": Sla(total_s=240)}
        found = read(f"{MARKET}:5m", HOUR.start, HOUR.end, **options)
        assert found.rows.equals(played.sandbox.truth(MARKET, Timeframe.M5, HOUR))
        assert {(one.source, one.detail) for one in found.provenance.ranges} == {(Source.BACKFILL, "dagster")}
        with open_lake(tmp_path) as lake:
            assert all(not one.run_id.startswith("qmd-read") for one in lake.ledger.versions())
        before_the_universe = Window.of("2025-01-01", "2025-01-02")
        with pytest.raises(DagsterError, match=r"refuses the backfill|ended as"):
            fill(Errand(found.provenance.series, before_the_universe, tmp_path, None), ui.url, 60)
