"""seal, vacuum, and what the doctor says of a lake: what is due, and what is left alone."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.cli.durations import duration, text_of
from qmd_platform.cli.kit import now
from qmd_platform.cli.upkeep import checks
from qmd_platform.errors import ConfigError, choices
from qmd_platform.lake.store import Lake
from tests.cli import past
from tests.cli.conftest import Qmd, answer

SERIES = str(past.SERIES)
NOTHING_KEPT = ("--keep", "0", "--grace", "0", "--yes")


@pytest.fixture
def lake(own_home: Path) -> Path:
    past.make(own_home)
    return own_home


def test_sealing_makes_one_file_of_a_month_that_has_ended_and_says_so(qmd: Qmd, lake: Path):
    assert [one["files_before"] for one in answer(qmd("seal", "--dry-run", "--json"))] == [2]
    (one,) = answer(qmd("seal", "--json"))
    assert (one["series"], one["month"], one["files_before"], one["files"]) == (SERIES, "2025-03", 2, 1)
    assert one["bytes"] < one["bytes_before"]
    assert "Nothing to seal" in qmd("seal").stdout


def test_a_dry_run_of_sealing_changes_nothing(qmd: Qmd, lake: Path):
    before = past.files(lake)
    assert "dry run" in qmd("seal", "--dry-run").stdout
    assert past.files(lake) == before
    assert len(answer(qmd("log", "--json"))) == 4


def test_sealing_one_series_leaves_the_others(qmd: Qmd, lake: Path):
    assert answer(qmd("seal", "gate:BTC/USDT:1m", "--json")) == []
    assert qmd("seal", "gate:ETH/USDT:1m").exit_code == 5
    assert "1 series" in qmd("seal", SERIES).stdout


def test_a_vacuum_keeps_seven_days_of_the_past_when_nothing_else_is_said(qmd: Qmd, lake: Path):
    before = past.files(lake)
    assert "Nothing to do" in qmd("vacuum").stdout
    assert past.files(lake) == before


def test_a_replaced_file_is_trash_first_and_goes_with_the_next_vacuum(qmd: Qmd, lake: Path):
    before = past.files(lake)
    first = answer(qmd("vacuum", *NOTHING_KEPT, "--json"))
    assert (len(first["trashed"]), first["deleted"]) == (1, [])
    assert past.files(lake) == before
    then = qmd("vacuum", *NOTHING_KEPT)
    assert "old versions" in then.stdout
    assert len(past.files(lake)) == len(before) - 1
    assert qmd("read", SERIES, "--as-of", "2").exit_code == 5
    assert qmd("verify").exit_code == 0


def test_what_a_pin_keeps_no_vacuum_takes(qmd: Qmd, lake: Path):
    qmd("pin", "mine", "--at", "2")
    assert answer(qmd("vacuum", *NOTHING_KEPT, "--json"))["trashed"] == []
    qmd("unpin", "mine")
    assert len(answer(qmd("vacuum", *NOTHING_KEPT, "--json"))["trashed"]) == 1


def test_a_pin_of_one_series_keeps_that_one_and_no_other(qmd: Qmd, lake: Path):
    with Lake.open(lake / "lake") as opened:
        opened.commit([past.day(0, 99.5, past.OTHER)], run_id="run-5", source="sandbox:gate")
    qmd("pin", "mine", "--at", "3", "--series", SERIES)
    for _ in range(2):
        assert qmd("vacuum", *NOTHING_KEPT).exit_code == 0
    then = answer(qmd("read", SERIES, "--as-of", "mine", "--allow-gaps", "--json"))
    assert {row["close"] for row in then["rows"]} == {100.5}
    assert answer(qmd("diff", "mine", "--series", SERIES, "--json"))["partitions"][0]["changed"] == 10
    assert qmd("read", "gate:BTC/USDT:1m", "--as-of", "mine").exit_code == 5
    assert qmd("diff", "mine", "--series", SERIES, "--series", "gate:BTC/USDT:1m").exit_code == 5


def test_a_dry_run_of_a_vacuum_needs_no_yes_and_changes_nothing(qmd: Qmd, lake: Path):
    for _ in range(2):
        said = answer(qmd("vacuum", "--keep", "0", "--grace", "0", "--dry-run", "--json"))
        assert (said["dry_run"], len(said["trashed"])) == (True, 1)


def test_a_file_that_is_not_the_lakes_is_named_and_left(qmd: Qmd, lake: Path):
    stranger = lake / "lake" / "data" / "notes.txt"
    stranger.write_text("mine")
    assert "notes.txt" in qmd("vacuum", *NOTHING_KEPT).stdout
    assert stranger.exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--keep", "7"], "'7' has no unit"),
        (["--keep", "-7d"], "'-7d' is negative"),
        (["--keep", "soon"], "'soon' is not a length of time"),
        (["--grace", "3y"], "'3y' is not a length of time"),
        (["--grace", "0"], "may delete files that somebody is reading"),
        (["--grace", "59m"], "a grace of 59m may delete"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_vacuum_that_cannot_be_meant_is_refused(qmd: Qmd, lake: Path, given: list[str], said: str):
    result = qmd("vacuum", *given)
    assert result.exit_code == 2
    assert said in result.stderr


@given(st.integers(0, 10**6), st.sampled_from(["d", "h", "m", "s"]))
def test_a_duration_is_its_number_times_its_unit_and_reads_back(number: int, unit: str):
    size = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}[unit]
    found = duration(f"{min(number, 999_999)}{unit}")
    assert found == min(number, 999_999) * size
    if found < 999_999_000:
        assert duration(text_of(found)) == found


def test_a_fraction_of_a_unit_is_a_duration_and_a_sentence_is_not():
    assert duration("1.5h") == 5_400_000
    with pytest.raises(ConfigError, match="7d, 24h"):
        duration("a while")


@pytest.mark.parametrize("command", ["seal", "vacuum", "pins", "verify", "rebuild"])
def test_where_there_is_no_lake_none_is_made(qmd: Qmd, own_home: Path, command: str):
    result = qmd(command, *(["--yes"] if command == "rebuild" else []))
    assert result.exit_code == 2
    assert "there is no lake" in result.stderr
    assert not own_home.exists()


def findings(home: Path) -> dict[str, tuple[str, str, str]]:
    with Lake.open(home / "lake") as lake:
        return {check.name: (check.status, check.said, check.todo) for check in checks(lake)}


def test_the_doctor_says_where_ledger_and_files_are_and_what_is_due(qmd: Qmd, lake: Path):
    found = findings(lake)
    assert found["ledger"][1] == f"SQLite, {lake / 'lake' / 'ledger.sqlite'}, 4 commits"
    assert found["files"][1] == str(lake / "lake" / "data")
    assert found["sealing"][1].startswith("1 partition")
    assert "qmd seal" in found["sealing"][2]
    assert {status for status, _, _ in found.values()} == {"ok"}
    qmd("seal")
    qmd("pin", "mine")
    found = findings(lake)
    assert found["sealing"][1] == "nothing is due"
    assert found["pins"][1] == "1 pin"


def test_the_doctor_warns_of_a_commit_without_a_record(lake: Path):
    shutil.rmtree(lake / "lake" / "log")
    (lake / "lake" / "log").mkdir()
    status, said, todo = findings(lake)["records"]
    assert (status, said) == ("warn", "4 commits without a record, the first is 1")
    assert "backup" in todo


def test_the_doctor_says_what_a_vacuum_would_take(lake: Path, monkeypatch: pytest.MonkeyPatch):
    later = now() + 8 * past.DAY
    monkeypatch.setattr("qmd_platform.cli.kit.now", lambda: later)
    assert findings(lake)["vacuum"][1].startswith("1 old file nothing needs any more")


def test_upper_and_lower_case_are_no_reason_not_to_find_a_series(qmd: Qmd, lake: Path):
    names = [SERIES, "binance:LTC/USDT:1m"]
    assert choices("binance:btc/usdt:1m", names).startswith("did you mean binance:BTC/USDT:1m?")
    assert [row["series"] for row in answer(qmd("series", "btc/usdt:1m", "--json"))] == [SERIES, "gate:BTC/USDT:1m"]
    result = qmd("series", "nope")
    assert max(map(len, result.stderr.splitlines())) < 80
