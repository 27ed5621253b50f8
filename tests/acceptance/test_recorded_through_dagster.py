"""A recorded year through Dagster: replay, ccxt, ingest, rollups, and the check that names the broken candles."""

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from qmd_platform.config import load_universe
from qmd_platform.definitions import build_definitions
from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe, timeframe
from qmd_platform.model.window import instant, iso
from qmd_platform.sandbox.server import running
from sensors.universe import align
from tests.acceptance.recordings import recorded_candles

pytestmark = [pytest.mark.shared, pytest.mark.slow]

MARKET = Market("gate", "BTC/USDT:USDT")
CONTRACTS_IN_BASE = 10_000
UNIVERSE = """
start = "2023-01-01"
timeframes = ["1h", "4h", "1d"]

[venues.gate]
markets = ["BTC/USDT:USDT"]
base = "5m"
native = ["15m"]
"""


def in_base(recorded: Candles) -> Candles:
    volume = recorded.volume / CONTRACTS_IN_BASE
    return Candles(recorded.open_at, recorded.open, recorded.high, recorded.low, recorded.close, volume)


@pytest.fixture(scope="module")
def recording(shared_data: Path) -> Path:
    return shared_data / "gate_perp_2023"


@pytest.fixture(scope="module")
def outcome(
    recording: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dg.ExecuteInProcessResult, Lake]]:
    """Nine months of Gate's BTC perpetual, run through Dagster once for all tests."""
    home = tmp_path_factory.mktemp("gate")
    (home / "universe.toml").write_text(UNIVERSE)
    entries = [
        f'[[series]]\nvenue = "gate"\nmarket = "{MARKET.symbol}"\ntable = "candles"\ntimeframe = "{step}"\n'
        f'file = "{recording}/BTC_USDT_USDT-{step}-futures.feather"\n'
        for step in ("5m", "15m")
    ]
    (home / "replay.toml").write_text("\n".join(entries))
    universe = load_universe(home / "universe.toml")
    definitions = build_definitions(universe)
    tags = {
        "dagster/asset_partition_range_start": f"{MARKET.slug}|2023-01",
        "dagster/asset_partition_range_end": f"{MARKET.slug}|2023-09",
    }
    with (
        running(now=instant("2023-09-22T09:30:03Z"), replay=home) as url,
        pytest.MonkeyPatch.context() as patch,
        dg.DagsterInstance.local_temp(str(home), {"telemetry": {"enabled": False}}) as instance,
    ):
        patch.setenv("QMD_HOME", str(home))
        patch.setenv("QMD_VENUE_URL", url)
        align(instance, universe)
        job = definitions.resolve_job_def("gate_candles")
        result = job.execute_in_process(instance=instance, tags=tags)
        lake = Lake.open(home / "lake")
        yield result, lake
        lake.close()


@pytest.mark.parametrize("step", ["5m", "15m"])
def test_what_was_recorded_is_what_the_lake_holds(
    outcome: tuple[dg.ExecuteInProcessResult, Lake], recording: Path, step: str
):
    ours = outcome[1].candles(Series.candles(MARKET, timeframe(step)))
    assert ours.equals(in_base(recorded_candles(recording / f"BTC_USDT_USDT-{step}-futures.feather")))


@pytest.mark.parametrize("step", [Timeframe.H1, Timeframe.H4, Timeframe.D1])
def test_the_rolled_up_candles_are_the_venues_own(
    outcome: tuple[dg.ExecuteInProcessResult, Lake], recording: Path, step: Timeframe
):
    ours = outcome[1].candles(Series.candles(MARKET, step))
    theirs = in_base(recorded_candles(recording / f"BTC_USDT_USDT-{step.value}-futures.feather"))
    assert ours.equals(theirs.take(slice(0, len(ours))))
    assert len(theirs) == len(ours)


def test_the_check_names_the_25_candles_broken_at_every_thousandth_row(
    outcome: tuple[dg.ExecuteInProcessResult, Lake], recording: Path
):
    evaluations = outcome[0].get_asset_check_evaluations()
    failed = [one for one in evaluations if not one.passed and one.severity is dg.AssetCheckSeverity.ERROR]
    assert {(one.asset_key.path[-1], one.check_name) for one in failed} == {("candles_15m", "agrees_with_shorter")}
    assert sum(int(str(one.metadata["offenders"].value)) for one in failed) == 25
    months = sorted(failed, key=lambda one: str(one.partition))
    assert [one.partition for one in months] == [f"{MARKET.slug}|2023-0{month}" for month in range(1, 10)]
    records = [record for one in months for record in one.metadata["offending rows"].records]
    named = [json.loads(str(record.data["offender"]))["open_at"] for record in records]
    broken = recorded_candles(recording / "BTC_USDT_USDT-15m-futures.feather").open_at[999::1000]
    assert named == [iso(int(at)) for at in broken]


def test_nothing_else_is_warned_of(outcome: tuple[dg.ExecuteInProcessResult, Lake]):
    evaluations = outcome[0].get_asset_check_evaluations()
    warned = [one for one in evaluations if not one.passed and one.severity is dg.AssetCheckSeverity.WARN]
    assert [(one.asset_key.path[-1], one.check_name, one.partition) for one in warned] == []
