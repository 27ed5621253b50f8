"""``qmd live``: the view says what collectors said last; the service starts again what dies, and ends when it is told to."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from qmd_platform.cli import live
from qmd_platform.cli.children import offspring
from qmd_platform.cli.collectors import Collectors
from qmd_platform.cli.live import NOT_WELL
from qmd_platform.cli.services import Service
from qmd_platform.config import load_universe
from qmd_platform.errors import WrongWorld
from qmd_platform.lake.store import Lake
from qmd_platform.live import told
from qmd_platform.live.child import main, unheard, wanted
from qmd_platform.live.lock import alone
from qmd_platform.live.log import FOLDER
from qmd_platform.live.told import Connection, Newest, Told
from qmd_platform.model.series import Market
from qmd_platform.sandbox.server import running
from tests.cli.conftest import Qmd

UNIVERSE = """
start = "2026-11-01"
timeframes = []
[venues.binance]
markets = ["BTC/USDT", "BTC/USDT:USDT"]
[venues.kraken]
markets = ["BTC/USD"]
"""
PATIENCE = 90.0


@pytest.fixture
def home(own_home: Path) -> Path:
    own_home.mkdir(parents=True)
    (own_home / "universe.toml").write_text(UNIVERSE, "utf-8")
    return own_home


def said(home: Path, venue: str, **changes: object) -> Told:
    """Have a collector of ``venue`` say something now."""
    now = time.time_ns() // 1_000_000
    connection = Connection("linear 1/1", "live", now, 3, now - 1500, connects=3, stalls=1, unreadable=0, why="")
    one = Told(
        venue=venue,
        pid=1,
        started_at=now - 60_000,
        at=now,
        is_over=False,
        series=2,
        perpetuals=1,
        connections=[connection],
        closed={f"{venue}:BTC/USDT:1m": Newest(1_795_262_400_000, 100.5, now)},
        forming={},
        queue={"waiting": 4, "dropped": {"closed": {"count": 7, "total_s": 1.0, "worst_s": 0.5}}},
        written=1234,
        appends=20,
        age_s=0.012,
        worst_age_s=1.0,
        repeated=0,
        contradicted=0,
        early=0,
        unwritten=0,
        cut=0,
        trouble="",
        holes={f"{venue}:BTC/USDT:1m": [(0, 60_000)]},
    )
    one = msgspec.structs.replace(one, **changes)
    folder = home / FOLDER / venue
    folder.mkdir(parents=True, exist_ok=True)
    told.write(folder, one)
    return one


def test_the_view_has_a_line_a_venue_and_is_well_only_when_all_are(qmd: Qmd, home: Path):
    said(home, "binance")
    result = qmd("live", "--once")
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert lines["binance"].split() == [
        *("binance", "live", "3", "1/1", "2026-11-21", "12:00"),
        *lines["binance"].split()[6:8],
        *("12", "ms", "4", "7", "2", "1", "1,234"),
    ]
    assert lines["kraken"].split() == ["kraken", "not", "running"]
    assert result.exit_code == NOT_WELL
    said(home, "kraken")
    assert qmd("live", "--once").exit_code == 0
    assert qmd("live", "--once", "--venue", "binance").exit_code == 0


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        ({"at": 0}, "gone"),
        ({"is_over": True}, "ended"),
        ({"trouble": "cannot write: No space left on device"}, "trouble"),
        ({"connections": []}, "starting"),
        ({"is_over": True, "is_failed": True, "trouble": "binance: no such market"}, "failed"),
        ({"connections": [Connection("a", "live", 0, 3, 0, 1, 0, 0, "", (), ("no such pair",))]}, "refused"),
    ],
)
def test_a_collector_that_is_not_well_is_named_by_what_ails_it(
    qmd: Qmd, home: Path, changes: dict[str, object], phase: str
):
    said(home, "binance", **changes)
    result = qmd("live", "--venue", "binance", "--json")
    found = json.loads(result.stdout)["venues"]["binance"]
    assert (found["phase"], found["is_well"], result.exit_code) == (phase, False, NOT_WELL)


def test_the_worst_connection_speaks_for_all(qmd: Qmd, home: Path):
    one = said(home, "binance")
    waiting = msgspec.structs.replace(one.connections[0], phase="waiting", why="the venue closed it: 1006")
    said(home, "binance", connections=[one.connections[0], waiting])
    lines = qmd("live", "--once").stdout.splitlines()
    assert next(line for line in lines if line.startswith("binance")).split()[1] == "waiting"
    assert "binance: waiting: the venue closed it: 1006" in lines


def test_where_nobody_listens_the_view_says_how_to_begin(qmd: Qmd, home: Path):
    begun = "qmd live collect"
    assert begun in qmd("live", "--once").stdout
    said(home, "kraken")
    assert begun not in qmd("live", "--once").stdout


def test_what_is_refused_or_silent_is_counted_and_only_what_is_refused_is_not_well(qmd: Qmd, home: Path):
    one = said(home, "binance")
    silent = msgspec.structs.replace(one.connections[0], silent=("a", "b"))
    said(home, "binance", connections=[silent])
    result = qmd("live", "--once", "--venue", "binance")
    assert ("3 (2 silent)" in result.stdout, result.exit_code) == (True, 0)
    said(home, "binance", connections=[silent, msgspec.structs.replace(silent, refusals=("binance: NOPE/USDT",))])
    result = qmd("live", "--once", "--venue", "binance")
    assert "3 (1 refused, 4 silent)" in result.stdout
    assert "binance: refused: binance: NOPE/USDT" in result.stdout
    assert result.exit_code == NOT_WELL


@pytest.mark.parametrize("width", [60, 80, 110, 140])
def test_however_narrow_the_terminal_who_and_how_it_is_are_whole(
    qmd: Qmd, home: Path, monkeypatch: pytest.MonkeyPatch, width: int
):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal
    why = "cannot be reached: " + "a long story " * 20
    one = said(home, "binance")
    said(home, "binance", connections=[msgspec.structs.replace(one.connections[0], phase="connecting", why=why)])
    once = re.sub(r"\x1b\[[0-9;]*m", "", qmd("live", "--once").stdout).splitlines()
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(live.view(home, ["binance", "kraken"]))
    for lines in (once, captured.get().splitlines()):
        assert lines[2].split()[:3] == ["binance", "connecting", "3"]
        assert lines[3].split() == ["kraken", "not", "running"]
        assert max(map(len, lines)) <= width
    assert len(captured.get().splitlines()) <= 2 + 2 + 1 + 1, "as high as it has venues"
    assert ("no room for: to disk" in captured.get()) == (width < 120)


def test_the_view_that_is_told_to_end_gives_the_cursor_back(home: Path):
    said(home, "binance")
    terminal, theirs = pty.openpty()
    view = [sys.executable, "-c", "from qmd_platform.cli.app import app; app.main()", "live"]
    with subprocess.Popen(view, env={**os.environ, "TERM": "xterm"}, stdin=theirs, stdout=theirs) as process:
        os.close(theirs)
        drawn = b""
        with suppress(OSError):  # the terminal is gone with who drew on it
            while more := os.read(terminal, 65536):
                if b"binance" in drawn + more and b"binance" not in drawn:
                    process.send_signal(signal.SIGTERM)
                drawn += more
    os.close(terminal)
    assert process.returncode == 0
    assert (drawn.count(b"\x1b[?25l"), drawn.count(b"\x1b[?25h")) == (1, 1), "hidden, and shown again"


def test_the_view_is_drawn_anew_until_ctrl_c(home: Path, monkeypatch: pytest.MonkeyPatch):
    looks: list[float] = []

    def slept(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            raise KeyboardInterrupt

    said(home, "binance")
    monkeypatch.setattr(live.time, "sleep", slept)
    assert live.watch(home, ["binance", "kraken"]) == 0
    assert len(looks) == 3


def test_what_cannot_be_meant_is_refused(qmd: Qmd, home: Path):
    unknown = qmd("live", "--venue", "krake")
    assert (unknown.exit_code, "did you mean kraken?" in unknown.output) == (2, True)
    once = qmd("live", "collect", "--once")
    assert (once.exit_code, "--once is for the view" in once.output) == (2, True)
    with alone(home / FOLDER / "lock", "x"):
        second = qmd("live", "collect")
    assert (second.exit_code, "is running already" in second.output) == (2, True)
    with alone(home / FOLDER / "binance" / "lock", "x"):
        assert main(["binance"]) == 2


def test_what_the_lake_beside_would_refuse_is_not_collected(qmd: Qmd, home: Path):
    """A log of the other world would make every tail of this home fail."""
    with Lake.open(home / "lake") as lake:
        lake.claim_world("sandbox")
    result = qmd("live", "collect")
    assert (result.exit_code, "holds sandbox data and takes no live data" in result.output) == (
        WrongWorld.exit_code,
        True,
    )
    assert not (home / FOLDER).exists()


def test_what_a_venue_does_not_stream_is_left_to_rest_and_named(home: Path):
    text = UNIVERSE.replace('markets = ["BTC/USD"]', 'markets = ["BTC/USD"]\nnative = ["1h", "8h"]')
    (home / "universe.toml").write_text(text.replace('"8h"', '"1d"'), "utf-8")
    universe = load_universe()
    of_binance = wanted(universe.venues["binance"])
    assert [str(one) for one in of_binance] == [
        "binance:BTC/USDT:1m",
        "binance:BTC/USDT:USDT:1m",
        "binance:BTC/USDT:USDT",
    ]
    assert isinstance(of_binance[-1], Market)
    of_kraken = wanted(universe.venues["kraken"])
    assert unheard(universe.venues["kraken"], of_kraken[:1]) == of_kraken[1:]


def test_a_collector_that_cannot_be_kept_running_is_given_up_and_the_others_go_on(tmp_path: Path):
    lines: list[str] = []
    fails = Service("collector of a", [sys.executable, "-S", "-c", "raise SystemExit(2)"])
    lives = Service("collector of b", [sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    collectors = Collectors([fails, lives], dict(os.environ), tmp_path, lines.append)
    collectors.tell = lambda line: lines.append(line) or _end_of(line, lives)
    fails.failures = 4  # it has ended so often already
    with pytest.raises(KeyboardInterrupt):
        collectors.run()
    assert [line for line in lines if "given up" in line] == [
        "the collector of a is given up: it ended 5 times in a row"
    ]
    assert lives.process is not None
    # One that has only just begun to start would tell of SIGINT with a traceback.
    assert lives.process.returncode == -signal.SIGTERM


def _end_of(line: str, lives: Service) -> None:
    if "given up" in line:
        assert lives.process is not None
        assert lives.process.poll() is None
        raise KeyboardInterrupt


def until(condition: Callable[[], object], process: "subprocess.Popen[bytes]") -> None:
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, "the service ended"
        assert time.monotonic() < ends
        time.sleep(0.1)


@contextmanager
def service(home: Path, url: str) -> Iterator["subprocess.Popen[bytes]"]:
    program = "from qmd_platform.cli.app import app; app.main()"
    command = [sys.executable, "-c", program, "live", "collect", "--venue", "binance", "--venue-url", url]
    env = {**os.environ, "QMD_HOME": str(home)}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_the_service_collects_starts_again_what_is_killed_and_ends_on_sigterm(home: Path):
    folder = home / FOLDER / "binance"

    def pid() -> int | None:
        state = told.read(folder)
        return state.pid if state is not None and state.is_well(state.at) else None

    with running(speed=60.0) as url, service(home, url) as process:
        until(lambda: pid() is not None and list(folder.glob("candles-*.log")), process)
        first = pid()
        assert offspring(process.pid) == {first}
        os.kill(first or 0, signal.SIGKILL)
        until(lambda: pid() not in {None, first}, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        words = process.stderr.read().decode()
    assert "was killed by signal 9; it is started again" in words
    state = told.read(folder)
    assert state is not None
    assert state.is_over, "it was asked to end, and wrote what waited"
