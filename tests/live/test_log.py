"""The log: what is appended is there, whatever else the file has; what is torn is not served."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError, LakeError, WrongWorld
from qmd_platform.live import files, frames
from qmd_platform.live.frames import CANDLES
from qmd_platform.live.log import Log
from qmd_platform.model.series import Series
from qmd_platform.model.window import Window
from tests.conftest import ROOT
from tests.live.heard import BTC, DAY, ETH, MINUTE, NOON, PERPETUAL, candle, mark

ALL = Window(NOON - 10 * DAY, NOON + 10 * DAY)


def minutes(log: Log, series: Series = BTC, window: Window = ALL) -> list[int]:
    return ((log.candles(series, window).open_at - NOON) // MINUTE).tolist()


@pytest.fixture
def log(tmp_path: Path):
    log = Log(tmp_path / "live", world="sandbox")
    yield log
    log.close()


def test_a_log_that_is_not_there_has_nothing(tmp_path: Path):
    log = Log(tmp_path / "nowhere")
    assert (minutes(log), log.heard_until(BTC), log.marks(PERPETUAL, ALL), log.world) == ([], None, [], None)
    assert log.trim(NOON) == 0
    assert not (tmp_path / "nowhere").exists()


def test_candles_come_back_sorted_and_once_the_later_word_wins_and_both_are_kept(log: Log):
    log.append([candle(2), candle(1), candle(2), candle(4, ETH)])
    log.append([candle(1, shift=3.0), candle(0)])
    assert minutes(log) == [0, 1, 2]
    found = log.candles(BTC, ALL)
    assert found.open.tolist() == [100.0, 104.0, 102.0]
    assert found.volume.tolist() == [1.0, 2.0, 3.0]
    assert log.heard(BTC, ALL)["open"].tolist() == [102.0, 101.0, 102.0, 104.0, 100.0]
    assert log.contradicted(BTC, ALL) == [NOON + MINUTE]
    assert log.heard_until(BTC) == NOON + 3 * MINUTE
    assert log.heard_until(ETH) == NOON + 5 * MINUTE
    assert minutes(log, window=Window(NOON + MINUTE, NOON + 2 * MINUTE)) == [1]


def test_a_reader_sees_what_another_process_or_log_appends_later(log: Log):
    reader = Log(log.folder)
    log.append([candle(0)])
    assert minutes(reader) == [0]
    log.append([candle(1), candle(0, ETH)])
    assert (minutes(reader), minutes(reader, ETH)) == ([0, 1], [0])
    assert reader.series("binance") == [BTC, ETH]


def test_a_forming_candle_is_refused_and_nothing_beside_it_is_kept(log: Log):
    with pytest.raises(ValueError, match="forming"):
        log.append([candle(0), candle(1, closed=False)])
    assert minutes(log) == []


def test_days_are_files_and_trimming_takes_whole_days(log: Log):
    per_day = DAY // MINUTE
    log.append([candle(number * per_day) for number in range(3)])
    assert [window.start for window in log.days("binance")] == [NOON - DAY // 2 + day * DAY for day in range(3)]
    assert minutes(log) == [0, per_day, 2 * per_day]
    assert log.trim(NOON + DAY) == 1
    assert minutes(log) == [per_day, 2 * per_day]
    log.append([candle(1)])  # a day that went may come again
    assert minutes(log) == [1, per_day, 2 * per_day]


def test_what_another_process_writes_to_is_neither_written_to_nor_trimmed(log: Log):
    log.append([candle(0)])
    other = Log(log.folder, world="sandbox")
    with pytest.raises(ConfigError, match="another process writes"):
        other.append([candle(1)])
    assert other.trim(NOON + 5 * DAY) == 0
    log.close()
    other.append([candle(1)])
    assert minutes(other) == [0, 1]
    other.close()


def test_one_log_has_words_of_one_world(log: Log):
    log.append([candle(0)])
    with pytest.raises(WrongWorld, match="sandbox world"):
        Log(log.folder, world="live").append([candle(1)])


def test_marks_come_back_as_they_were_said_with_what_was_left_out(log: Log):
    said = [mark(0), mark(1, mark=None, predicted_rate=None, next_settlement_at=None), mark(2, venue_at=None)]
    log.append([*said, candle(0)])
    assert log.marks(PERPETUAL, ALL) == said
    assert log.marks(PERPETUAL, Window(NOON + MINUTE, NOON + 2 * MINUTE)) == said[1:2]
    assert log.markets("binance") == [PERPETUAL]


@settings(max_examples=60)
@given(cut=st.integers(0, 10**6), junk=st.binary(max_size=40))
def test_wherever_a_file_is_torn_what_was_whole_before_is_served_and_appending_goes_on(
    tmp_path_factory: pytest.TempPathFactory, cut: int, junk: bytes
):
    folder = tmp_path_factory.mktemp("torn")
    log, ends = Log(folder, world="sandbox"), [0]
    path = folder / "binance" / "candles-2026-11-21.log"
    for number in range(4):
        log.append([candle(2 * number), candle(2 * number + 1, ETH)])
        ends.append(path.stat().st_size)
    log.close()
    data = path.read_bytes()
    torn = data[: cut % (len(data) + 1)] + junk
    path.write_bytes(torn)
    whole = max(count for count, end in enumerate(ends) if torn[:end] == data[:end])
    expected = [2 * number for number in range(whole)]
    assert minutes(Log(folder)) == expected
    log = Log(folder, world="sandbox")
    log.append([candle(100)])
    assert minutes(log) == minutes(Log(folder)) == [*expected, 100]
    log.close()


@given(at=st.integers(0, 10**6), value=st.integers(1, 255))
def test_a_byte_that_changed_costs_its_own_append_only(tmp_path_factory: pytest.TempPathFactory, at: int, value: int):
    folder = tmp_path_factory.mktemp("rotten")
    log = Log(folder, world="sandbox")
    log.append([candle(0)])
    path = folder / "binance" / "candles-2026-11-21.log"
    named = path.stat().st_size
    for number in range(1, 6):
        log.append([candle(number)])
    log.close()
    data = bytearray(path.read_bytes())
    at = named + at % (len(data) - named)
    data[at] ^= value
    path.write_bytes(data)
    size = (len(data) - named) // 5
    lost = (at - named) // size + 1
    reader = Log(folder)
    assert minutes(reader) == [number for number in range(6) if number != lost]
    is_last = lost == 5  # at the end it looks like what a kill leaves
    assert reader.damaged("binance") == ({} if is_last else {path: size})


def test_rows_whose_name_is_damaged_are_never_taken_for_those_of_another_series(log: Log):
    log.append([candle(0)])
    log.append([candle(0, ETH)])
    log.append([candle(1, ETH)])
    log.close()
    (path,) = log.files("binance", CANDLES)
    data = bytearray(path.read_bytes())
    data[data.find(str(ETH).encode())] ^= 1
    path.write_bytes(data)
    third = Series.parse("binance:XRP/USDT:1m")
    log.append([candle(2, third), candle(1)])
    for reader in (log, Log(log.folder)):
        assert (minutes(reader), minutes(reader, ETH), minutes(reader, third)) == ([0, 1], [], [2])
    log.append([candle(3, ETH)])
    assert minutes(Log(log.folder), ETH) == [3], "it has a name again"


def test_a_disk_that_refuses_leaves_nothing_behind_and_the_next_append_counts(
    log: Log, monkeypatch: pytest.MonkeyPatch
):
    log.append([candle(0)])

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", full)
        with pytest.raises(LakeError, match="No space left"):
            log.append([candle(1), candle(1, ETH)])
    assert minutes(log) == [0]
    log.append([candle(2), candle(2, ETH)])
    assert (minutes(log), minutes(Log(log.folder), ETH)) == ([0, 2], [2])


def test_a_short_write_is_carried_on(log: Log, monkeypatch: pytest.MonkeyPatch):
    whole = os.write
    monkeypatch.setattr(files.os, "write", lambda handle, data: whole(handle, bytes(data[:7])))
    log.append([candle(0), candle(1)])
    assert minutes(Log(log.folder)) == [0, 1]


def test_what_was_acknowledged_outlives_kills_at_any_instant(tmp_path: Path):
    first, chance = 0, random.Random(6)  # noqa: S311 - instants, not secrets
    for _ in range(8):
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.live.appending", str(tmp_path), str(first)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(chance.random() * 0.02)
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split(b"\n")[:-1]
        child.wait()
        child.stdout.close()
        acknowledged = int(rest[-1]) if rest else first + 3
        reader = Log(tmp_path)
        for series in (BTC, ETH):
            found = minutes(reader, series)
            assert found == list(range(len(found))), "nothing twice, nothing left out"
            assert len(found) % 3 == 0, "an append is there whole or not at all"
            assert len(found) >= acknowledged
            assert reader.contradicted(series, ALL) == []
        first = len(minutes(reader))


def test_the_last_day_of_many_markets_is_read_in_few_looks_at_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Rows are packed by hand: a day of 200 markets through ``append`` would take longer than all other tests."""
    names = [f"binance:M{number}/USDT:1m" for number in range(200)]
    rows = np.zeros(200 * 1440, frames.CANDLE)
    rows["of"] = np.tile(np.arange(200), 1440)
    rows["open_at"] = np.repeat(NOON - DAY // 2 + np.arange(1440) * MINUTE, 200)
    path = tmp_path / "binance" / "candles-2026-11-21.log"
    path.parent.mkdir()
    parts = [frames.name_frame(number, name) for number, name in enumerate(names)]
    parts += [frames.frame(CANDLES, part.tobytes()) for part in np.split(rows, 1440 * 4)]
    path.write_bytes(b"".join(parts))
    log, looks = Log(tmp_path), []
    scanned = frames.scanned
    monkeypatch.setattr(frames, "scanned", lambda data: looks.append(len(data)) or scanned(data))
    day = Window(NOON - DAY // 2, NOON + DAY // 2)
    assert [len(log.candles(series, day)) for series in log.series("binance")] == [1440] * 200
    assert looks == [path.stat().st_size]
