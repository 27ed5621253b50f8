"""Schedules: what a tail asks for, at which time, and when it leaves off."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from qmd_platform.config import Universe
from qmd_platform.definitions import build_definitions
from qmd_platform.errors import ConfigError
from sensors.schedules import TAIL, candles_job, tail_schedule
from sensors.universe import align
from tests.graph import universe_in

RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@pytest.fixture
def universe(tmp_path: Path) -> Universe:
    return universe_in(tmp_path)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """An instance on disk: a schedule opens it by its folder."""
    folder = str(tmp_path_factory.mktemp("instance"))
    with dg.DagsterInstance.local_temp(folder, {"telemetry": {"enabled": False}}) as made:
        yield made


@pytest.fixture
def instance(stored: dg.DagsterInstance) -> Iterator[dg.DagsterInstance]:
    """The same, empty: making one takes a second."""
    yield stored
    for run in stored.get_runs():
        stored.delete_run(run.run_id)
    for slug in stored.get_dynamic_partitions("binance_markets"):
        stored.delete_dynamic_partition("binance_markets", slug)


def tail_at(universe: Universe, instance: dg.DagsterInstance, *when: int) -> dg.RunRequest | dg.SkipReason:
    """What binance's tail asks for at a tick."""
    venue = universe.venues["binance"]
    now = datetime(*when, tzinfo=UTC)
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=now) as context:
        return tail_schedule(venue, candles_job(venue), universe.first_month)(context)


def months_of(asked: dg.RunRequest | dg.SkipReason) -> list[str]:
    assert isinstance(asked, dg.RunRequest)
    return [asked.tags[name].rpartition("|")[2] for name in RANGE]


def test_a_tail_is_one_run_over_all_markets_and_the_current_month(universe: Universe, instance: dg.DagsterInstance):
    align(instance, universe)
    asked = tail_at(universe, instance, 2026, 11, 21, 5, 20)
    assert isinstance(asked, dg.RunRequest)
    assert [asked.tags[name] for name in RANGE] == ["binance~BTC-USDT|2026-11", "binance~ETH-USDT_USDT|2026-11"]


@pytest.mark.parametrize(
    ("when", "months"),
    [
        ((2026, 11, 30, 23, 55), ["2026-11", "2026-11"]),
        ((2026, 12, 1, 0, 5), ["2026-11", "2026-12"]),
        ((2026, 12, 2, 0, 0), ["2026-12", "2026-12"]),
        ((2027, 1, 1, 12, 0), ["2026-12", "2027-01"]),
    ],
)
def test_for_a_day_after_a_months_end_its_last_candles_are_asked_for_too(
    universe: Universe, instance: dg.DagsterInstance, when: tuple[int, ...], months: list[str]
):
    align(instance, universe)
    assert months_of(tail_at(universe, instance, *when)) == months


def test_a_tail_asks_for_no_month_before_the_universe_starts(universe: Universe, instance: dg.DagsterInstance):
    align(instance, universe)
    assert months_of(tail_at(universe, instance, 2024, 2, 1, 0, 5)) == ["2024-02", "2024-02"]
    too_early = tail_at(universe, instance, 2024, 1, 31, 23, 55)
    assert isinstance(too_early, dg.SkipReason)
    assert "2024-02" in str(too_early.skip_message)


def test_one_tick_has_one_run_key_and_the_next_another(universe: Universe, instance: dg.DagsterInstance):
    align(instance, universe)
    ticks = [(2026, 11, 21, 5, 20), (2026, 11, 21, 5, 20), (2026, 11, 21, 5, 25)]
    first, again, later = (tail_at(universe, instance, *tick) for tick in ticks)
    assert isinstance(first, dg.RunRequest)
    assert isinstance(again, dg.RunRequest)
    assert isinstance(later, dg.RunRequest)
    assert first.run_key == again.run_key != later.run_key


def test_without_partitions_a_tail_says_what_it_waits_for(universe: Universe, instance: dg.DagsterInstance):
    asked = tail_at(universe, instance, 2026, 11, 21, 5, 20)
    assert isinstance(asked, dg.SkipReason)
    assert "universe sensor" in str(asked.skip_message)


@pytest.mark.parametrize(
    ("status", "is_asked"),
    [
        (dg.DagsterRunStatus.NOT_STARTED, False),
        (dg.DagsterRunStatus.STARTED, False),
        (dg.DagsterRunStatus.SUCCESS, True),
        (dg.DagsterRunStatus.FAILURE, True),
        (dg.DagsterRunStatus.CANCELED, True),
    ],
)
def test_while_an_earlier_tails_run_is_unfinished_no_other_is_asked_for(
    universe: Universe, instance: dg.DagsterInstance, status: dg.DagsterRunStatus, *, is_asked: bool
):
    align(instance, universe)
    for venue in ("binance", "bitfinex"):  # another venue's tail is no reason to wait
        told = status if venue == "binance" else dg.DagsterRunStatus.STARTED
        tags = {"dagster/schedule_name": f"{venue}_tail"}
        instance.add_run(dg.DagsterRun(job_name="x", run_id=str(uuid4()), status=told, tags=tags))
    asked = tail_at(universe, instance, 2026, 11, 21, 5, 20)
    assert isinstance(asked, dg.RunRequest if is_asked else dg.SkipReason)


def test_nothing_is_asked_of_an_exchange_until_a_person_starts_it(universe: Universe):
    repository = build_definitions(universe).get_repository_def()
    silent = ("lake_", "coverage", "publish_")
    to_venues = {schedule for schedule in repository.schedule_defs if not schedule.job_name.startswith(silent)}
    rereading = {f"{venue}_reread_{when}" for venue in ("binance", "bitfinex") for when in ("nightly", "weekly")}
    tails = {"binance_tail", "bitfinex_tail", "binance_funding_hourly", "arbitrage_hourly", "instruments_daily"}
    tails |= {"simulation_daily", "binance_snapshots_look"}
    assert {schedule.name for schedule in to_venues} == tails | rereading
    assert {schedule.default_status for schedule in to_venues} == {dg.DefaultScheduleStatus.STOPPED}


def test_where_a_sandbox_answers_everything_runs_from_the_start(universe: Universe, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QMD_VENUE_URL", "http://127.0.0.1:1")
    repository = build_definitions(universe).get_repository_def()
    to_stores = {"publish_postgres", "publish_questdb"}  # they wait for an address and a person
    waiting = {one.name for one in repository.schedule_defs if one.default_status is dg.DefaultScheduleStatus.STOPPED}
    assert waiting == to_stores


def test_a_tail_reads_the_last_closed_candles_again_and_goes_before_history(
    universe: Universe, instance: dg.DagsterInstance
):
    align(instance, universe)
    asked = tail_at(universe, instance, 2026, 11, 21, 5, 20)
    assert isinstance(asked, dg.RunRequest)
    again = {"config": {"tail": TAIL, "patient": True}}
    assert asked.run_config == {"ops": {"binance__candles_1m": again, "binance__candles_1h": again}}
    assert int(asked.tags["dagster/priority"]) > 0


def test_whether_it_runs_by_itself_can_be_said(universe: Universe, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QMD_VENUE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("QMD_AUTOMATION", "off")
    venue = universe.venues["binance"]
    tail = tail_schedule(venue, candles_job(venue), universe.first_month)
    assert tail.default_status is dg.DefaultScheduleStatus.STOPPED
    monkeypatch.setenv("QMD_AUTOMATION", "sometimes")
    with pytest.raises(ConfigError, match="on or off"):
        tail_schedule(venue, candles_job(venue), universe.first_month)
