"""Whatever is wrong with a request, the answer is a clear error and an exit code, and nothing has changed."""

import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli import past
from tests.cli.conftest import DAY, Qmd, answer

BACKFILL = ("backfill", "binance:BTC/USDT")


def everything(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder`` with its content, but for the locks and SQLite's own side files."""
    kept = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept if "locks" not in path.parts}


@pytest.mark.parametrize(
    ("line", "said", "hint"),
    [
        (["backfill", "ftx:BTC/USDT", *DAY], "unknown venue 'ftx'", "binance, bitfinex, bybit, gate"),
        (["backfill", "binance-BTC/USDT", *DAY], "'binance-BTC/USDT' is not a market", "binance:BTC/USDT:USDT"),
        (["backfill", "binance:BTCUSDT", *DAY], "'binance:BTCUSDT' is not a market", "binance:BTC/USDT:USDT"),
        ([*BACKFILL, *DAY, "--timeframe", "7m"], "unknown timeframe '7m'", "1m"),
        ([*BACKFILL, "--start", "2026-11-02", "--end", "2026-11-01"], "before or at its start", "exclusive"),
        ([*BACKFILL, "--start", "2026-11-02T08:00"], "--start 2026-11-02T08:00 has no time zone", "08:00:00Z"),
        ([*BACKFILL, "--start", "yesterday"], "--start 'yesterday' is not a time", "2026-11-01"),
        ([*BACKFILL], "missing option '--start'", "qmd backfill --help"),
        (["backfill", *DAY], "missing argument", "qmd backfill --help"),
        ([*BACKFILL, *DAY, "--venue-url", "localhost:80"], "is not a server's address", "http://127.0.0.1:8080"),
        (["read", "binance:BTC/USDT"], "'binance:BTC/USDT' is not a series", "binance:BTC/USDT:1m"),
        (["read", "ftx:BTC/USDT:1m"], "unknown venue 'ftx'", "binance"),
        (["read", "binance:BTC/USDT:1m", "--end", "2026-11-02T08:00"], "has no time zone", "08:00:00Z"),
        (["coverage", "binance:BTC/USDT:1x"], "unknown timeframe '1x'", "1m"),
        (["series", "--timeframe", "1x"], "unknown timeframe '1x'", "1m"),
        (["sandbox", "--now", "noon"], "is not a time", "2026-11-01"),
        (["sandbox", "--faults", "no-such-file.toml"], "no-such-file.toml", ""),
        (["sandbox", "--replay", "no-such-folder"], "no-such-folder", ""),
        (["demo", "--home", "/proc/nowhere"], "/proc", ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_request_is_refused_before_anything_is_made(
    qmd: Qmd, own_home: Path, line: list[str], said: str, hint: str
):
    result = qmd(*line)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert re.search(rf"hint: .*{re.escape(hint)}", result.stderr) if hint else True
    assert "Traceback" not in result.stderr
    assert not own_home.exists()


@pytest.mark.parametrize("line", [["series"], ["verify"], ["coverage", "binance:BTC/USDT:1m"], ["read", "gate:A/B:1m"]])
def test_looking_at_a_lake_that_is_not_there_does_not_make_one(qmd: Qmd, own_home: Path, line: list[str]):
    result = qmd(*line)
    assert result.exit_code == 2
    assert f"there is no lake at {own_home / 'lake'}" in result.stderr
    assert "QMD_HOME" in result.stderr
    assert not own_home.exists()


@pytest.mark.parametrize("place", [".qmd", ".qmd/demo"])
def test_where_a_demo_left_a_lake_in_this_folder_the_hint_says_how_to_use_it(
    qmd: Qmd, own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
):
    monkeypatch.chdir(tmp_path)
    assert "`qmd demo`" in qmd("series").stderr
    past.make(tmp_path / place)
    assert f'export QMD_HOME="$PWD/{place}"' in qmd("series").stderr


def test_a_symbol_the_venue_does_not_list_is_answered_with_the_closest_ones(qmd: Qmd, sandbox: str):
    result = qmd("backfill", "binance:BTC/USDX", *DAY, "--venue-url", sandbox, "--json")
    assert result.exit_code == 2
    assert answer(result)["type"] == "UnknownMarket"
    assert "binance: does not list 'BTC/USDX'" in result.stderr
    assert "did you mean BTC/USDT" in result.stderr
    assert answer(qmd("series", "--json")) == []


def test_a_venue_that_does_not_answer_is_exit_code_3(qmd: Qmd):
    import socket

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        result = qmd(*BACKFILL, *DAY, "--venue-url", f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert result.exit_code == 3
    assert result.stderr.count("error: binance:") == 1


def test_a_home_that_is_a_file_is_refused(qmd: Qmd, sandbox: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    place = tmp_path / "a file"
    place.write_text("mine")
    monkeypatch.setenv("QMD_HOME", str(place / "home"))
    result = qmd(*BACKFILL, *DAY, "--venue-url", sandbox)
    assert result.exit_code == 2
    assert "is not a folder" in result.stderr
    assert place.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/self").exists(), reason="root may write anywhere")
def test_a_home_that_cannot_be_written_is_refused(qmd: Qmd, sandbox: str, monkeypatch: pytest.MonkeyPatch):
    # Not even root may make a folder in /proc.
    monkeypatch.setenv("QMD_HOME", "/proc/self/qmd-home")
    result = qmd(*BACKFILL, *DAY, "--venue-url", sandbox)
    assert result.exit_code in {2, 4}
    assert "/proc/self/qmd-home" in result.stderr
    assert "QMD_HOME" in result.stderr


def test_real_data_is_not_mixed_into_a_lake_of_sandbox_data(qmd: Qmd, in_filled: Path):
    before = everything(in_filled)
    result = qmd(*BACKFILL, *DAY)
    assert result.exit_code == 2
    assert "holds sandbox data and takes no live data" in result.stderr
    assert "--venue-url http://127.0.0.1:8080 while `qmd sandbox --port 8080` runs" in result.stderr
    assert everything(in_filled) == before


@pytest.fixture
def small(qmd: Qmd, own_home: Path, sandbox: str) -> Path:
    """A home of this test's own that holds one night of one market."""
    assert qmd(*BACKFILL, *DAY, "--venue-url", sandbox).exit_code == 0
    return own_home


def test_a_ledger_of_a_newer_schema_is_not_touched(qmd: Qmd, sandbox: str, small: Path):
    ledger = small / "lake" / "ledger.sqlite"
    with sqlite3.connect(ledger) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = everything(small)
    for line in (["series"], ["verify"], [*BACKFILL, *DAY, "--venue-url", sandbox]):
        result = qmd(*line)
        assert result.exit_code == 4, line
        assert "has schema 9999" in result.stderr
        assert "upgrade" in result.stderr
    assert everything(small) == before


def test_a_damaged_file_is_named_by_read_and_by_verify(qmd: Qmd, small: Path):
    (segment,) = small.glob("lake/data/table=candles_1m/**/*.parquet")
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    read = qmd("read", "binance:BTC/USDT:1m", "--json")
    assert read.exit_code == 4
    assert answer(read)["type"] == "CorruptSegment"
    assert segment.name in read.stderr
    assert "put the file back from a backup" in read.stderr
    verified = qmd("verify", "--json")
    assert verified.exit_code == 4
    (finding,) = answer(verified)["findings"]
    assert finding["kind"] == "damaged"
    assert finding["partition"] == "binance:BTC/USDT:1m 2026-11"
    assert "1 finding of damage" in qmd("verify").stdout


def test_a_file_no_commit_names_is_reported_and_is_no_damage(qmd: Qmd, small: Path):
    (segment,) = small.glob("lake/data/table=candles_1m/**/*.parquet")
    segment.with_name("left-behind.parquet").write_bytes(b"half a fil")
    result = qmd("verify", "--json")
    assert result.exit_code == 0
    assert [finding["kind"] for finding in answer(result)["findings"]] == ["orphan"]


def test_an_unknown_key_in_the_universe_file_names_file_line_and_choices(
    qmd: Qmd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: str, own_home: Path
):
    universe = tmp_path / "universe.toml"
    universe.write_text('start = "2026-11-01"\n[venues.gate]\nmarkets = ["BTC/USDT"]\nsymbols = ["ETH/USDT"]\n')
    monkeypatch.setenv("QMD_UNIVERSE", str(universe))
    found = {check["name"]: check for check in answer(qmd("doctor", "--venue-url", sandbox, "--json"))}
    assert found["universe"]["status"] == "fail"
    assert found["universe"]["said"] == f"{universe}, line 4: unknown key 'symbols'"
    assert "markets" in found["universe"]["todo"]
    dev = qmd("dev")
    assert dev.exit_code == 2
    assert f"{universe}, line 4" in dev.stderr
    assert not own_home.exists()


def test_a_fault_of_the_program_keeps_its_traceback_and_exits_with_1():
    program = (
        "from importlib import import_module\n"
        "import_module('qmd_platform.cli.series').command.callback = lambda **_: 1 / 0\n"
        "from qmd_platform.cli import main\n"
        "import sys; sys.argv = ['qmd', 'series']; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
