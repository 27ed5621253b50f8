"""``qmd tardis``: what Tardis recorded, brought in or looked at; help, progress, refusals and exit codes."""

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from qmd_platform.ingest import tardis_files
from qmd_platform.sandbox.server import running
from qmd_platform.sandbox.tardis import KEY
from tests.cli.conftest import Qmd, answer
from tests.venues.asking import QUICK

FIRST = ("--start", "2026-11-01", "--end", "2026-11-02")
SECOND = ("--start", "2026-11-02", "--end", "2026-11-03")
BTC, GATE = "kraken:BTC/USD", "gate:BTC/USDT:USDT"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(now="2026-11-20T12:00:00Z") as address:
        yield address


@pytest.fixture(autouse=True)
def home(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QMD_HOME", str(tmp_path))
    monkeypatch.setenv("QMD_VENUE_URL", url)
    monkeypatch.delenv("TARDIS_API_KEY", raising=False)
    monkeypatch.delenv("TARDIS_MACHINE_URL", raising=False)
    monkeypatch.setattr(tardis_files, "PATIENCE", QUICK)
    return tmp_path


@pytest.mark.parametrize("name", ["fetch", "exchanges", "show"])
def test_every_command_of_the_group_has_help_examples_and_json(qmd: Qmd, name: str):
    text = qmd("tardis", name, "--help").output
    assert "Examples:" in text
    assert f"qmd tardis {name}" in text
    assert "--json" in text


def test_a_free_day_is_fetched_with_progress_and_an_account_and_a_second_time_from_the_disk(qmd: Qmd, home: Path):
    result = qmd("tardis", "fetch", BTC, *FIRST)
    assert result.exit_code == 0, result.output
    assert "kraken:BTC/USD: 1 file" in result.stderr
    assert "kraken:BTC/USD:1m 2026-11:" in result.stdout
    assert "came in: " in result.stdout
    assert "used, 4 outside." in result.stdout
    assert (home / "tardis/v1/kraken/trades/2026/11/01/BTC-USD.csv.gz").is_file()
    again = answer(qmd("tardis", "fetch", BTC, *FIRST, "--json"))["candles_1m"]
    assert again["receipts"][0]["new"] == 0
    assert again["account"]["used"] > 5_000
    assert answer(qmd("series", "--json"))[0]["series"] == "kraken:BTC/USD:1m"


def test_a_day_that_needs_a_key_says_so_and_exits_as_a_refusal(qmd: Qmd, monkeypatch: pytest.MonkeyPatch):
    result = qmd("tardis", "fetch", BTC, *SECOND)
    assert result.exit_code == 3
    assert "error: tardis: HTTP 401" in result.stderr
    assert "hint: there is no key; set TARDIS_API_KEY." in result.stderr
    monkeypatch.setenv("TARDIS_API_KEY", KEY)
    assert qmd("tardis", "fetch", BTC, *SECOND).exit_code == 0


def test_days_that_are_not_published_yet_are_named_in_words_and_in_json(qmd: Qmd, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TARDIS_API_KEY", KEY)
    window = ("--start", "2026-11-19", "--end", "2026-11-22")
    result = qmd("tardis", "fetch", BTC, *window)
    assert result.exit_code == 0, result.output
    assert "left for later: 2026-11-20 to 2026-11-21: not published yet" in result.stderr
    (left,) = answer(qmd("tardis", "fetch", BTC, *window, "--json"))["candles_1m"]["left"]
    assert (left["start"], left["end"]) == ("2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z")


def test_a_contracts_states_are_fetched_with_json(qmd: Qmd):
    market = "okx:BTC/USDT:USDT"
    found = answer(qmd("tardis", "fetch", market, "--type", "derivative_ticker", "--every", "1h", *FIRST, "--json"))
    assert {name: one["account"]["used"] for name, one in found.items()} == {
        "funding_predictions": 24,
        "open_interest": 24,
    }


def test_a_machine_of_ones_own_is_asked_instead_where_it_is_named(qmd: Qmd, url: str, monkeypatch: pytest.MonkeyPatch):
    window = ("--start", "2026-11-02T00:00Z", "--end", "2026-11-02T01:00Z")
    named = answer(qmd("tardis", "fetch", BTC, *window, "--machine", url.replace("http", "ws"), "--json"))
    monkeypatch.setenv("TARDIS_MACHINE_URL", url)
    again = answer(qmd("tardis", "fetch", BTC, *window, "--json"))
    assert named["candles_1m"]["receipts"][0]["new"] > 50
    assert again["candles_1m"]["receipts"][0]["new"] == 0
    assert named["candles_1m"]["account"]["refused"] == 0


def test_a_machine_that_is_not_there_is_named_with_a_hint(qmd: Qmd):
    down = "http://127.0.0.1:9"
    result = qmd("tardis", "fetch", BTC, *FIRST, "--machine", down)
    assert (result.exit_code, f"from {down}" in result.stderr, f"the machine at {down}" in result.stderr) == (
        3,
        True,
        True,
    )
    assert "hint: does a tardis-machine run there?" in result.stderr


def test_exchanges_are_listed_and_one_of_them_with_its_data_sets(qmd: Qmd):
    listed = {one["exchange"]: one for one in answer(qmd("tardis", "exchanges", "--json"))}
    assert listed["okex-swap"] == {
        "exchange": "okex-swap",
        "venue": "okx",
        "kind": "perpetual",
        "amounts": "contracts",
        "since": "2019-01-01",
        "recorded": True,
    }
    assert "BTC-USDT-SWAP" in qmd("tardis", "exchanges", "okex-swap").stdout
    wrong = qmd("tardis", "exchanges", "okx-swap")
    assert (wrong.exit_code, "did you mean okex-swap" in wrong.stderr) == (2, True)


def test_a_file_is_read_to_its_end_and_shown(qmd: Qmd, home: Path):
    qmd("tardis", "fetch", BTC, *FIRST)
    (path,) = home.rglob("*.csv.gz")
    shown = answer(qmd("tardis", "show", path, "--rows", "2", "--json"))
    assert shown["types"] == ["trades", "liquidations"]
    assert (len(shown["shown"]), shown["rows"] > 5_000) == (2, True)
    assert shown["first"].startswith("2026-11-01T00:00:")
    text = qmd("tardis", "show", path, "--rows", "1").stdout
    assert "local_timestamp" in text
    path.write_bytes(path.read_bytes()[:-40])
    cut = qmd("tardis", "show", path)
    assert (cut.exit_code, "delete the file to have it downloaded again" in cut.stderr) == (3, True)
    own = path.rename(home / "mine.csv.gz")  # nothing downloads this one again
    cut = qmd("tardis", "show", own)
    assert (cut.exit_code, "or later: " in cut.stderr, "hint" in cut.stderr) == (3, True, False)


def altered(home: Path, qmd: Qmd) -> Path:
    """A fetched file with a price of 0 in line 51 and line 60 twice, kept in place of the one that came; its lake is another."""
    qmd("tardis", "fetch", BTC, *FIRST)
    (path,) = home.rglob("*.csv.gz")
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    cells = lines[50].split(b",")
    cells[6] = b"0"
    path.write_bytes(gzip.compress(b"".join([*lines[:50], b",".join(cells), *lines[51:60], *lines[59:]])))
    shutil.rmtree(home / "lake")
    return path


def test_a_row_that_cannot_be_is_said_by_show_with_its_line(qmd: Qmd, home: Path):
    path = altered(home, qmd)
    result = qmd("tardis", "show", path, "--rows", "0")
    assert result.exit_code == 5
    assert "1 of them came before" in result.stdout
    assert f"{path} line 51: price 0.0 is not above 0" in result.stderr
    assert "1 row refused" in result.stderr
    shown = answer(qmd("tardis", "show", path, "--rows", "0", "--json"))
    assert (shown["refused"], shown["duplicates"], len(shown["not whole"])) == (1, 1, 1)


def test_a_row_that_cannot_be_leaves_its_minute_out_and_is_told_by_words_json_and_exit_code(qmd: Qmd, home: Path):
    altered(home, qmd)
    result = qmd("tardis", "fetch", BTC, *FIRST)
    assert result.exit_code == 5, result.output
    assert "BTC-USD.csv.gz line 51: price 0.0 is not above 0" in result.stderr
    assert "1 minute without a candle: a row of Tardis's that belongs to this minute is refused" in result.stdout
    found = answer(qmd("tardis", "fetch", BTC, *FIRST, "--json"))["candles_1m"]
    (failure,) = found["failures"]
    (receipt,) = found["receipts"]
    assert (receipt["failures"], receipt["refused"]) == ([failure], 1)
    (lacking,) = (one for one in found["lacking"] if "line 51" in one["why"])
    assert (lacking["state"], lacking["start"] in failure) == ("missing", True)


def test_what_is_not_there_is_counted_and_that_nobody_will_ask_for_it_is_said(qmd: Qmd):
    result = qmd("tardis", "fetch", BTC, *FIRST)
    assert "minutes without a candle: no trade in Tardis's file" in result.stdout
    assert "1 minute without a candle: no file or replay that came so far" in result.stdout
    assert "kraken:BTC/USD is not in the universe" in result.stderr
    assert "nothing was needed" not in result.stdout


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (["show", "nowhere.csv.gz"], "there is no file nowhere.csv.gz"),
        (["fetch", BTC, *FIRST, "--type", "quotes"], "'quotes' is not one of 'trades', 'derivative_ticker'"),
        (["fetch", BTC, *FIRST, "--type", "derivative_ticker"], "is no perpetual"),
        (["fetch", BTC, *FIRST, "--machine", "here"], "is not the address of a tardis-machine"),
        (["fetch", GATE, *FIRST, "--type", "derivative_ticker"], "says neither when is settled nor open interest"),
        (
            ["fetch", GATE, *FIRST, "--type", "derivative_ticker", "--machine", "http://x"],
            "of a machine only candles are made",
        ),
        (["fetch", BTC, *FIRST, "--every", "often"], "--every 'often' is not a length of time"),
        (["fetch", BTC, "--start", "2020-01-01", "--end", "2020-01-02"], "kraken has no trades of kraken:BTC/USD"),
        (["fetsch"], "no such command 'fetsch'"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_written(qmd: Qmd, line: list[str], why: str):
    result = qmd("tardis", *line)
    assert (result.exit_code, why in result.stderr) == (2, True), result.stderr
