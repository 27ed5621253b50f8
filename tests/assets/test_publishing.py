"""The assets of serving stores, run by Dagster: they load, their checks compare, and without an address they say so."""

from pathlib import Path

import dagster as dg
import pytest

from assets.publishing import publishing_of
from qmd_platform.config import Universe, load_universe
from qmd_platform.errors import ConfigError
from qmd_platform.lake.store import Lake, Write
from resources.lake import LakeResource
from resources.stores import StoresResource
from tests.publish.serving import HOURS, MINUTES, PostgresTarget, candles, filled, put
from tests.servers import fresh_database

UNIVERSE = """
start = "2026-01-01"
timeframes = ["1m", "1h"]
[venues.binance]
base = "1m"
markets = ["BTC/USDT:USDT"]
[venues.gate]
base = "1m"
markets = ["BTC/USDT"]
"""


@pytest.fixture
def universe(tmp_path: Path) -> Universe:
    path = tmp_path / "universe.toml"
    path.write_text(UNIVERSE)
    return load_universe(path)


def run(universe: Universe, home: Path, table: str) -> dg.ExecuteInProcessResult:
    assets, checks = publishing_of(universe)
    key = dg.AssetKey(["postgres", table])
    chosen = (
        [one for one in assets if one.key == key],
        [one for one in checks if key in {spec.asset_key for spec in one.check_specs}],
    )
    resources = {"lake": LakeResource(home=str(home)), "stores": StoresResource()}
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize([*chosen[0], *chosen[1]], instance=instance, resources=resources, raise_on_error=False)


def test_there_is_an_asset_for_each_store_and_table_with_its_sources(universe: Universe):
    assets, checks = publishing_of(universe)
    tables = ["candles_1m", "candles_1h", "funding_rates"]
    assert [one.key.path for one in assets] == [[store, table] for store in ("postgres", "questdb") for table in tables]
    sources = {one.key.path[1]: sorted(key.to_user_string() for key in one.dependency_keys) for one in assets}
    assert sources == {
        "candles_1m": ["binance/candles_1m", "gate/candles_1m"],
        "candles_1h": ["binance/candles_1h", "gate/candles_1h"],
        "funding_rates": ["binance/funding_rates"],
    }
    assert sum(len(list(one.check_specs)) for one in checks) == 12


def test_the_columns_told_are_those_of_the_stores_own_table(universe: Universe):
    assets, _ = publishing_of(universe)
    told = {}
    for one in assets:
        (metadata,) = one.metadata_by_key.values()
        told["/".join(one.key.path)] = metadata["dagster/column_schema"]
    schema = told["postgres/candles_1m"]
    kinds = {name: [(one.name, one.type) for one in told[name].columns][:3] for name in told}
    assert kinds["postgres/candles_1m"] == [("venue", "text"), ("symbol", "text"), ("open_at", "timestamptz")]
    assert kinds["questdb/funding_rates"] == [("venue", "SYMBOL"), ("symbol", "SYMBOL"), ("settled_at", "TIMESTAMP")]
    assert not any(one.constraints.unique for one in schema.columns)
    assert schema.constraints.other == ["key (venue, symbol, open_at)"]


def test_without_an_address_a_run_fails_and_names_the_setting(universe: Universe, tmp_path: Path):
    with Lake.open(tmp_path / "lake") as lake:
        filled(lake)
    result = run(universe, tmp_path, "candles_1h")
    assert not result.success
    error = result.failure_data_for_node("postgres__candles_1h").error
    assert error
    assert (error.cause or error).cls_name == ConfigError.__name__
    assert "QMD_PUBLISH_POSTGRES_URL is not set" in (error.cause or error).message


@pytest.mark.postgres
def test_a_click_loads_what_has_changed_and_the_checks_compare(
    universe: Universe, tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
):
    url = fresh_database(postgres)
    monkeypatch.setenv("QMD_PUBLISH_POSTGRES_URL", url)
    with Lake.open(tmp_path / "lake") as lake:
        filled(lake)
        assert told(run(universe, tmp_path, "candles_1m")) == (3, 0, 59, 59)
        assert told(run(universe, tmp_path, "candles_1m")) == (0, 3, 0, 59)
        put(lake, Write(MINUTES, candles(MINUTES, [7], 3.5).to_arrow()), Write(HOURS, candles(HOURS, [7]).to_arrow()))
        last = run(universe, tmp_path, "candles_1m")
    assert told(last)[0] == 1
    verdicts = {one.check_name: (one.passed, one.metadata) for one in last.get_asset_check_evaluations()}
    assert {name: passed for name, (passed, _) in verdicts.items()} == {"fresh": True, "row_counts": True}
    assert verdicts["row_counts"][1]["rows there"].value == 59
    with PostgresTarget(url).asked() as cursor:
        cursor.execute("DELETE FROM market_data.candles_1m WHERE open_at = '2026-02-01Z'")
    assert told(run(universe, tmp_path, "candles_1m")) == (0, 3, 0, 57)


def verdicts(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {one.check_name: one.passed for one in result.get_asset_check_evaluations()}


def checked(universe: Universe, home: Path) -> dict[str, bool]:
    _, checks = publishing_of(universe)
    key = dg.AssetKey(["postgres", "candles_1m"])
    mine = [one for one in checks if key in {spec.asset_key for spec in one.check_specs}]
    resources = {"lake": LakeResource(home=str(home)), "stores": StoresResource()}
    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.Definitions(
            asset_checks=mine, jobs=[dg.define_asset_job("check", dg.AssetSelection.checks(*mine))], resources=resources
        )
        return verdicts(job.resolve_job_def("check").execute_in_process(instance=instance))


@pytest.mark.postgres
def test_checks_fail_when_they_must_and_not_for_what_a_tail_wrote_a_moment_ago(
    universe: Universe, tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
):
    url = fresh_database(postgres)
    monkeypatch.setenv("QMD_PUBLISH_POSTGRES_URL", url)
    with Lake.open(tmp_path / "lake") as lake:
        filled(lake)
        assert verdicts(run(universe, tmp_path, "candles_1m")) == {"fresh": True, "row_counts": True}
        put(lake, Write(MINUTES, candles(MINUTES, [7, 100], 3.5).to_arrow()))
    assert checked(universe, tmp_path) == {"fresh": True, "row_counts": True}
    with PostgresTarget(url).asked() as cursor:
        cursor.execute("DELETE FROM market_data.candles_1m WHERE open_at = '2026-02-01Z'")
    assert checked(universe, tmp_path) == {"fresh": True, "row_counts": False}
    monkeypatch.setattr("assets.publishing.EXCUSED_S", -60)
    assert checked(universe, tmp_path) == {"fresh": False, "row_counts": False}


def told(result: dg.ExecuteInProcessResult) -> tuple[object, ...]:
    assert result.success
    (event,) = result.asset_materializations_for_node("postgres__candles_1m")
    names = ("months loaded", "months unchanged", "rows sent", "dagster/row_count")
    return tuple(event.metadata[name].value for name in names)
