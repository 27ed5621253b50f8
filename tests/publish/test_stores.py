"""Both stores are made what the lake is: once, again, after changes, and never from another lake."""

from pathlib import Path

import numpy as np
import pytest

from qmd_platform.errors import ConfigError, StoreError
from qmd_platform.lake.backup import backup, restore
from qmd_platform.lake.store import Lake, Write
from qmd_platform.publish.comparing import compare
from qmd_platform.publish.loading import Receipt, publish
from tests.publish.serving import (
    DAY,
    FUNDING,
    HOURS,
    MARCH,
    MINUTES,
    OF_SPOT,
    Target,
    candles,
    funding,
    held,
    put,
    same,
)


def load(lake: Lake, target: Target, **how: object) -> dict[str, Receipt]:
    store = target.store()
    try:
        return {one.table: one for one in publish(lake, store, **how)}
    finally:
        store.close()


def differences(lake: Lake, target: Target) -> list[tuple[str, bool, bool]]:
    store = target.store()
    try:
        found = [one for comparison in compare(lake, store) for one in comparison.differences]
    finally:
        store.close()
    return [(str(one.partition), one.is_stale, one.is_miscounted) for one in found]


def test_what_is_served_is_what_the_lake_holds_bit_for_bit(lake: Lake, target: Target):
    done = load(lake, target)
    same(lake, target)
    assert {name: (len(one.loaded), one.sent, one.rows) for name, one in done.items()} == {
        "candles_1m": (3, 59, 59),
        "candles_1h": (1, 3, 3),
        "funding_rates": (1, 4, 4),
    }
    assert differences(lake, target) == []


def test_loading_again_sends_nothing(lake: Lake, target: Target):
    load(lake, target)
    again = load(lake, target)
    assert [(one.loaded, one.sent, one.gone) for one in again.values()] == [((), 0, 0)] * 3
    assert again["candles_1m"].unchanged == 3
    same(lake, target)


def test_a_restated_candle_and_one_that_vanished_are_followed(lake: Lake, target: Target):
    load(lake, target)
    kept = [*range(20), *range(DAY, DAY + 7), *range(DAY + 8, DAY + 20), *range(5 * DAY, 5 * DAY + 5)]
    put(
        lake,
        Write(MINUTES, candles(MINUTES, kept).to_arrow(), replace=True),
        Write(OF_SPOT, candles(OF_SPOT, [2, 4], 7.5).to_arrow()),
        Write(FUNDING, funding([-0.0, 0.0002])),
    )
    assert {one[0] for one in differences(lake, target)} == {str(MINUTES), str(OF_SPOT), str(FUNDING)}
    done = load(lake, target)
    same(lake, target)
    assert (done["candles_1m"].gone, done["candles_1m"].unchanged, done["candles_1h"].sent) == (1, 1, 0)
    assert differences(lake, target) == []


def test_a_zero_that_changes_its_sign_is_followed(lake: Lake, target: Target):
    load(lake, target)
    put(lake, Write(HOURS, candles(HOURS, [0, 30, 60], 0.0).to_arrow()))
    load(lake, target)
    same(lake, target)
    put(lake, Write(HOURS, candles(HOURS, [30], -0.0).to_arrow()))
    load(lake, target)
    same(lake, target)


def test_only_the_files_that_changed_are_sent(lake: Lake, target: Target):
    load(lake, target)
    put(lake, Write(MINUTES, candles(MINUTES, [DAY + 20, DAY + 21], 7.5).to_arrow()))
    assert (
        load(lake, target)["candles_1m"].sent == 42
    )  # the first and the second day are one file, the sixth is another
    same(lake, target)


def test_a_month_that_lost_all_its_rows_is_empty(lake: Lake, target: Target):
    load(lake, target)
    put(lake, Write(MARCH, candles(MARCH, []).to_arrow(), replace=True))
    assert load(lake, target)["candles_1m"].gone == 3
    same(lake, target)
    assert differences(lake, target) == []


def test_a_lake_put_back_from_a_backup_is_followed_though_its_versions_are_older(
    lake: Lake, target: Target, tmp_path: Path
):
    backup(lake, tmp_path / "backup")
    put(
        lake,
        Write(MINUTES, candles(MINUTES, [3, DAY], 1.5).to_arrow()),
        Write(HOURS, candles(HOURS, [1], 1.5).to_arrow()),
    )
    april = type(MARCH)(MARCH.series, "2026-04")
    put(lake, Write(april, candles(april, [0, 9]).to_arrow()))
    load(lake, target)
    lake.close()
    restore(tmp_path / "backup", tmp_path / "again")
    with Lake.open(tmp_path / "again") as older:
        put(older, Write(MINUTES, candles(MINUTES, [5 * DAY + 1], 2.5).to_arrow()))
        put(older, Write(MINUTES, candles(MINUTES, [5 * DAY + 2], 2.5).to_arrow()))
        load(older, target)
        same(older, target)
        assert differences(older, target) == []


def test_a_store_serves_one_lake_only(lake: Lake, target: Target, tmp_path: Path):
    load(lake, target)
    with Lake.open(tmp_path / "other") as other:
        put(other, Write(HOURS, candles(HOURS, [5]).to_arrow()))
        for asked in (load, differences):
            with pytest.raises(ConfigError, match="serves another lake"):
                asked(other, target)
    same(lake, target)


def test_a_store_changed_by_hand_is_told_apart_and_mended(lake: Lake, target: Target):
    load(lake, target)
    with target.asked() as cursor:
        at = np.datetime64(MINUTES.window.start + 40 * 60_000, "ms").astype(str) + "Z"
        values = f"'binance', 'BTC/USDT:USDT', '{at}', 1, 1, 1, 1, 1"
        cursor.execute(f"INSERT INTO {target.table('candles_1m')} VALUES ({values})")  # noqa: S608 - a test's
    target.store().counts("candles_1m")  # waits for it
    assert differences(lake, target) == [(str(MINUTES), False, True)]
    assert load(lake, target)["candles_1m"].sent == 0  # it was loaded with this version
    assert load(lake, target, full=True)["candles_1m"].gone == 1
    same(lake, target)
    assert differences(lake, target) == []


def test_a_table_that_was_dropped_is_made_and_loaded_anew(lake: Lake, target: Target):
    load(lake, target)
    with target.asked() as cursor:
        cursor.execute(f"DROP TABLE {target.table('candles_1m')}")
    put(lake, Write(MINUTES, candles(MINUTES, [5 * DAY + 7], 3.5).to_arrow()))
    assert {one for one, is_stale, _ in differences(lake, target) if is_stale} == {
        str(MINUTES),
        str(OF_SPOT),
        str(MARCH),
    }
    assert load(lake, target)["candles_1m"].sent == 60
    same(lake, target)
    assert differences(lake, target) == []


def test_an_empty_store_is_told_apart_and_left_as_it_is(lake: Lake, target: Target):
    assert len(differences(lake, target)) == 5
    assert all(stale and miscounted for _, stale, miscounted in differences(lake, target))
    with target.asked() as cursor:
        assert not target.is_there(cursor, "candles_1m")


def test_only_the_tables_asked_for_are_loaded(lake: Lake, target: Target):
    done = load(lake, target, tables=["candles_1h"])
    assert list(done) == ["candles_1h"]
    assert target.rows("candles_1m") == {}
    assert target.rows("candles_1h") == held(lake, "candles_1h")
    with pytest.raises(ConfigError, match="not served"):
        load(lake, target, tables=["candles_2h5"])


def test_a_stopped_load_goes_on_where_it_was(lake: Lake, target: Target):
    class Stop(Exception):
        pass

    def stop(table: str, done: int, total: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        load(lake, target, progress=stop)
    again = load(lake, target)
    same(lake, target)
    assert sum(one.sent for one in again.values()) < 66


def test_infinite_numbers_are_served_where_they_can_be(lake: Lake, target: Target):
    put(lake, Write(HOURS, candles(HOURS, [3], float("inf")).to_arrow()))
    if target.name == "postgres":
        load(lake, target)
        same(lake, target)
    else:
        with pytest.raises(StoreError, match="infinite open"):
            load(lake, target)
        assert target.rows("candles_1m") == held(lake, "candles_1m")
