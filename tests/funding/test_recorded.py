"""Recorded funding: intervals change where they did, what is missing is named, files agree once their zone is declared."""

from pathlib import Path

import numpy as np
import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.funding.annual import simple_apr
from qmd_platform.funding.anomalies import scores
from qmd_platform.funding.cumulative import CumulativeIndex
from qmd_platform.funding.files import Layout, settlements_of_text
from qmd_platform.funding.intervals import changes, intervals
from qmd_platform.funding.suspicions import Kind, checked, errors, flags
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.window import Window, instant, iso
from tests.funding.making import HOUR, recorded_funding

LAYER = "binance_perp_2025/LAYER_USDT_USDT-8h-funding_rate.feather"
HYPERLIQUID = "hyperliquid_perp/BTC_USDC_USDC-1h-funding_rate.feather"
TRB = "bybit_perp_2024/TRB_USDT_USDT-8h-funding_rate.json"
ZKJ = "gate_perp_2024-08/ZKJ_USDT_USDT-8h-funding_rate.feather"
GATE = "gate_perp_2023/BTC_USDT_USDT-8h-funding_rate.feather"
ZONES = {"binance": "+03:00", "bybit": "+03:00", "gate": "UTC", "htx": "+03:00", "kucoin": "+03:00"}
LONDON = {"zone": "Europe/London"}
YEAR = Window.of("2023-01-01", "2024-01-01")


def text_of(data: Path, venue: str) -> str:
    (path,) = (data / "funding_multi_venue").glob(f"BTC-USDT_{venue}_*.csv")
    return path.read_text()


def history(data: Path, venue: str, zone: str | None = None) -> Settlements:
    layout = Layout(at="Date", rate="Funding Rate", zone=zone or ZONES[venue])
    return settlements_of_text(text_of(data, venue), layout, f"{venue}.csv")


def of_three_venues(data: Path, venue: str, zone: str | None = "Europe/London") -> Settlements:
    layout = Layout(
        at="time", rate="funding rate", zone=zone, only={"exchange": venue, "contract": "perpetual", "pair": "BTCUSDT"}
    )
    return settlements_of_text(
        (data / "spot_perp_8h_3venues/all_exchanges.csv").read_text(), layout, "all_exchanges.csv"
    )


def agreeing(one: Settlements, other: Settlements) -> tuple[int, int]:
    """Settlements of both at one minute, and how many of them have the same rate."""
    _, mine, theirs = np.intersect1d(one.settled_at, other.settled_at, return_indices=True)
    return len(mine), int((np.abs(one.rate[mine] - other.rate[theirs]) < 1e-12).sum())


def test_layer_went_from_4_hours_to_1_on_2025_05_06(shared_data: Path):
    rows = recorded_funding(shared_data / LAYER)
    found = intervals(rows)
    assert [(iso(one.at), one.before, one.after) for one in changes(rows, found)] == [
        ("2025-05-06T08:00:00Z", 4.0, 1.0)
    ]
    assert not found.suspect.any()
    capped = rows.settled_at == instant("2025-05-06T09:00:00Z")
    assert simple_apr(rows.rate[capped], found.hours[capped]).tolist() == [-0.02 * 8760]


def test_layers_change_follows_a_rate_at_the_cap(shared_data: Path):
    rows = recorded_funding(shared_data / LAYER)
    (said,) = [one for one in flags(rows, intervals(rows)) if one.kind is Kind.AT_CAP]
    assert [iso(int(rows.settled_at[row])) for row in said.rows] == ["2025-05-06T08:00:00Z", "2025-05-06T09:00:00Z"]


def test_hyperliquid_went_from_8_hours_to_1_on_2023_06_08(shared_data: Path):
    rows = recorded_funding(shared_data / HYPERLIQUID)
    found = intervals(rows)
    assert [(iso(one.at), one.before, one.after) for one in changes(rows, found)] == [
        ("2023-06-08T00:00:00Z", 8.0, 1.0)
    ]


def test_hyperliquids_missing_hours_are_named_and_its_late_stamps_are_not(shared_data: Path):
    rows = recorded_funding(shared_data / HYPERLIQUID)
    found = intervals(rows)
    assert [iso(int(at)) for at in rows.settled_at[found.suspect]] == [
        "2023-07-02T21:00:00Z",
        "2023-08-23T21:00:00Z",
        "2024-08-15T14:00:00Z",
    ]
    assert np.isfinite(found.hours).all()
    late = np.flatnonzero((found.elapsed != found.hours) & ~found.suspect)[1:]
    assert len(late) == 8
    assert np.abs(found.elapsed - found.hours)[late].max() == pytest.approx(0.4, abs=0.01)


def test_trb_settles_every_4_hours_and_its_3_missing_settlements_are_no_16_hours(shared_data: Path):
    rows = recorded_funding(shared_data / TRB)
    found = intervals(rows)
    assert set(found.hours.tolist()) == {4.0}
    assert [iso(int(at)) for at in rows.settled_at[found.suspect]] == ["2024-07-07T08:00:00Z"]
    assert found.missing.sum() == 3
    assert changes(rows, found) == []


def test_a_contract_of_every_4_hours_in_a_file_named_8h_is_read_as_4(shared_data: Path):
    rows = recorded_funding(shared_data / ZKJ)
    found = intervals(rows)
    assert set(found.hours.tolist()) == {4.0}
    assert simple_apr(rows.rate, found.hours) == pytest.approx(np.full(31, 5e-5 * 2190))


def test_gates_93_missing_settlements_of_2020_are_named_and_no_longer_interval(shared_data: Path):
    rows = history(shared_data, "gate")
    found = intervals(rows)
    assert [iso(int(at)) for at in rows.settled_at[found.suspect]] == ["2021-01-01T00:00:00Z"]
    assert found.missing.sum() == 93
    assert set(found.hours.tolist()) == {8.0}
    (said,) = [one for one in flags(rows, found) if one.kind is Kind.SUSPECT_GAP]
    assert "93 settlements seem to be missing in 1 places, first before 2021-01-01T00:00:00Z" in said.sentence


def test_htx_settled_late_and_early_during_incidents_and_that_is_no_change(shared_data: Path):
    rows = history(shared_data, "htx")
    found = intervals(rows)
    assert [iso(int(at)) for at in rows.settled_at[found.suspect]] == ["2021-02-20T08:00:00Z"]
    assert found.missing.sum() == 2
    extra = np.flatnonzero(np.isnan(found.hours))
    assert [iso(int(at)) for at in rows.settled_at[extra]] == ["2021-10-28T03:00:00Z", "2021-10-28T08:00:00Z"]
    assert set(np.delete(found.hours, extra).tolist()) == {8.0}
    assert changes(rows, found) == []


@pytest.mark.parametrize("venue", ["binance", "bybit", "kucoin"])
def test_complete_histories_have_one_interval_and_no_gap(shared_data: Path, venue: str):
    found = intervals(history(shared_data, venue))
    assert set(found.hours.tolist()) == {8.0}
    assert not found.suspect.any()


@pytest.mark.parametrize("venue", sorted(ZONES))
def test_a_recorded_history_without_a_declared_zone_is_refused(shared_data: Path, venue: str):
    with pytest.raises(ConfigError, match="no time zone"):
        settlements_of_text(text_of(shared_data, venue), Layout(at="Date", rate="Funding Rate"))


def test_the_file_in_london_time_is_refused_without_its_zone(shared_data: Path):
    with pytest.raises(ConfigError, match=r"all_exchanges.csv: its times have no time zone"):
        of_three_venues(shared_data, "binance", None)


def test_binance_in_utc_plus_3_equals_what_another_collector_wrote_in_london_time_1095_of_1095(shared_data: Path):
    one, other = history(shared_data, "binance").within(YEAR), of_three_venues(shared_data, "binance").within(YEAR)
    assert agreeing(one, other) == (1095, 1095)
    assert len(one) == len(other) == 1095


def test_bybit_in_utc_plus_3_equals_what_another_collector_wrote_in_london_time(shared_data: Path):
    one, other = history(shared_data, "bybit").within(YEAR), of_three_venues(shared_data, "bybit").within(YEAR)
    assert agreeing(one, other) == (1095, 1095)


def test_gate_equals_what_a_second_collector_wrote_793_of_793(shared_data: Path):
    rows = recorded_funding(shared_data / GATE)
    assert agreeing(history(shared_data, "gate"), rows) == (793, 793)


def test_london_time_equals_bybits_own_settlements_of_2024(shared_data: Path):
    own = recorded_funding(shared_data / "bybit_perp_2024/BTC_USDT_USDT-8h-funding_rate.json")
    both, same = agreeing(of_three_venues(shared_data, "bybit"), own)
    assert both == same > 150


@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_mistake_23_with_the_wrong_zone_declared_nothing_fits(shared_data: Path, venue: str):
    assert agreeing(history(shared_data, venue, "UTC"), of_three_venues(shared_data, venue))[0] == 0
    asif = of_three_venues(shared_data, venue, "UTC")
    found = intervals(asif)
    assert set((found.elapsed[1:] - found.hours[1:]).tolist()) == {0.0, 1.0, -1.0}, (
        "an hour more and less, twice a year"
    )
    assert agreeing(history(shared_data, venue), asif)[0] < 600


@pytest.mark.parametrize("name", ["binance/margin_interest/btcusd.csv", "bybit/margin_interest/btcusdt.csv"])
def test_files_without_a_header_are_read_by_position(shared_data: Path, name: str):
    text = (shared_data / "lean_crypto/cryptofuture" / name).read_text()
    rows = settlements_of_text(text, Layout(at=0, rate=1, zone="UTC", form="%Y%m%d %H:%M:%S"), name)
    assert set(intervals(rows).hours.tolist()) == {8.0}


def all_recorded(data: Path) -> dict[str, Settlements]:
    files = sorted([*data.rglob("*funding_rate.feather"), *data.rglob("*funding_rate.json")])
    found = {str(path.relative_to(data)): recorded_funding(path) for path in files}
    found |= {venue: history(data, venue) for venue in ZONES}
    assert len(found) > 15
    return found


def test_no_recorded_series_looks_like_percent_and_times_a_hundred_each_does(shared_data: Path):
    for name, rows in all_recorded(shared_data).items():
        assert errors(rows) == [], name
        assert checked(rows).equals(rows), name
        hours = intervals(rows)
        assert Kind.LOOKS_LIKE_PERCENT not in {one.kind for one in flags(rows, hours)}, name
        percent = Settlements.of(rows.settled_at, 100 * rows.rate)
        assert Kind.LOOKS_LIKE_PERCENT in {one.kind for one in flags(percent, hours)}, name


def test_the_cash_of_a_recorded_position_is_the_sum_of_its_settlements(shared_data: Path):
    rows = history(shared_data, "binance")
    index = CumulativeIndex.of(rows)
    entry, exit_ = instant("2021-01-01T00:00:00Z"), instant("2022-01-01T00:00:00Z")
    year = rows.take((rows.settled_at > entry) & (rows.settled_at <= exit_))
    assert len(year) == 1095
    assert float(index.between(entry, exit_)) == pytest.approx(float(np.sum(year.rate)), rel=1e-12)


def test_layers_squeeze_is_an_anomaly_and_its_change_of_interval_is_none(shared_data: Path):
    rows = recorded_funding(shared_data / LAYER)
    found = scores(rows, intervals(rows).hours)
    at_cap = np.searchsorted(rows.settled_at, instant("2025-05-06T08:00:00Z"))
    assert found.is_anomaly[at_cap]
    quiet = rows.settled_at > instant("2025-05-20T00:00:00Z")
    assert not found.is_anomaly[quiet].any()


@pytest.mark.parametrize("name", [TRB, HYPERLIQUID])
def test_shift_what_was_recorded_later_changes_no_score(shared_data: Path, name: str):
    rows = recorded_funding(shared_data / name).take(slice(0, 1500))
    cut = len(rows) // 2
    past = rows.take(slice(0, cut))
    known = intervals(past).known_at <= past.settled_at[-1]
    whole, seen = scores(rows, intervals(rows).hours), scores(past, intervals(past).hours)
    assert whole.z_robust[:cut][known].tobytes() == seen.z_robust[known].tobytes()
    assert int(rows.settled_at[cut]) - int(past.settled_at[-1]) <= 8 * HOUR
