"""Candles out of a tardis-machine's replays: what was silent, what was away, and nothing lost between two windows."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.errors import Refused, VenueDown
from qmd_platform.ingest import tardis_candles
from qmd_platform.ingest.rollup import roll_up
from qmd_platform.ingest.tardis import candles_of_replay
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Series
from qmd_platform.model.spans import State, in_state, united
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.venues.tardis import machine
from qmd_platform.venues.tardis.exchanges import KRAKEN_V2_SINCE
from qmd_platform.venues.tardis.messages import Message
from tests.ingest.tardis.taped import DAY, DAY_AND_BEFORE, KRAKEN, bring, replay, series, traded


def test_a_replay_proves_that_they_are_empty_and_longer_candles_can_be_made(
    lake: Lake, sandbox: Sandbox, tmp_path: Path
):
    bring(lake, sandbox, KRAKEN, DAY, tmp_path)
    replay(lake, sandbox, KRAKEN, DAY)
    hours = Window.of("2026-11-01T01:00Z", "2026-11-01T23:00Z")
    runs = lake.coverage(series(KRAKEN), hours)
    assert {(run.state, run.cause) for run in runs} == {
        (State.PRESENT, ""),
        (State.VERIFIED_EMPTY, tardis_candles.EMPTY),
    }
    roll_up(lake, KRAKEN, Timeframe.H1, hours, run_id="r")
    assert len(lake.candles(Series.candles(KRAKEN, Timeframe.H1), hours)) == 22


@pytest.mark.parametrize(
    ("start", "seam", "end"),
    [
        ("2026-11-01T02:00Z", "2026-11-01T03:00Z", "2026-11-01T04:00Z"),
        ("2026-10-31T23:00Z", "2026-11-01T00:00Z", "2026-11-01T01:00Z"),
    ],
)
def test_replays_of_windows_that_adjoin_settle_every_minute_of_both_and_nothing_else(
    lake: Lake, sandbox: Sandbox, start: str, seam: str, end: str
):
    for part in (Window.of(start, seam), Window.of(seam, end)):
        brought = replay(lake, sandbox, KRAKEN, part)
        assert brought.left == ()
        assert brought.account.outside > 0
    both = Window.of(start, end)
    known = in_state(lake.coverage(series(KRAKEN), DAY_AND_BEFORE), State.PRESENT, State.VERIFIED_EMPTY)
    assert known == [both]
    assert lake.candles(series(KRAKEN)).equals(traded(sandbox, KRAKEN, both))


def test_where_a_machine_has_nothing_around_the_window_the_edges_are_left_and_named(
    lake: Lake, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    hour = Window.of("2026-11-01T02:00Z", "2026-11-01T03:00Z")
    messages = machine.messages

    async def free(url: str, wanted: machine.Wanted) -> AsyncIterator[Message]:
        if wanted.window != hour:
            raise Refused("tardis", "the machine says HTTP 401: no key")
        async for message in messages(url, wanted):
            yield message

    with monkeypatch.context() as patched:
        patched.setattr(machine, "messages", free)
        brought = replay(lake, sandbox, KRAKEN, hour)
    assert len(lake.candles(series(KRAKEN))) > 30
    assert brought.left[0].window == Window(hour.start, hour.start + MINUTE)
    assert brought.left[-1].window.end == hour.end
    assert all("HTTP 401: no key" in one.why for one in brought.left)
    assert replay(lake, sandbox, KRAKEN, hour).left == ()


def test_where_tardis_spells_a_market_anew_the_minutes_at_the_seam_are_named_and_files_have_them(
    lake: Lake, sandbox: Sandbox, tmp_path: Path
):
    seam = KRAKEN_V2_SINCE
    brought = replay(lake, sandbox, KRAKEN, Window(seam - 60 * MINUTE, seam + 60 * MINUTE))
    (left,) = united([one.window for one in brought.left])
    assert left.contains(seam - MINUTE)
    assert left.contains(seam)
    bring(lake, sandbox, KRAKEN, Window.of("2026-06-30", "2026-07-02"), tmp_path)
    assert lake.candles(series(KRAKEN), left).equals(traded(sandbox, KRAKEN, left))


def test_a_break_of_tardiss_connection_is_a_known_hole_in_coverage(lake: Lake, sandbox: Sandbox):
    away = Window.of("2026-11-01T03:10:10Z", "2026-11-01T03:31:20Z")
    sandbox.tardis.away.append(away)
    brought = replay(lake, sandbox, KRAKEN, Window.of("2026-11-01T02:00Z", "2026-11-01T05:00Z"))
    runs = lake.coverage(series(KRAKEN), Window.of("2026-11-01T03:10Z", "2026-11-01T03:32Z"))
    assert [(run.state, run.cause) for run in runs] == [(State.MISSING, tardis_candles.AWAY)]
    assert brought.account.silent == 1
    known = lake.candles(series(KRAKEN))
    assert np.isin(known.open_at, traded(sandbox, KRAKEN, DAY).open_at).all()


def test_an_hour_is_made_when_all_of_its_minutes_are_known_and_not_before(lake: Lake, sandbox: Sandbox, tmp_path: Path):
    hour = Window.of("2026-11-01T06:00Z", "2026-11-01T07:00Z")
    replay(lake, sandbox, KRAKEN, Window.of("2026-11-01T05:30Z", "2026-11-01T06:30Z"))
    roll_up(lake, KRAKEN, Timeframe.H1, hour, run_id="r")
    assert len(lake.candles(Series.candles(KRAKEN, Timeframe.H1), hour)) == 0
    replay(lake, sandbox, KRAKEN, Window.of("2026-11-01T05:30Z", "2026-11-01T07:30Z"))
    roll_up(lake, KRAKEN, Timeframe.H1, hour, run_id="r")
    made = lake.candles(Series.candles(KRAKEN, Timeframe.H1), hour)
    assert made.volume.tolist() == sandbox.truth(KRAKEN, Timeframe.H1, hour).volume.tolist()


def test_a_replay_that_breaks_off_commits_nothing(lake: Lake, sandbox: Sandbox):
    sandbox.plan_faults([{"kind": "truncated_json", "path": "/replay-normalized"}])
    with pytest.raises(VenueDown, match="not a message"):
        candles_of_replay(lake, KRAKEN, DAY, sandbox.url, run_id="r", url=sandbox.url)
    assert len(lake.candles(series(KRAKEN))) == 0
