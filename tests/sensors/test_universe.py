"""The universe sensor: Dagster's market partitions are the universe file's, whatever is edited."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from sensors.universe import align, differences, universe_sensor
from tests.graph import TWO_VENUES, universe_in


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def tick(instance: dg.DagsterInstance, folder: Path) -> dg.SensorResult | dg.SkipReason:
    """One tick of the sensor of the definitions as they were first loaded."""
    with dg.build_sensor_context(instance=instance) as context:
        return universe_sensor(universe_in(folder))(context)


def requests(result: dg.SensorResult | dg.SkipReason) -> set[tuple[str, str, str]]:
    assert isinstance(result, dg.SensorResult)
    return {
        ("add" if isinstance(request, dg.AddDynamicPartitionsRequest) else "delete", request.partitions_def_name, key)
        for request in result.dynamic_partitions_requests or ()
        for key in request.partition_keys
    }


def test_on_a_fresh_instance_the_first_tick_adds_every_market(instance: dg.DagsterInstance, tmp_path: Path):
    assert requests(tick(instance, tmp_path)) == {
        ("add", "binance_markets", "binance~BTC-USDT"),
        ("add", "binance_markets", "binance~ETH-USDT_USDT"),
        ("add", "binance_perpetuals", "binance~ETH-USDT_USDT"),
        ("add", "bitfinex_markets", "bitfinex~BTC-USD"),
    }


def test_a_tick_with_nothing_to_do_says_so(instance: dg.DagsterInstance, tmp_path: Path):
    align(instance, universe_in(tmp_path))
    result = tick(instance, tmp_path)
    assert isinstance(result, dg.SkipReason)
    assert "universe file" in str(result.skip_message)


def test_an_edit_of_the_file_is_seen_at_the_next_tick_without_reloading(instance: dg.DagsterInstance, tmp_path: Path):
    sensor = universe_sensor(universe_in(tmp_path))
    align(instance, universe_in(tmp_path))
    universe_in(tmp_path, TWO_VENUES.replace("ETH/USDT:USDT", "SOL/USDT"))
    with dg.build_sensor_context(instance=instance) as context:
        assert requests(sensor(context)) == {
            ("add", "binance_markets", "binance~SOL-USDT"),
            ("delete", "binance_markets", "binance~ETH-USDT_USDT"),
            ("delete", "binance_perpetuals", "binance~ETH-USDT_USDT"),
        }


def test_a_venue_taken_out_of_the_file_loses_its_partitions(instance: dg.DagsterInstance, tmp_path: Path):
    sensor = universe_sensor(universe_in(tmp_path))
    align(instance, universe_in(tmp_path))
    fewer = universe_in(tmp_path, TWO_VENUES.partition("[venues.bitfinex]")[0])
    with dg.build_sensor_context(instance=instance) as context:
        assert requests(sensor(context)) == {("delete", "bitfinex_markets", "bitfinex~BTC-USD")}
    align(instance, fewer)
    assert instance.get_dynamic_partitions("bitfinex_markets") == []


def test_a_bad_edit_fails_the_tick_with_file_and_line_and_changes_nothing(instance: dg.DagsterInstance, tmp_path: Path):
    sensor = universe_sensor(universe_in(tmp_path))
    align(instance, universe_in(tmp_path))
    path = tmp_path / "universe.toml"
    path.write_text(TWO_VENUES.replace("[venues.bitfinex]", "[venues.bitfinesse]"), encoding="utf-8")
    with dg.build_sensor_context(instance=instance) as context, pytest.raises(ConfigError) as refused:
        sensor(context)
    assert f"{path}, line 9" in str(refused.value)
    assert "bitfinex" in str(refused.value)
    assert set(instance.get_dynamic_partitions("bitfinex_markets")) == {"bitfinex~BTC-USD"}


def test_aligning_leaves_no_difference_and_keeps_what_is_right(instance: dg.DagsterInstance, tmp_path: Path):
    instance.add_dynamic_partitions("binance_markets", ["binance~GONE-USDT", "binance~BTC-USDT"])
    universe = universe_in(tmp_path)
    align(instance, universe)
    assert differences(instance, universe) == []
    slugs = [market.slug for market in universe.markets if market.venue == "binance"]
    assert sorted(instance.get_dynamic_partitions("binance_markets")) == sorted(slugs)
    assert Market.from_slug(slugs[0]) in universe.markets
