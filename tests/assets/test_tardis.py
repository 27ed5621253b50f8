"""``tardis/history``: what Tardis recorded comes into the lake with a click, and a run that could not have all of it says so."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import dagster as dg
import pytest

from assets.tardis import tardis_history
from qmd_platform.config import lake_root
from qmd_platform.errors import ConfigError, Refused
from qmd_platform.ingest import tardis_files
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Series
from qmd_platform.sandbox.server import running
from qmd_platform.sandbox.tardis import KEY
from resources.lake import LakeResource
from resources.venues import VenuesResource
from tests.venues.asking import QUICK


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(now="2026-11-20T12:00:00Z") as address:
        yield address


@pytest.fixture(autouse=True)
def without_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TARDIS_API_KEY", "TARDIS_MACHINE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tardis_files, "PATIENCE", QUICK)


def run(url: str, home: Path, **config: Any) -> dg.ExecuteInProcessResult:
    resources = {"lake": LakeResource(home=str(home)), "venues": VenuesResource(url=url)}
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [tardis_history],
            instance=instance,
            resources=resources,
            run_config={"ops": {"tardis__history": {"config": config}}},
            raise_on_error=False,
        )


def told(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = result.asset_materializations_for_node("tardis__history")
    return {name: value.value for name, value in event.metadata.items()}


def error(result: dg.ExecuteInProcessResult) -> tuple[str | None, str]:
    assert not result.success
    said = result.failure_data_for_node("tardis__history").error
    assert said
    cause = said.cause or said
    return cause.cls_name, cause.message


def test_a_free_day_of_a_market_is_brought_in_and_told(url: str, tmp_path: Path):
    result = run(url, tmp_path, market="kraken:BTC/USD", start="2026-11-01", end="2026-11-02")
    assert result.success
    metadata = told(result)
    with Lake.open(lake_root(tmp_path)) as lake:
        rows = len(lake.candles(Series.parse("kraken:BTC/USD:1m")))
    assert metadata["candles_1m: new rows"] == rows > 500
    assert metadata["candles_1m: rows that came in"] >= metadata["candles_1m: used"] >= rows
    assert (tmp_path / "tardis/v1/kraken/trades/2026/11/01/BTC-USD.csv.gz").is_file()
    assert metadata["candles_1m: minutes without a candle"] == 1440 - rows
    (check,) = result.get_asset_check_evaluations()
    assert check.passed


def test_a_row_that_is_refused_fails_the_check_with_its_line(url: str, tmp_path: Path):
    name = "v1/kraken/trades/2026/11/01/BTC-USD.csv.gz"
    with urlopen(f"{url}/{name}") as answer:  # noqa: S310 - the sandbox on loopback
        lines = gzip.decompress(answer.read()).splitlines(keepends=True)
    cells = lines[50].split(b",")
    path = tmp_path / "tardis" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(b"".join([*lines[:50], b",".join([*cells[:6], b"0", *cells[7:]]), *lines[51:]])))
    result = run(url, tmp_path, market="kraken:BTC/USD", start="2026-11-01", end="2026-11-02")
    (check,) = result.get_asset_check_evaluations()
    assert (result.success, check.passed) == (True, False)
    assert "BTC-USD.csv.gz line 51: price 0.0 is not above 0" in str(check.metadata["which"].value)


def test_a_contracts_states_come_by_the_same_click(url: str, tmp_path: Path):
    day = {"start": "2026-11-01", "end": "2026-11-02"}
    result = run(url, tmp_path, market="okx:BTC/USDT:USDT", type="derivative_ticker", every_minutes=60, **day)
    assert (told(result)["funding_predictions: new rows"], told(result)["open_interest: new rows"]) == (24, 24)


def test_a_machine_is_asked_where_the_settings_name_one(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TARDIS_MACHINE_URL", url)
    hour = {"start": "2026-11-02T00:00Z", "end": "2026-11-02T01:00Z"}
    assert told(run(url, tmp_path, market="kraken:BTC/USD", **hour))["candles_1m: new rows"] > 50
    assert not (tmp_path / "tardis").exists()


def test_a_day_that_needs_a_key_fails_the_run_and_names_the_setting(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked = {"market": "kraken:BTC/USD", "start": "2026-11-02", "end": "2026-11-03"}
    name, message = error(run(url, tmp_path, **asked))
    assert name == Refused.__name__
    assert "TARDIS_API_KEY" in message
    monkeypatch.setenv("TARDIS_API_KEY", "wrong-secret")
    assert "wrong-secret" not in error(run(url, tmp_path, **asked))[1]
    monkeypatch.setenv("TARDIS_API_KEY", KEY)
    assert run(url, tmp_path, **asked).success


def test_what_is_no_market_and_no_time_is_refused(url: str, tmp_path: Path):
    assert error(run(url, tmp_path, market="kraken BTC", start="2026-11-01"))[0] == ConfigError.__name__
    assert error(run(url, tmp_path, market="kraken:BTC/USD", start="yesterday"))[0] == ConfigError.__name__
    states = {"market": "okx:BTC/USDT:USDT", "type": "derivative_ticker", "start": "2026-11-01", "machine": url}
    assert error(run(url, tmp_path, **states))[0] == ConfigError.__name__
