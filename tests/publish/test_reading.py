"""What has changed in a partition since a store was loaded is what is read of it; what cannot be proven is read whole."""

from dataclasses import replace

import pytest

from qmd_platform.lake.sealing import seal
from qmd_platform.lake.store import Lake, Write
from qmd_platform.lake.vacuum import vacuum
from qmd_platform.model.window import month_window
from qmd_platform.publish.port import Loaded
from qmd_platform.publish.reading import Reader
from tests.publish.serving import DAY, FUNDING, MINUTES, candles, funding, put

LATER = month_window("2026-06").start


def loaded(lake: Lake) -> Loaded:
    """As a store that was loaded just now says it."""
    state = lake.state(MINUTES)
    assert state
    return Loaded(state.data_version, state.version, state.rows, lake.ledger.last_commit(), 0)


def test_without_anything_known_all_is_read(lake: Lake):
    batch = Reader(lake).read(MINUTES, None)
    assert (len(batch.rows), batch.total, batch.windows) == (45, 45, None)


def test_only_the_files_that_are_new_since_are_read(lake: Lake):
    before = loaded(lake)
    put(lake, Write(MINUTES, candles(MINUTES, [20 * DAY], 1.0).to_arrow()))
    batch = Reader(lake).read(MINUTES, before)
    assert batch.total == 46
    assert 1 <= len(batch.rows) < 46
    assert batch.windows
    at = MINUTES.window.start + 20 * DAY * 60_000
    assert any(window.contains(at) for window in batch.windows)
    assert not any(window.contains(MINUTES.window.start) for window in batch.windows)


def test_rows_that_left_are_in_the_windows_though_no_file_speaks_of_them(lake: Lake):
    before = loaded(lake)
    kept = [*range(20), *range(DAY, DAY + 20)]  # without the sixth day
    put(lake, Write(MINUTES, candles(MINUTES, kept).to_arrow(), replace=True))
    batch = Reader(lake).read(MINUTES, before)
    at = MINUTES.window.start + 5 * DAY * 60_000
    assert batch.windows
    assert any(window.contains(at) for window in batch.windows)
    assert batch.total == 40


def test_sealing_changes_no_row_and_nothing_is_read_again(lake: Lake):
    before = loaded(lake)
    assert seal(lake, run_id="seal", now=LATER)
    batch = Reader(lake).read(MINUTES, before)
    assert (len(batch.rows), batch.total, batch.windows) == (0, 45, ())


@pytest.mark.parametrize("change", [{"data_version": "another"}, {"version": 7}, {"commit": 99}])
def test_a_version_this_lake_never_had_proves_nothing(lake: Lake, change: dict[str, object]):
    batch = Reader(lake).read(MINUTES, replace(loaded(lake), **change))
    assert (len(batch.rows), batch.windows) == (45, None)


def test_a_past_that_was_vacuumed_proves_nothing(lake: Lake):
    before = loaded(lake)
    put(lake, Write(MINUTES, candles(MINUTES, [3], 1.0).to_arrow()))
    for now in (2 * LATER, 2 * LATER + 1):  # marked, then deleted
        vacuum(lake, run_id="vacuum", now=now, keep_ms=0, grace_ms=0)
    batch = Reader(lake).read(MINUTES, before)
    assert (len(batch.rows), batch.windows) == (45, None)


def test_funding_is_read_whole(lake: Lake):
    state = lake.state(FUNDING)
    assert state
    known = Loaded(state.data_version, state.version, state.rows, lake.ledger.last_commit(), 0)
    put(lake, Write(FUNDING, funding([0.1])))
    batch = Reader(lake).read(FUNDING, known)
    assert (len(batch.rows), batch.windows) == (4, None)
