"""The lake's upkeep through Dagster: what it does, what the UI is told, how damage is called damage."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

import assets.lake
from assets.lake import SEAL, VACUUM, VERIFY, seal, vacuum, verify
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from resources.lake import LakeResource

MONTH = Partition(Series.candles(Market.parse("binance:BTC/USDT"), Timeframe.M1), "2024-02")
OTHER = Partition(Series.candles(Market.parse("gate:BTC/USDT"), Timeframe.M1), "2024-02")
DAY = 1440
DRY_RUN = {"ops": {"lake__vacuum": {"config": {"dry_run": True}}}}


def minutes(partition: Partition, day: int, price: float = 100.0) -> Write:
    """A day's candles of one price."""
    first = partition.window.start + day * DAY * 60_000
    open_at = first + np.arange(DAY, dtype=np.int64) * 60_000
    flat = np.full(DAY, price)
    rows = Candles(open_at, flat, flat, flat, flat, np.ones(DAY)).to_arrow()
    return Write(partition, rows, asked=(Window(first, first + DAY * 60_000),))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A lake of a month that came in day by day, the first day twice."""
    with Lake.open(tmp_path / "lake") as lake:
        for write in (minutes(MONTH, 0, 99.0), *(minutes(MONTH, day) for day in range(3)), minutes(OTHER, 0)):
            lake.commit([write], run_id="test", source="live:test")
    return tmp_path


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the upkeep's clock be so many days ahead."""
    start = time.time_ns() // 1_000_000

    def ahead(days: float) -> None:
        monkeypatch.setattr(assets.lake, "_now", lambda: start + round(days * 86_400_000))

    return ahead


def run(asset: dg.AssetsDefinition, home: Path, instance: dg.DagsterInstance, **lake: Any) -> dg.ExecuteInProcessResult:
    resource = LakeResource(home=str(home), **{name: value for name, value in lake.items() if name != "ops"})
    return dg.materialize(
        [asset], resources={"lake": resource}, instance=instance, run_config=lake.get("ops"), raise_on_error=False
    )


def told(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str, Any]:
    """The metadata of the asset's materialization."""
    assert result.success
    (event,) = [event for event in result.get_asset_materialization_events() if event.asset_key == key]
    return {name: value.value for name, value in event.materialization.metadata.items()}


def files(home: Path) -> list[Path]:
    return sorted((home / "lake" / "data").rglob("*.parquet"))


def test_sealing_merges_the_days_of_a_month_that_has_ended_and_says_how_many(home: Path, instance: dg.DagsterInstance):
    with Lake.open(home / "lake") as lake:
        before = lake.candles(MONTH.series).to_arrow()
    said = told(run(seal, home, instance), SEAL)
    assert (said["partitions sealed"], said["files before"], said["files after"]) == (1, 3, 1)
    assert said["rows sealed"] == 3 * DAY
    assert (said["partitions"], said["files"], said["rows"]) == (2, 2, 4 * DAY)
    (row,) = said["sealed"].records
    assert row.data["partition"] == str(MONTH)
    with Lake.open(home / "lake") as lake:
        assert lake.candles(MONTH.series).to_arrow().equals(before)
    assert told(run(seal, home, instance), SEAL)["partitions sealed"] == 0


def test_a_sound_lake_is_proven_sound_and_its_size_told(home: Path, instance: dg.DagsterInstance):
    said = told(run(verify, home, instance), VERIFY)
    assert (said["damaged files"], said["mismatches"], said["orphans"]) == (0, 0, 0)
    assert said["rows"] == 4 * DAY
    assert said["bytes"] > 0
    assert "findings" not in said
    of_tables = [(row.data["venue"], row.data["table"], row.data["rows"]) for row in said["tables"].records]
    assert of_tables == [("binance", "candles_1m", 3 * DAY), ("gate", "candles_1m", DAY)]
    assert sum(row.data["bytes"] for row in said["tables"].records) == said["bytes"]


def test_a_damaged_file_fails_the_run_says_what_to_do_and_leaves_the_list_in_the_ui(
    home: Path, instance: dg.DagsterInstance
):
    damaged = files(home)[-1]
    damaged.write_bytes(damaged.read_bytes()[:-100])
    result = run(verify, home, instance)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "qmd verify --repair" in str(failure.step_failure_data.user_failure_data.description)
    observed = instance.fetch_observations(VERIFY, limit=1).records[0].asset_observation
    assert observed is not None
    metadata = observed.metadata
    assert metadata["damaged files"].value == 1
    (row,) = metadata["findings"].value.records
    assert row.data["kind"] == "damaged"
    assert str(damaged).endswith(str(row.data["file"]))


def test_a_file_no_commit_names_is_counted_and_no_damage(home: Path, instance: dg.DagsterInstance):
    file = files(home)[0]
    file.with_name(f"0-1.{file.name.split('.', 1)[1]}").write_bytes(file.read_bytes())
    said = told(run(verify, home, instance), VERIFY)
    assert (said["damaged files"], said["orphans"]) == (0, 1)
    assert [row.data["kind"] for row in said["findings"].records] == ["orphan"]


def test_a_vacuum_keeps_a_weeks_states_and_then_a_day_of_grace_unless_told_otherwise(
    home: Path, instance: dg.DagsterInstance, later: Callable[[float], None]
):
    before = files(home)
    for day, newly, deleted in ((6, 0, 0), (8, 1, 0), (8.9, 0, 0), (9.1, 0, 1)):
        later(day)
        said = told(run(vacuum, home, instance), VACUUM)
        assert (said["files newly in the trash"], said["files deleted"]) == (newly, deleted), day
        assert len(files(home)) == len(before) - deleted
    assert said["bytes freed"] > 0
    (row,) = said["deleted"].records
    assert set(before) - set(files(home)) == {home / "lake" / "data" / str(row.data["file"])}
    with Lake.open(home / "lake") as lake:
        assert lake.candles(MONTH.series).close[0] == 100.0


def test_a_dry_run_says_what_a_vacuum_would_do_and_other_times_can_be_asked_for(
    home: Path, instance: dg.DagsterInstance, later: Callable[[float], None]
):
    before, soon = files(home), {"keep_days": 0, "grace_hours": 1}
    assert told(run(vacuum, home, instance, **soon), VACUUM)["files newly in the trash"] == 1
    later(0.1)
    said = told(run(vacuum, home, instance, **soon, ops=DRY_RUN), VACUUM)
    assert (said["files deleted"], said["dry run"]) == (1, True)
    assert files(home) == before
    assert told(run(vacuum, home, instance, **soon), VACUUM)["bytes freed"] == said["bytes freed"]
    assert len(files(home)) == len(before) - 1


@pytest.mark.parametrize("wrong", [{"keep_days": -1}, {"grace_hours": 0}])
def test_times_that_would_take_a_readers_files_are_refused(wrong: dict[str, float]):
    with pytest.raises(ValueError, match="greater than or equal to"):
        LakeResource(**wrong)


@pytest.mark.parametrize("asset", [seal, verify, vacuum])
def test_an_empty_lake_is_no_trouble(asset: dg.AssetsDefinition, tmp_path: Path, instance: dg.DagsterInstance):
    assert told(run(asset, tmp_path, instance), asset.key)["rows"] == 0


def test_progress_is_in_the_runs_log(home: Path, instance: dg.DagsterInstance):
    result = run(verify, home, instance)
    messages = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert "verified 2 of 2" in messages
