"""Market x month, as Dagster counts it."""

from datetime import UTC, datetime

import dagster as dg

from assets.partitions import asked, market_months, markets_of
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe

SYMBOLS = ("BTC/USDT", "BTC/USDT:USDT", "1000PEPE/USDT:USDT", "BTC/USDT:USDT-240329", "BTC/USD:BTC-240329-50000-C")


def test_months_run_from_the_first_one_to_the_current_one():
    months = market_months("binance", "2026-09").get_partitions_def_for_dimension("month")
    found = months.get_partition_keys(current_time=datetime(2026, 11, 21, 5, tzinfo=UTC))
    assert list(found) == ["2026-09", "2026-10", "2026-11"]


def test_the_keys_dagster_makes_of_market_and_month_lead_back_to_the_partitions():
    markets = [Market("binance", symbol) for symbol in SYMBOLS]
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(markets_of("binance").name), [market.slug for market in markets])
        keys = market_months("binance", "2024-02").get_partition_keys(
            current_time=datetime(2024, 2, 9, tzinfo=UTC), dynamic_partitions_store=instance
        )
    partitions = [Partition(Series.candles(market, Timeframe.M1), "2024-02") for market in markets]
    assert [Partition.from_key("candles_1m", str(key)) for key in keys] == partitions
    assert [partition.key for partition in partitions] == [str(key) for key in keys]


def test_a_run_over_a_range_asks_for_every_market_and_month_in_it_of_its_own_table():
    markets, seen = [Market("binance", "BTC/USDT"), Market("binance", "ETH/USDT")], []
    partitions = market_months("binance", "2024-02")

    @dg.asset(
        key=["binance", "candles_5m"],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def probe(context: dg.AssetExecutionContext) -> None:
        seen.extend(asked(context))

    tags = {
        "dagster/asset_partition_range_start": f"{markets[0].slug}|2024-02",
        "dagster/asset_partition_range_end": f"{markets[1].slug}|2024-03",
    }
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(markets_of("binance").name), [market.slug for market in markets])
        assert dg.materialize([probe], instance=instance, tags=tags).success
    series = [Series.candles(market, Timeframe.M5) for market in markets]
    assert sorted(seen) == [Partition(one, month) for one in series for month in ("2024-02", "2024-03")]
