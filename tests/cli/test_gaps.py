"""The map of coverage, the agenda of gaps and filling them, on a real lake and a real server."""

from pathlib import Path

import pytest

from qmd_platform.cli.coverage_map import LEVELS, cell
from qmd_platform.coverage.heatmap import Cell
from qmd_platform.coverage.summary import Summary
from qmd_platform.ingest.asking import Asking
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.rollup import roll_up
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from tests.cli.conftest import NOW, Qmd, answer

UNIVERSE = """
start = "2026-11-15"
timeframes = ["1h"]
[venues.binance]
markets = ["BTC/USDT", "ETH/USDT"]
[venues.bitfinex]
markets = ["BTC/USD"]
"""
CLOSED = 150
LEFT_TO_TAILS = 15


@pytest.fixture
def home(tmp_path: Path, sandbox: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a universe and a lake that holds its first hour of one market, at the sandbox's time of the day."""
    monkeypatch.setenv("QMD_HOME", str(tmp_path))
    monkeypatch.setenv("QMD_VENUE_URL", sandbox)
    monkeypatch.setattr("qmd_platform.cli.kit.now", lambda: instant(NOW))
    (tmp_path / "universe.toml").write_text(UNIVERSE)
    return tmp_path


@pytest.fixture
def begun(qmd: Qmd, home: Path) -> Path:
    line = ("backfill", "binance:BTC/USDT", "--start", "2026-11-15", "--end", "2026-11-15T01:00Z")
    assert qmd(*line).exit_code == 0
    return home


def test_the_map_has_a_line_for_all_that_is_wanted_and_counts_what_nobody_asked_for(qmd: Qmd, begun: Path):
    found = answer(qmd("coverage", "--json"))
    assert [one["series"] for one in found["series"]] == [
        "binance:BTC/USDT:1m",
        "binance:ETH/USDT:1m",
        "bitfinex:BTC/USD:1m",
    ]
    assert found["series"][0]["months"]["2026-11"]["present"] == 60
    assert found["series"][0]["never_asked"] == CLOSED - 60
    assert found["totals"]["wanted"] == 3 * CLOSED
    assert found["venues"]["binance"]["never_asked"] == 2 * CLOSED - 60
    assert found["series"][0]["gaps"] == [
        {
            "start": "2026-11-15T01:00:00Z",
            "end": "2026-11-15T02:30:00Z",
            "candles": 90,
            "state": "missing",
            "cause": "",
            "asks": 0,
            "last_asked": None,
            "next_ask": NOW,
        }
    ]


def test_the_map_is_drawn_with_totals_and_the_gravest_gaps(qmd: Qmd, begun: Path):
    text = qmd("coverage").stdout
    assert "binance:BTC/USDT:1m" in text
    assert "40.00 %" in text
    assert "never asked for" in text
    assert "total" in text
    one = qmd("coverage", "bitfinex").stdout
    assert "binance" not in one
    assert "bitfinex:BTC/USD:1m" in one


def test_how_to_ask_for_gaps_is_said_as_this_lake_takes_it(qmd: Qmd, begun: Path, monkeypatch: pytest.MonkeyPatch):
    assert "`qmd gaps --fill`." in qmd("gaps").stderr
    monkeypatch.delenv("QMD_VENUE_URL")
    assert "`qmd gaps --fill --venue-url http://127.0.0.1:8080` with `qmd sandbox --port 8080`" in qmd("gaps").stderr


def test_a_cell_shows_the_gravest_and_how_much_is_there():
    assert cell(None) == " "
    assert cell(Cell(Summary(expected=10, present=10))) == "[green]█[/]"
    assert cell(Cell(Summary(expected=10, present=9, missing=1))) == f"[red]{LEVELS[6]}[/]"
    assert cell(Cell(Summary(expected=10, present=1, quarantined=9))) == f"[yellow]{LEVELS[0]}[/]"
    assert cell(Cell(Summary(expected=10, missing=10))) == "[red]x[/]"
    assert cell(Cell(Summary(), 10)) == "[blue]?[/]"
    assert cell(Cell(Summary(expected=9_999_999, present=9_999_999), 1)) == f"[blue]{LEVELS[6]}[/]"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["coverage", "nowhere"], "unknown venue 'nowhere'"),
        (["coverage", "binance", "--start", "2026-11-15"], "--start and --end go with a series"),
        (["gaps", "okx"], "has nothing of okx"),
        (["gaps", "binance:BTC/USDT:5m"], "does not want binance:BTC/USDT:5m"),
        (["gaps", "--budget", "0"], "--budget"),
    ],
)
def test_what_is_not_wanted_is_refused(qmd: Qmd, begun: Path, line: list[str], said: str):
    result = qmd(*line)
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_agenda_says_what_is_asked_next_and_why(qmd: Qmd, begun: Path):
    found = answer(qmd("gaps", "--json"))["ranges"]
    assert [(one["verdict"], one["table"], one["venue"], one["candles"]) for one in found] == [
        ("ask", "candles_1m", "binance", 2 * (CLOSED - LEFT_TO_TAILS) - 60),
        ("ask", "candles_1h", "binance", 1),
        ("ask", "candles_1m", "bitfinex", CLOSED - 60),
    ], "as the sensors have it, which leave the newest candles to the tails"
    assert "never asked for" in found[0]["sentence"]
    assert found[1]["requests"] == 0
    text = qmd("gaps", "binance").stdout
    assert "Asked next, newest first" in text
    assert "binance:BTC/USDT to ETH/USDT (2 markets), 1m, 2026-11" in text
    later = answer(qmd("gaps", "binance", "--budget", "1", "--json"))["ranges"]
    assert [one["verdict"] for one in later] == ["ask", "ask", "later"]


def test_filling_asks_for_all_that_is_due_rolls_it_up_and_leaves_nothing_to_do(
    qmd: Qmd, begun: Path, monkeypatch: pytest.MonkeyPatch
):
    result = qmd("gaps", "--fill", "--json")
    receipts = {(one["series"], one["month"]): one for one in answer(result)}
    assert set(receipts) == {
        (f"{market}:{step}", "2026-11")
        for market in ("binance:BTC/USDT", "binance:ETH/USDT", "bitfinex:BTC/USD")
        for step in ("1m", "1h")
    }
    assert receipts["binance:BTC/USDT:1m", "2026-11"]["new"] == CLOSED - 60
    assert receipts["binance:ETH/USDT:1h", "2026-11"]["present"] == 2
    assert (result.exit_code == 0) == all(one["missing"] == 0 for one in receipts.values())
    assert "asked now, in about" in result.stderr
    monkeypatch.setattr("qmd_platform.cli.kit.now", lambda: instant(NOW) - 30 * MINUTE)
    assert "Nothing is due" in qmd("gaps", "binance", "--fill").stdout
    assert "Nothing is missing" in qmd("gaps", "binance").stdout
    assert answer(qmd("coverage", "binance", "--json"))["totals"]["share"] == 1


def test_a_venue_that_does_not_answer_ends_the_filling_with_its_error(
    qmd: Qmd, begun: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("QMD_VENUE_URL", "http://127.0.0.1:9")
    result = qmd("gaps", "binance:BTC/USDT:1m", "--fill")
    assert result.exit_code == 3
    assert "asked now" in result.stderr


def test_a_market_the_venue_does_not_list_stops_no_other(qmd: Qmd, begun: Path):
    text = UNIVERSE.replace('"ETH/USDT"', '"ETH/USDT", "NOSUCH/USDT"')
    (begun / "universe.toml").write_text(text)
    result = qmd("gaps", "binance", "--fill")
    assert result.exit_code == 2
    assert "NOSUCH/USDT" in result.stderr
    found = {one["series"]: one for one in answer(qmd("coverage", "binance", "--json"))["series"]}
    assert found["binance:BTC/USDT:1m"]["present"] == found["binance:ETH/USDT:1m"]["present"] == CLOSED
    assert found["binance:NOSUCH/USDT:1m"]["never_asked"] == CLOSED
    assert "NOSUCH" in qmd("gaps", "binance").stdout, "it stays on the agenda"


def test_longer_candles_are_made_again_when_a_venue_fills_what_was_empty(
    qmd: Qmd, home: Path, monkeypatch: pytest.MonkeyPatch
):
    market, day = Market("binance", "BTC/USDT"), Window(instant("2026-11-15"), instant(NOW))
    gap = {"kind": "gap", "market": str(market), "start": "2026-11-15T00:10:00Z", "end": "2026-11-15T00:30:00Z"}
    asked_before = Asking(archive=False, clock=lambda: instant(NOW) - 120 * MINUTE)
    longer = Series.candles(market, Timeframe.H1)
    (home / "universe.toml").write_text(UNIVERSE)
    with serving(now=instant(NOW), faults=[gap]) as venue, Lake.open(home / "lake") as lake:
        monkeypatch.setenv("QMD_VENUE_URL", venue.url)
        backfill(lake, [market], Timeframe.M1, day, run_id="r", url=venue.url, asking=asked_before)
        roll_up(lake, market, Timeframe.H1, day, run_id="r")
        venue.plan_faults([])
        true = venue.truth(market, Timeframe.H1, day)
        assert not lake.candles(longer).equals(true)
        qmd("gaps", "binance", "--fill")
        assert lake.candles(longer).equals(true)
