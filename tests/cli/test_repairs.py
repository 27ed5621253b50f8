"""verify --repair and rebuild: what is damaged or lost is named, and comes back."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from qmd_platform.lake.store import Lake
from tests.cli import past
from tests.cli.conftest import DAY, Qmd, answer

SERIES = str(past.SERIES)


@pytest.fixture
def lake(own_home: Path) -> Path:
    past.make(own_home)
    return own_home


def test_a_damaged_file_is_taken_out_and_the_words_to_fetch_it_again_are_a_command(qmd: Qmd, lake: Path):
    damaged = past.files(lake, past.OTHER)[0]
    damaged.write_bytes(damaged.read_bytes()[:-9])
    assert qmd("verify").exit_code == 4
    result = qmd("verify", "--repair", "--json")
    assert result.exit_code == 0, result.output
    (loss,) = answer(result)["repaired"]
    assert loss["remedy"] == (
        "qmd backfill gate:BTC/USDT --timeframe 1m --start 2025-03-01T00:00:00Z --end 2025-03-01T00:10:00Z"
    )
    assert not damaged.exists()
    assert list((lake / "lake" / "quarantine").rglob(damaged.name))
    assert answer(qmd("coverage", "gate:BTC/USDT:1m", "--json"))["missing"] == 10
    assert qmd("verify").exit_code == 0


def test_the_command_a_repair_names_fetches_what_it_took_out(qmd: Qmd, own_home: Path, sandbox: str):
    fetch = ("backfill", "binance:BTC/USDT", *DAY, "--venue-url", sandbox)
    assert qmd(*fetch).exit_code == 0
    before = qmd("read", "binance:BTC/USDT:1m").stdout
    for path in (own_home / "lake" / "data" / "table=candles_1m").rglob("*.parquet"):
        path.unlink()
    said = qmd("verify", "--repair").stdout
    (line,) = [line.strip() for line in said.splitlines() if line.strip().startswith("qmd backfill")]
    assert qmd(*line.split()[1:], "--venue-url", sandbox).exit_code == 0
    assert qmd("read", "binance:BTC/USDT:1m").stdout == before


def test_verify_repairs_nothing_unless_it_is_told_to(qmd: Qmd, lake: Path):
    damaged = past.files(lake, past.OTHER)[0]
    damaged.write_bytes(b"")
    for _ in range(2):
        result = qmd("verify")
        assert result.exit_code == 4
        assert damaged.name in result.stdout
        assert "qmd verify --repair" in result.stdout
    assert damaged.exists()


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"x")], ids=["lost", "damaged"])
def test_a_record_that_is_gone_is_made_up_for_by_keeping_the_whole_ledger(
    qmd: Qmd, lake: Path, damage: Callable[[Path], object]
):
    record = lake / "lake" / "log" / "000000" / "000000002.json.gz"
    damage(record)
    found = qmd("verify")
    assert found.exit_code == 4
    assert "`qmd rebuild` makes" not in found.stdout
    assert qmd("rebuild", "--yes").exit_code == 4
    said = qmd("log", "--json").stdout
    assert answer(qmd("verify", "--repair", "--json"))["checkpoint"] == 4
    assert qmd("verify").exit_code == 0
    for path in (lake / "lake").glob("ledger.sqlite*"):
        path.unlink()
    assert qmd("rebuild", "--yes").exit_code == 0
    assert qmd("log", "--json").stdout == said


def test_a_damaged_checkpoint_is_named_though_the_records_stand_in_for_it_and_replaced(qmd: Qmd, lake: Path):
    with Lake.open(lake / "lake") as opened:
        opened.records.keep_checkpoint(2, b"not a checkpoint")
    found = qmd("verify")
    assert found.exit_code == 4
    assert "000000002.checkpoint.gz" in found.stdout
    assert "`qmd rebuild` makes" not in found.stdout
    assert answer(qmd("verify", "--repair", "--json"))["checkpoint"] == 4
    assert qmd("verify").exit_code == 0
    kept = [path.name for path in (lake / "lake" / "log").rglob("*checkpoint*")]
    assert kept == ["000000004.checkpoint.gz"]


def test_a_ledger_that_is_damaged_itself_is_never_kept_instead_of_its_records(qmd: Qmd, lake: Path):
    (lake / "lake" / "log" / "000000" / "000000002.json.gz").unlink()
    with sqlite3.connect(lake / "lake" / "ledger.sqlite") as connection:
        connection.execute('UPDATE coverage SET "end" = "end" - 60000 WHERE rowid = 1')
    connection.close()
    result = qmd("verify", "--repair", "--json")
    assert result.exit_code == 4
    assert answer(result)["checkpoint"] is None
    assert not list((lake / "lake" / "log").rglob("*checkpoint*"))


def test_a_ledger_that_does_not_say_what_was_committed_is_made_again(qmd: Qmd, lake: Path):
    with sqlite3.connect(lake / "lake" / "ledger.sqlite") as connection:
        connection.execute('UPDATE coverage SET "end" = "end" - 60000 WHERE rowid = 1')
    connection.close()
    assert "`qmd rebuild` makes it again" in qmd("verify", "--repair").stdout
    assert qmd("rebuild", "--yes").exit_code == 0
    assert qmd("verify").exit_code == 0


def test_a_lost_ledger_is_made_again_without_opening_the_lake(qmd: Qmd, lake: Path):
    said = qmd("log", SERIES, "--json").stdout
    for path in (lake / "lake").glob("ledger.sqlite*"):
        path.unlink()
    refused = qmd("log", SERIES)
    assert refused.exit_code == 4
    assert "qmd rebuild" in refused.stderr
    assert answer(qmd("rebuild", "--yes", "--json")) == {"commit": 4, "partitions": 2, "set_aside": None}
    assert qmd("log", SERIES, "--json").stdout == said
    assert qmd("verify").exit_code == 0


def test_an_unreadable_ledger_is_set_aside_and_where_is_said(qmd: Qmd, lake: Path):
    for path in (lake / "lake").glob("ledger.sqlite-*"):
        path.unlink()
    (lake / "lake" / "ledger.sqlite").write_bytes(b"no database at all" * 500)
    assert qmd("series").exit_code == 4
    result = qmd("rebuild", "--yes")
    assert result.exit_code == 0, result.output
    (aside,) = (lake / "lake" / "quarantine").iterdir()
    assert str(aside) in result.stdout
    assert (aside / "ledger.sqlite").read_bytes().startswith(b"no database at all")
    assert qmd("verify").exit_code == 0


def test_nobody_is_asked_where_nobody_can_answer(qmd: Qmd, lake: Path):
    result = qmd("rebuild")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert not list((lake / "lake" / "quarantine").glob("ledger-*"))
