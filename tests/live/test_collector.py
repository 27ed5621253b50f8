"""A collector against a scripted venue: what it writes, what it knows it has not heard, how it ends."""

import asyncio
import errno
import os
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from qmd_platform.errors import ConfigError, LakeError, UnknownMarket
from qmd_platform.live import told
from qmd_platform.live.child import ended_by_the_first_signal
from qmd_platform.live.collector import Collector
from qmd_platform.live.keeping import Keeping
from qmd_platform.live.lock import alone
from qmd_platform.live.log import Log
from qmd_platform.live.queue import Batch
from qmd_platform.model.series import Market, Series
from qmd_platform.model.window import Window
from qmd_platform.venues.streams.records import Heard, HeardCandle
from tests.live.heard import BTC, ETH, MINUTE, NOON, candle, mark
from tests.live.playing import ALL, Say, minutes, play, says, until


@pytest.fixture
def log(tmp_path: Path):
    log = Log(tmp_path / "live", world="sandbox")
    yield log
    log.close()


def test_closed_candles_are_written_forming_ones_only_seen(log: Log):
    collector = play(log, says(candle(0), candle(0, ETH), candle(1, closed=False), candle(1), candle(2, closed=False)))
    assert (minutes(log), minutes(log, ETH)) == ([0, 1], [0])
    state = told.read(log.folder / "binance")
    assert state is not None
    assert state.is_over
    assert {name: one.open_at for name, one in state.closed.items()} == {str(BTC): NOON + MINUTE, str(ETH): NOON}
    assert state.forming[str(BTC)].open_at == NOON + 2 * MINUTE
    assert (state.written, state.holes, collector.written.unwritten) == (3, {}, 0)
    assert told.read_all(log.folder) == [state]


def test_what_came_just_before_the_end_is_written(log: Log):
    play(log, says(*(candle(number) for number in range(500))), batch_seconds=60.0)
    assert minutes(log) == list(range(500))


def test_while_it_listens_what_it_heard_becomes_durable_within_about_a_batch(log: Log):
    reader = Log(log.folder)

    async def script(say: Say, _: Collector) -> None:
        for number in range(3):
            say(candle(number))
            await until(lambda: minutes(reader) == list(range(number + 1)))  # noqa: B023 - awaited at once

    collector = play(log, script)
    assert collector.written.appends >= 3
    assert 0 < collector.written.age_s <= collector.written.worst_age_s


def test_repeats_are_not_written_again_contradictions_are_and_both_are_counted(log: Log):
    collector = play(log, says(candle(0), candle(1), candle(0), candle(1, shift=2.0), candle(1, shift=2.0)))
    assert len(log.heard(BTC, ALL)) == 3
    assert (collector.keeping.repeated, collector.keeping.contradicted) == (2, 1)
    assert log.contradicted(BTC, ALL) == [NOON + MINUTE]


def test_what_is_called_closed_before_it_is_over_by_the_venues_clock_is_not_written(log: Log):
    early = replace(candle(1), venue_at=NOON + 2 * MINUTE - 1)
    collector = play(log, says(candle(0), early, candle(2)))
    assert minutes(log) == [0, 2]
    assert collector.keeping.early == 1
    assert collector.keeping.holes == {BTC: [Window(NOON + MINUTE, NOON + 2 * MINUTE)]}


def test_a_seam_is_known_and_a_candle_that_comes_late_takes_it_away(log: Log):
    collector = play(log, says(candle(0), candle(4), candle(2), candle(1, ETH)))
    holes = [Window(NOON + at * MINUTE, NOON + (at + 1) * MINUTE) for at in (1, 3)]
    assert collector.keeping.holes == {BTC: holes}
    state = told.read(log.folder / "binance")
    assert state is not None
    assert [tuple(hole) for hole in state.holes[str(BTC)]] == [(hole.start, hole.end) for hole in holes]


def test_a_collector_that_comes_after_another_knows_the_seam_between_them(log: Log):
    play(log, says(candle(0), candle(1)))
    collector = play(log, says(candle(0), candle(1), candle(5), candle(1, ETH)))
    assert (collector.keeping.repeated, len(log.heard(BTC, ALL))) == (2, 3), "what a venue says anew is known again"
    assert collector.keeping.holes == {BTC: [Window(NOON + 2 * MINUTE, NOON + 5 * MINUTE)]}
    assert minutes(log) == [0, 1, 5]


def test_a_closed_candle_there_was_no_room_for_is_a_hole(log: Log):
    collector = play(log, says(*(candle(number) for number in range(10))), room=4)
    assert minutes(log) == [6, 7, 8, 9]
    assert collector.queue.figures.dropped["closed"].count == 6
    assert collector.keeping.holes == {BTC: [Window(NOON, NOON + 6 * MINUTE)]}
    state = told.read(log.folder / "binance")
    assert state is not None
    assert state.dropped == 6


def test_a_disk_that_refuses_is_told_and_what_it_refused_is_a_hole(log: Log, monkeypatch: pytest.MonkeyPatch):
    whole = log.append

    def append(records: Sequence[Heard]) -> None:
        if any(isinstance(one, HeardCandle) and one.open_at == NOON + MINUTE for one in records):
            raise LakeError(f"cannot write: {errno.ENOSPC}")
        whole(records)

    monkeypatch.setattr(log, "append", append)

    async def script(say: Say, collector: Collector) -> None:
        say(candle(0))
        await until(lambda: collector.written.records)
        say(candle(1))
        await until(lambda: collector.written.trouble)
        assert collector.told().phase(collector.told().at) == "trouble"
        say(candle(2))

    collector = play(log, script)
    assert minutes(log) == [0, 2]
    assert (collector.written.unwritten, collector.written.trouble) == (1, "")
    assert collector.keeping.holes == {BTC: [Window(NOON + MINUTE, NOON + 2 * MINUTE)]}


def test_what_ends_listening_is_raised_and_what_was_heard_before_is_kept(log: Log):
    async def script(say: Say, _: Collector) -> None:
        say(candle(0))
        raise UnknownMarket("binance", "no such market")

    with pytest.raises(UnknownMarket):
        play(log, script)
    assert minutes(log) == [0]
    state = told.read(log.folder / "binance")
    assert state is not None
    assert (state.phase(state.at), state.is_failed, state.trouble) == ("failed", True, "binance: no such market")
    assert not state.is_well(state.at)


def test_a_disk_without_room_for_its_word_ends_no_collector(log: Log):
    folder = log.folder / "binance"
    folder.mkdir(parents=True)
    (folder / "state.tmp").symlink_to("/dev/full")

    async def script(say: Say, collector: Collector) -> None:
        await until(lambda: collector.told().trouble)
        assert "No space left" in collector.told().trouble
        say(candle(0))
        await until(lambda: collector.written.records)
        (folder / "state.tmp").unlink()

    collector = play(log, script)
    assert minutes(log) == [0]
    state = told.read(folder)
    assert state is not None
    assert state.phase(state.at) == "ended"
    assert collector.told().trouble == "", "there is room again"


def test_however_often_it_is_told_to_end_what_waited_is_written_first(log: Log, monkeypatch: pytest.MonkeyPatch):
    whole, begun, may = log.append, threading.Event(), threading.Event()

    def slow(records: Sequence[Heard]) -> None:
        begun.set()
        may.wait(60)
        whole(records)

    monkeypatch.setattr(log, "append", slow)

    async def listen(venue: str, wanted: Sequence[Series | Market], /, *, on_heard: Say, **rest: object) -> None:
        on_heard(candle(0))
        await asyncio.Event().wait()

    async def story() -> None:
        collector = Collector("binance", [BTC], log, listen)
        running = asyncio.create_task(collector.run())
        await until(begun.is_set)
        collector.queue.put(candle(1))
        for _ in range(3):
            running.cancel()
            await asyncio.sleep(0.01)
        assert not running.done()
        may.set()
        with suppress(asyncio.CancelledError):
            await running

    asyncio.run(story())
    assert minutes(log) == [0, 1]


def test_the_first_signal_ends_a_collector_and_those_after_it_are_ignored():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    async def work(seen: list[str]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for number in before:
                os.kill(os.getpid(), number)
            await asyncio.sleep(0.05)
            seen.append("written")

    async def story(seen: list[str]) -> None:
        running = asyncio.create_task(work(seen))
        await asyncio.sleep(0)
        with ended_by_the_first_signal(running):
            os.kill(os.getpid(), signal.SIGTERM)
            with suppress(asyncio.CancelledError):
                await running

    seen: list[str] = []
    try:
        asyncio.run(story(seen))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert seen == ["written"]


def test_of_a_perpetual_the_newest_prices_are_kept_once_in_a_while():
    keeping = Keeping(marks_seconds=60)

    def at(now: float, *numbers: int, is_last: bool = False) -> list[Heard]:
        return keeping.worth(Batch([], [], [mark(number) for number in numbers]), now, is_last=is_last)

    assert at(100.0, 0) == [mark(0)]
    assert at(110.0, 1) == []
    assert at(159.0, 2, 3) == []
    assert at(160.0) == [mark(3)]
    assert at(230.0) == []
    assert at(231.0, 4) == [mark(4)]
    assert at(232.0, 5, is_last=True) == [mark(5)]


def test_a_second_collector_of_a_home_is_refused_and_told_who_holds_it(tmp_path: Path):
    lock = tmp_path / "live" / "lock"
    with (
        alone(lock, "a collector"),
        pytest.raises(ConfigError, match=r"a collector is running already \(process \d+\)"),
        alone(lock, "a collector"),
    ):
        pass
    with alone(lock, "a collector"):
        pass


def test_what_is_refused_under_the_lock_is_not_taken_for_the_lock(tmp_path: Path):
    """A machine without room for one process more says so with the same error."""
    with pytest.raises(BlockingIOError, match="Resource temporarily"), alone(tmp_path / "lock", "a collector"):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
    with alone(tmp_path / "lock", "a collector"):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n", "it was let go of"


def test_a_state_that_nobody_renews_is_of_a_collector_that_is_gone(log: Log):
    collector = play(log, says(candle(0)))
    state = collector.told()
    assert state.phase(state.at) == "starting"
    assert state.phase(state.at + 60_000) == "gone"
    assert not state.is_well(state.at)
    assert collector.told(is_over=True).phase(0) == "ended"
