"""Recorded funding in, the same funding out: through replay, real sockets, ccxt and ingest into the lake.

Compared is what a second collector wrote of the same settlements, never the file that was served.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.ingest.funding import fill_funding
from qmd_platform.ingest.funding_checks import checked_funding
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.window import Window, instant, iso, months
from qmd_platform.sandbox.server import running
from tests.funding.making import recorded_funding

pytestmark = pytest.mark.shared

NOW = "2025-08-01T00:00:00Z"
UTC_PLUS_3 = timezone(timedelta(hours=3))
GATE = "gate:BTC/USDT:USDT"
BINANCE = "binance:BTC/USDT:USDT"
BYBIT = "bybit:BTC/USDT:USDT"
Rates = dict[int, float]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with Lake.open(tmp_path / "lake") as opened:
        yield opened


def ingested(lake: Lake, market: str, file: Path, start: str, end: str) -> list[dict[str, object]]:
    """The lake's rows of ``market``, whose venue served the rows of ``file``."""
    filled(lake, market, file, start, end)
    return lake.read(Series.funding(Market.parse(market))).to_pylist()


def filled(lake: Lake, market: str, file: Path, start: str, end: str) -> dict[str, Receipt]:
    """The receipts by month of bringing ``file`` into the lake."""
    venue, _, symbol = market.partition(":")
    entry = {"venue": venue, "market": symbol, "table": "funding_rates", "file": str(file)}
    folder = lake.place.root.parent
    (folder / "replay.toml").write_text(
        "[[series]]\n" + "\n".join(f"{name} = {json.dumps(value)}" for name, value in entry.items())
    )
    of = Series.funding(Market.parse(market))
    with running(now=NOW, replay=folder) as url:
        partitions = [Partition(of, one) for one, _ in months(Window.of(start, end))]
        return {one.partition.month: one for one in fill_funding(lake, partitions, run_id="r", url=url)}


def rates(rows: Iterable[dict[str, object]]) -> Rates:
    """Rates by the instant of their settlement."""
    return {round(row["settled_at"].timestamp() * 1000): row["rate"] for row in rows}


def history(data: Path, venue: str, zone: timezone | ZoneInfo) -> Rates:
    """A file of ``funding_multi_venue``, its wall clock taken to be that of ``zone``; stamps to the minute."""
    (path,) = (data / "funding_multi_venue").glob(f"BTC-USDT_{venue}_*.csv")
    with path.open(newline="") as file:
        return {ms_of(when, zone): float(rate) for _, when, rate in list(csv.reader(file))[1:]}


def in_london(data: Path, venue: str) -> Rates:
    """The third collector's rows of a venue's BTC perpetual: London's wall clock."""
    with (data / "spot_perp_8h_3venues/all_exchanges.csv").open(newline="") as file:
        return {
            ms_of(row["time"], ZoneInfo("Europe/London")): float(row["funding rate"])
            for row in csv.DictReader(file)
            if (row["exchange"], row["contract"], row["pair"]) == (venue, "perpetual", "BTCUSDT")
        }


def ms_of(wall: str, zone: timezone | ZoneInfo) -> int:
    return round(datetime.fromisoformat(wall).replace(tzinfo=zone).timestamp() / 60) * 60_000


def written(path: Path, rows: Rates) -> Path:
    """The rows as a file that replay reads."""
    lines = [f"{iso(at)},{rate!r},0,0,0,0" for at, rate in rows.items()]
    path.write_text("\n".join(["date,open,high,low,close,volume", *lines]) + "\n")
    return path


def of_2023(found: Rates) -> Rates:
    year = Window.of("2023-01-01", "2024-01-01")
    return {at: rate for at, rate in found.items() if year.contains(at)}


def suspects(rows: Iterable[dict[str, object]]) -> list[str]:
    return [f"{row['settled_at']:%Y-%m-%d %H:%M}" for row in rows if row["is_suspect"]]


def hours(rows: Iterable[dict[str, object]]) -> set[float]:
    return {row["interval_hours"] for row in rows}


def test_gates_funding_equals_a_second_collectors_793_of_793(shared_data: Path, lake: Lake):
    file = shared_data / "gate_perp_2023/BTC_USDT_USDT-8h-funding_rate.feather"
    ours = rates(ingested(lake, GATE, file, "2023-01-01", "2023-10-01"))
    theirs = history(shared_data, "gate", UTC)
    assert sum(theirs.get(at) == rate for at, rate in ours.items()) == len(ours) == 793


@pytest.mark.parametrize(("market", "venue"), [(BINANCE, "binance"), (BYBIT, "bybit")])
def test_binance_and_bybit_of_one_collector_equal_another_ones_1095_of_1095(
    shared_data: Path, lake: Lake, tmp_path: Path, market: str, venue: str
):
    file = written(tmp_path / "a.csv", of_2023(history(shared_data, venue, UTC_PLUS_3)))
    ours = rates(ingested(lake, market, file, "2023-01-01", "2024-01-01"))
    assert ours == of_2023(in_london(shared_data, venue))
    assert len(ours) == 1095


def test_bybits_of_2024_equal_the_londoners_until_these_end(shared_data: Path, lake: Lake):
    file = shared_data / "bybit_perp_2024/BTC_USDT_USDT-8h-funding_rate.json"
    ours = rates(ingested(lake, BYBIT, file, "2024-05-01", "2024-09-01"))
    theirs = in_london(shared_data, "bybit")
    both = [at for at in ours if at in theirs]
    assert len(ours) == 300
    assert (both[0], both[-1]) == (min(ours), max(theirs))
    assert [ours[at] for at in both] == [theirs[at] for at in both]


def test_binances_late_stamps_are_the_minute_they_belong_to(shared_data: Path, lake: Lake):
    file = shared_data / "binance_perp_2025/BTC_USDT_USDT-8h-funding_rate.feather"
    rows = ingested(lake, BINANCE, file, "2025-03-01", "2025-07-01")
    assert len(rows) == 266
    assert {at % (8 * 3_600_000) for at in rates(rows)} == {0}
    assert hours(rows) == {8.0}


def test_layer_is_read_at_4_hours_before_2025_05_06_and_at_1_from_then_on(shared_data: Path, lake: Lake):
    file = shared_data / "binance_perp_2025/LAYER_USDT_USDT-8h-funding_rate.feather"
    rows = ingested(lake, "binance:LAYER/USDT:USDT", file, "2025-03-01", "2025-07-01")
    edge = instant("2025-05-06T08:00:00Z")
    assert len(rows) == 984
    assert not suspects(rows)
    for row in rows:
        assert row["interval_hours"] == (4.0 if row["settled_at"].timestamp() * 1000 <= edge else 1.0)


def test_hyperliquid_went_from_8_hours_to_1_on_2023_06_08_and_its_missing_hours_are_suspects(
    shared_data: Path, lake: Lake, tmp_path: Path
):
    """Served as Binance would, to its eight decimals: the sandbox plays no Hyperliquid."""
    recorded = recorded_funding(shared_data / "hyperliquid_perp/BTC_USDC_USDC-1h-funding_rate.feather")
    pairs = zip(recorded.settled_at.tolist(), recorded.rate.tolist(), strict=True)
    file = written(tmp_path / "a.csv", {at: round(rate, 8) for at, rate in pairs})
    rows = ingested(lake, "binance:BTC/USDC:USDC", file, "2023-05-01", "2025-08-01")
    edge = instant("2023-06-08T00:00:00Z")
    assert len(rows) == 18778
    for row in rows:
        assert row["interval_hours"] == (8.0 if row["settled_at"].timestamp() * 1000 <= edge else 1.0)
    assert suspects(rows) == ["2023-07-02 21:00", "2023-08-23 21:00", "2024-08-15 14:00"]


def test_trbs_3_missing_settlements_are_flagged_and_its_interval_stays_4_hours(shared_data: Path, lake: Lake):
    file = shared_data / "bybit_perp_2024/TRB_USDT_USDT-8h-funding_rate.json"
    rows = ingested(lake, "bybit:TRB/USDT:USDT", file, "2024-06-01", "2024-09-01")
    assert (len(rows), hours(rows)) == (399, {4.0})
    assert suspects(rows) == ["2024-07-07 08:00"]
    july = Partition(Series.funding(Market.parse("bybit:TRB/USDT:USDT")), "2024-07")
    (said,) = [one for one in checked_funding(lake, july) if one.rule == "no_settlement_missing"]
    assert (said.passed, said.offenders) == (False, 1)
    assert json.loads(said.sample)[0]["missing_before"] == 3


def test_gates_93_missing_settlements_are_flagged_and_no_longer_interval(shared_data: Path, lake: Lake, tmp_path: Path):
    theirs = history(shared_data, "gate", UTC)
    part = {at: rate for at, rate in theirs.items() if instant("2020-10-01") <= at < instant("2021-02-01")}
    receipts = filled(lake, GATE, written(tmp_path / "a.csv", part), "2020-10-01", "2021-02-01")
    assert {month: one.summary.missing for month, one in receipts.items() if one.summary.missing} == {"2021-01": 93}
    rows = lake.read(Series.funding(Market.parse(GATE))).to_pylist()
    assert rates(rows) == part
    assert hours(rows) == {8.0}
    assert suspects(rows) == ["2021-01-01 00:00"]


@pytest.mark.parametrize(
    ("market", "file", "count"),
    [
        ("gate:ZKJ/USDT:USDT", "gate_perp_2024-08/ZKJ_USDT_USDT-8h-funding_rate.feather", 31),
        ("bybit:TRB/USDT:USDT", "bybit_perp_2024/TRB_USDT_USDT-8h-funding_rate.json", 399),
    ],
)
def test_a_contract_that_settles_every_4_hours_in_a_file_named_8h_is_read_as_4(
    shared_data: Path, lake: Lake, market: str, file: str, count: int
):
    rows = ingested(lake, market, shared_data / file, "2024-06-01", "2024-09-01")
    assert (len(rows), hours(rows)) == (count, {4.0})


@pytest.mark.parametrize("base", ["ALCX", "BTC", "ETH", "SOL"])
def test_those_that_settle_every_8_hours_are_read_as_8(shared_data: Path, lake: Lake, base: str):
    file = shared_data / f"gate_perp_2024-08/{base}_USDT_USDT-8h-funding_rate.feather"
    rows = ingested(lake, f"gate:{base}/USDT:USDT", file, "2024-08-01", "2024-09-01")
    assert (len(rows), hours(rows), suspects(rows)) == (31, {8.0}, [])


@pytest.mark.parametrize("venue", ["binance", "bybit", "htx"])
def test_times_without_a_zone_are_refused_before_anything_is_served(
    shared_data: Path, lake: Lake, tmp_path: Path, venue: str
):
    (path,) = (shared_data / "funding_multi_venue").glob(f"BTC-USDT_{venue}_*.csv")
    with path.open(newline="") as file:
        lines = [f"{when},{rate},0,0,0,0" for _, when, rate in list(csv.reader(file))[1:5]]
    (tmp_path / "a.csv").write_text("\n".join(["date,open,high,low,close,volume", *lines]))
    with pytest.raises(ConfigError, match="no time zone"):
        ingested(lake, BINANCE, tmp_path / "a.csv", "2021-01-01", "2021-02-01")
