"""qmd backfill's ways of asking: again, rechecking, without the archive, for so long at most."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qmd_platform.cli.backfill import RUN_S
from qmd_platform.ingest.asking import Deadlines
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Series
from qmd_platform.model.spans import State
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from tests.cli.conftest import NOW, Qmd, answer

MARKET = "binance:BTC/USDT"
HOUR = ("--start", "2026-11-15T00:00:00Z", "--end", "2026-11-15T01:00:00Z")
HALF = {"market": MARKET, "start": "2026-11-15T00:00:00Z", "end": "2026-11-15T00:30:00Z"}


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox of this test alone, which answers for all venues."""
    with serving(now=instant(NOW)) as sandbox:
        monkeypatch.setenv("QMD_VENUE_URL", sandbox.url)
        yield sandbox


@pytest.fixture
def held(qmd: Qmd, exchange: Sandbox) -> Sandbox:
    """The same, and a lake that holds an hour."""
    assert qmd("backfill", MARKET, *HOUR).exit_code == 0
    exchange.reset()
    return exchange


def test_reading_again_an_hour_nobody_restated_changes_nothing(qmd: Qmd, held: Sandbox):
    result = qmd("backfill", MARKET, *HOUR, "--again")
    assert result.exit_code == 0
    assert "Read again: 60 candles, 0 restated (`qmd revisions SERIES` has both values), 60 as before." in result.stdout
    assert "Left out" not in result.stdout
    assert "compared" not in result.stdout


def test_reading_again_tells_what_was_restated(qmd: Qmd, held: Sandbox):
    held.plan_faults([{"kind": "restated", **HALF}])
    result = qmd("backfill", MARKET, *HOUR, "--again")
    assert result.exit_code == 0
    assert (
        "Read again: 60 candles, 30 restated (`qmd revisions SERIES` has both values), 30 as before." in result.stdout
    )
    assert len(answer(qmd("revisions", f"{MARKET}:1m", "--json"))) == 30


def test_reading_again_tells_what_the_venue_has_withdrawn_and_keeps_it(qmd: Qmd, held: Sandbox):
    held.plan_faults([{"kind": "hole", "timeframe": "1m", **HALF | {"start": "2026-11-15T00:20:00Z"}}])
    result = qmd("backfill", MARKET, *HOUR, "--again")
    assert result.exit_code == 0
    assert "Left out by the venue now: 10 candles. They stay." in result.stdout
    (row,) = answer(qmd("backfill", MARKET, *HOUR, "--again", "--json"))
    assert (row["reread"], row["vanished"], row["changed"], row["present"]) == (50, 10, 0, 60)


def test_without_being_told_to_nothing_is_read_again(qmd: Qmd, held: Sandbox):
    held.plan_faults([{"kind": "restated", **HALF}])
    result = qmd("backfill", MARKET, *HOUR)
    assert "Nothing to fetch: all 60 candles are held." in result.stdout
    assert held.requests() == []


def test_reading_again_what_cannot_be_read_is_not_all_there(qmd: Qmd, held: Sandbox):
    held.plan_faults([{"kind": "server_error", "path": "klines"}])
    result = qmd("backfill", MARKET, *HOUR, "--again")
    assert result.exit_code == 5
    assert "failed: " in result.stderr
    assert "missing of what was asked for" not in result.stderr


EMPTY = Window.of("2026-11-15T00:20:00Z", "2026-11-15T00:30:00Z")


def test_a_recheck_asks_for_what_was_empty_when_it_is_due_and_not_before(
    qmd: Qmd, exchange: Sandbox, own_home: Path, monkeypatch: pytest.MonkeyPatch
):
    hole = {"kind": "hole", "timeframe": "1m", "market": MARKET, "start": EMPTY.start, "end": EMPTY.end}
    exchange.plan_faults([hole])
    (row,) = answer(qmd("backfill", MARKET, *HOUR, "--json"))
    assert (row["present"], row["verified_empty"]) == (50, 10)
    exchange.plan_faults([])  # the venue repairs its history
    (row,) = answer(qmd("backfill", MARKET, *HOUR, "--recheck", "--json"))
    assert row["new"] == 0, "an hour has not gone by"
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 2 * 3600 * 10**9)
    (row,) = answer(qmd("backfill", MARKET, *HOUR, "--json"))
    assert row["new"] == 0, "nobody asked for a recheck"
    (row,) = answer(qmd("backfill", MARKET, *HOUR, "--recheck", "--json"))
    assert (row["new"], row["present"], row["verified_empty"]) == (10, 60, 0)
    with Lake.open(own_home / "lake") as lake:
        (run,) = lake.coverage(Series.parse(f"{MARKET}:1m"), EMPTY)
    assert run.state is State.PRESENT


DAYS = ("--start", "2026-10-01", "--end", "2026-11-01", "--timeframe", "5m")


def archive_files(sandbox: Sandbox) -> int:
    return sum(one["venue"] == "archive" for one in sandbox.requests())


def test_a_closed_month_comes_from_the_archive_and_is_compared_with_the_api(qmd: Qmd, exchange: Sandbox):
    result = qmd("backfill", MARKET, *DAYS)
    assert result.exit_code == 0
    assert "Of the archive's candles 1,000 were compared with the API: 0 differ." in result.stdout
    assert archive_files(exchange)


def test_without_the_archive_all_of_it_comes_from_the_api(qmd: Qmd, exchange: Sandbox):
    (row,) = answer(qmd("backfill", MARKET, *DAYS, "--no-archive", "--json"))
    assert (row["present"], row["compared"]) == (31 * 288, 0)
    assert archive_files(exchange) == 0


def test_what_came_before_the_deadline_is_kept(qmd: Qmd, exchange: Sandbox):
    exchange.plan_faults([{"kind": "hang", "path": "symbol=ETHUSDT", "seconds": 60}])
    markets = (MARKET, "binance:ETH/USDT")
    result = qmd("backfill", *markets, *HOUR, "--deadline", "3s")
    assert result.exit_code == 3
    assert "the run's 3 s are over" in result.stderr
    assert "hint: run it again" in result.stderr
    found = {row["series"]: row["present"] for row in answer(qmd("series", "--json"))}
    assert found[f"{MARKET}:1m"] == 60
    exchange.plan_faults([])
    rows = answer(qmd("backfill", *markets, *HOUR, "--deadline", "60", "--json"))
    assert [(row["present"], row["requests"] > 0) for row in rows] == [(60, False), (60, True)]


def test_the_deadline_is_told_as_it_is():
    assert float(RUN_S) == Deadlines().run_s


@pytest.mark.parametrize(
    ("deadline", "said"),
    [
        ("0", "--deadline is 0"),
        ("0s", "--deadline is 0"),
        ("-5", "--deadline '-5' is negative"),
        ("soon", "--deadline 'soon' is not a length of time"),
        ("nan", "--deadline 'nan' is not a length of time"),
        ("inf", "--deadline 'inf' is not a length of time"),
        ("10 minutes", "--deadline '10 minutes' is not a length of time"),
        ("10x", "--deadline '10x' is not a length of time"),
        ("", "--deadline '' is not a length of time"),
    ],
)
def test_a_deadline_that_is_none_is_refused(qmd: Qmd, own_home: Path, deadline: str, said: str):
    result = qmd("backfill", MARKET, *HOUR, "--deadline", deadline)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "hint: give seconds above 0, or a number and a unit: 600, 30s, 10m, 1.5h" in result.stderr
    assert not own_home.exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--agian"], "no such option '--agian'. Did you mean '--again'?"),
        (["--recheck=yes"], "option '--recheck' does not take a value"),
        (["--no-archive=1"], "option '--no-archive' does not take a value"),
        (["--deadline"], "option '--deadline' requires an argument"),
    ],
)
def test_a_way_of_asking_that_is_none_is_refused(qmd: Qmd, own_home: Path, given: list[str], said: str):
    result = qmd("backfill", MARKET, *HOUR, *given)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not own_home.exists()
