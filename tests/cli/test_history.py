"""log, diff, revisions, pins, and reading as of a past state."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from qmd_platform.cli import kit, rowtext
from qmd_platform.lake.store import Lake
from qmd_platform.lake.vacuum import vacuum
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.window import Window, iso
from tests.cli import past
from tests.cli.conftest import Qmd, answer

SERIES = str(past.SERIES)
FIRST, SECOND = "2025-03-01T00:00:00Z", "2025-03-02T00:00:00Z"


@pytest.fixture(autouse=True)
def lake(own_home: Path) -> Path:
    past.make(own_home)
    return own_home


def closes(qmd: Qmd, *args: str) -> list[float]:
    return [row["close"] for row in answer(qmd("read", SERIES, "--allow-gaps", "--json", *args))["rows"]]


def test_the_log_lists_commits_with_who_and_what_newest_first(qmd: Qmd):
    found = answer(qmd("log", "--json"))
    assert [(one["id"], one["run_id"], one["new"], one["changed"]) for one in found] == [
        (4, "run-4", 0, 10),
        (3, "run-3", 10, 0),
        (2, "run-2", 10, 0),
        (1, "run-1", 10, 0),
    ]
    shown = qmd("log").stdout
    assert shown.index("run-4") < shown.index("run-1")


def test_the_log_of_a_series_lists_the_versions_of_its_months_only(qmd: Qmd):
    found = answer(qmd("log", SERIES, "--json"))
    assert [(one["month"], one["version"], one["commit"], one["rows"]) for one in found] == [
        ("2025-03", 3, 4, 20),
        ("2025-03", 2, 2, 20),
        ("2025-03", 1, 1, 10),
    ]
    assert {one["series"] for one in found} == {SERIES}
    assert "outranked" in qmd("log", SERIES).stdout


def test_a_log_cut_short_says_that_there_is_more_and_one_that_is_not_does_not(qmd: Qmd):
    assert "--limit" in qmd("log", "--limit", "3").stderr
    assert qmd("log", "--limit", "4").stderr == ""
    assert len(answer(qmd("log", "--limit", "3", "--json"))) == 3


def test_a_diff_counts_every_row_and_shows_old_and_new_values_side_by_side(qmd: Qmd):
    found = answer(qmd("diff", "2", "--series", SERIES, "--json"))
    assert found["partitions"] == [{"series": SERIES, "month": "2025-03", "new": 0, "changed": 10, "gone": 0}]
    assert len(found["rows"]) == 10
    first = found["rows"][0]
    assert (first["open_at"], first["change"]) == (SECOND, "changed")
    assert (first["before"]["close"], first["after"]["close"]) == (100.5, 101.25)
    shown = qmd("diff", "2", "4", "--limit", "1").stdout
    assert "close 100.5, volume 100.5  open 101.25" in shown
    assert "19 more rows" in shown
    assert "20 rows differ between commit 2 and commit 4" in shown


def test_of_a_row_that_changed_only_the_values_that_differ_are_shown_and_nan_does_not_differ_from_itself():
    before, after = '{"open":1.5,"close":2.0,"volume":NaN}', '{"open":1.5,"close":2.5,"volume":NaN}'
    assert rowtext.sides(past.MARCH, before, after) == ("close 2.0", "close 2.5")
    assert rowtext.sides(past.MARCH, None, after) == ("", "open 1.5, close 2.5, volume nan")
    assert rowtext.document(past.MARCH, "0", before, None)["before"] == {"open": 1.5, "close": 2.0, "volume": None}
    assert rowtext.sides(past.MARCH, before, None) == ("open 1.5, close 2.0, volume nan", "")


def test_a_diff_goes_both_ways_and_of_a_state_with_itself_there_is_none(qmd: Qmd):
    back = answer(qmd("diff", "now", "0", "--json"))
    assert {row["change"] for row in back["rows"]} == {"gone"}
    assert answer(qmd("diff", "0", "--json"))["partitions"][0]["new"] == 20
    same = qmd("diff", "4", "now")
    assert (same.exit_code, "No row differs" in same.stdout) == (0, True)


def test_what_a_pin_of_one_series_holds_is_compared_alone_and_after_a_vacuum_too(qmd: Qmd, lake: Path):
    qmd("pin", "mine", "--at", "2", "--series", SERIES)
    found = qmd("diff", "mine", "now", "--json")
    assert [(one["series"], one["changed"]) for one in answer(found)["partitions"]] == [(SERIES, 10)]
    assert f"compared: what the pin holds, {SERIES}" in found.stderr
    with Lake.open(lake / "lake") as opened:
        opened.commit([past.day(0, 7.0, past.OTHER)], run_id="r", source="s")
        for later in (1, 2):
            vacuum(opened, run_id="v", now=time.time_ns() // 1_000_000 + later, keep_ms=0, grace_ms=0)
    assert answer(qmd("diff", "mine", "now", "--json"))["partitions"] == answer(found)["partitions"]
    qmd("pin", "other", "--series", str(past.OTHER.series))
    result = qmd("diff", "mine", "other")
    assert (result.exit_code, "no series in common" in result.stderr) == (2, True)


def test_revisions_say_what_was_restated_when_and_by_which_run(qmd: Qmd):
    found = answer(qmd("revisions", SERIES, "--json"))
    assert len(found) == 10
    assert found[0]["open_at"] == SECOND
    assert (found[0]["before"]["close"], found[0]["after"]["close"]) == (100.5, 101.25)
    assert (found[0]["commit"], found[0]["run_id"]) == (4, "run-4")
    assert answer(qmd("revisions", SERIES, "--end", SECOND, "--json")) == []
    assert len(answer(qmd("revisions", SERIES, "--start", "2025-03-02T00:08Z", "--json"))) == 2
    assert "10 restatements of 10 candles" in qmd("revisions", SERIES, "--limit", "3").stdout
    assert "No candle" in qmd("revisions", "gate:BTC/USDT:1m").stdout


def test_without_a_series_the_revisions_of_all_are_listed_with_their_series(qmd: Qmd):
    found = answer(qmd("revisions", "--json"))
    assert {one["series"] for one in found} == {SERIES}
    assert found == answer(qmd("revisions", SERIES, "--json"))
    assert len(answer(qmd("revisions", "--start", "2025-03-02T00:08Z", "--json"))) == 2
    assert answer(qmd("revisions", "--end", SECOND, "--json")) == []
    shown = qmd("revisions").stdout
    assert SERIES in shown
    assert "10 restatements of 10 candles." in shown


def test_rows_of_other_tables_are_told_in_iso_times_and_in_figures_that_can_be_read():
    carry = Partition(Series("basis", "arbitrage"), "2025-03")
    key = f"okx:BTC/USDT:USDT {past.START}"
    assert rowtext.key_of(carry, key) == "okx:BTC/USDT:USDT 2025-03-01T00:00:00Z"
    before = f'{{"available_at":{past.START},"spot":null,"price":66502.3,"mark_index_bps":3.7606822178393173}}'
    assert rowtext.sides(carry, before, None)[0] == (
        "available_at 2025-03-01T00:00:00Z, spot -, price 66502.3, mark_index_bps 3.7606822"
    )
    after = before.replace("393173", "393973")
    assert rowtext.sides(carry, before, after) == (
        "mark_index_bps 3.7606822178393173",
        "mark_index_bps 3.7606822178393973",
    )


def test_a_past_state_is_read_by_commit_by_time_and_by_pin(qmd: Qmd):
    qmd("pin", "before", "--at", "2")
    assert closes(qmd) == closes(qmd, "--as-of", "now")
    assert set(closes(qmd)) == {100.5, 101.25}
    assert set(closes(qmd, "--as-of", "2")) == set(closes(qmd, "--as-of", "before")) == {100.5}
    then = answer(qmd("log", "--json"))[-3]["at"]
    assert len(closes(qmd, "--as-of", then)) >= 20
    assert len(closes(qmd, "--as-of", "1")) == 10


def test_the_window_of_a_past_read_is_what_was_held_then(qmd: Qmd):
    assert answer(qmd("read", SERIES, "--as-of", "1", "--json"))["end"] == "2025-03-01T00:10:00Z"


def test_what_was_missing_then_is_missing_in_a_past_read(qmd: Qmd):
    window = ("--start", SECOND, "--end", "2025-03-02T00:10:00Z")
    assert qmd("read", SERIES, *window).exit_code == 0
    refused = qmd("read", SERIES, *window, "--as-of", "1")
    assert refused.exit_code == 5
    assert "as of commit 1" in refused.stderr
    assert "qmd backfill" not in refused.stderr


def test_a_pin_is_listed_with_what_it_keeps_until_it_is_forgotten(qmd: Qmd):
    made = answer(qmd("pin", "mine", "--series", SERIES, "--until", "2999-01-01", "--note", "why", "--json"))
    assert (made["commit"], made["series"], made["until"], made["note"]) == (4, [SERIES], "2999-01-01T00:00:00Z", "why")
    assert answer(qmd("pins", "--json")) == [made]
    assert SERIES in qmd("pins").stdout
    assert qmd("unpin", "mine").exit_code == 0
    assert "There are no pins" in qmd("pins").stdout


def test_a_pin_says_from_when_to_when_it_has_its_series_and_what_it_lacks(qmd: Qmd, lake: Path):
    between = (past.DAY - 10 * past.MINUTE) // past.MINUTE
    told = qmd("pin", "mine", "--series", SERIES, "--series", str(past.OTHER.series))
    assert f"{SERIES}: [2025-03-01T00:00:00Z, 2025-03-02T00:10:00Z), without {between:,} candles" in told.stderr
    assert f"{past.OTHER.series}: [2025-03-01T00:00:00Z, 2025-03-01T00:10:00Z), whole" in told.stderr
    assert (
        "[2025-03-01T00:00:00Z, 2025-03-01T00:10:00Z), whole" in qmd("pin", "b", "--at", "1", "--series", SERIES).stderr
    )
    assert qmd("pin", "all").stderr == ""
    with Lake.open(lake / "lake") as opened:
        longer = replace(past.day(0), asked=(Window(past.START, past.START + 12 * past.MINUTE),))
        opened.commit([longer], run_id="r", source="s")
    assert "it has 1 hole, and they stay: `qmd coverage` lists them" in qmd("pin", "later").stderr


def test_a_pin_whose_time_is_over_says_so(qmd: Qmd, monkeypatch: pytest.MonkeyPatch):
    qmd("pin", "short", "--until", "2999-01-01")
    assert "over" not in qmd("pins").stdout
    later = kit.instant("2999-01-02")
    monkeypatch.setattr(kit, "now", lambda: later)
    assert "over" in qmd("pins").stdout
    assert qmd("pin", "late", "--until", iso(later - 1)).exit_code == 2


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (["diff", "nope"], 2, "no snapshot 'nope'"),
        (["diff", "99"], 2, "no commit 99"),
        (["read", SERIES, "--as-of", "nope"], 2, "no snapshot 'nope'"),
        (["read", SERIES, "--as-of", "0"], 5, "no candles of binance:BTC/USDT:1m as of commit 0"),
        (["pin", "7up"], 2, "cannot name a pin"),
        (["pin", "now"], 2, "cannot name a pin"),
        (["pin", "bad name!"], 2, "letters, digits, . _ -"),
        (["pin", "a", "--at", "99"], 2, "no commit 99"),
        (["pin", "a", "--until", "2020-01-01"], 2, "is over"),
        (["pin", "a", "--series", "binance:BTC/USDT:1h"], 5, "holds nothing of"),
        (["unpin", "a"], 2, "no pin 'a'"),
        (["log", "binance:BTC/USDT:1h"], 5, "holds nothing of"),
        (["diff", "1", "--series", "binance:BTC/USDT:1h"], 5, "holds nothing of"),
        (["revisions", "binance:BTC/USDT:1h"], 5, "holds nothing of"),
        (["log", "binance:btc/usdt:1m"], 5, "did you mean binance:BTC/USDT:1m?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_not_there_is_said_with_what_is(qmd: Qmd, line: list[str], code: int, said: str):
    result = qmd(*line)
    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert "hint: " in result.stderr


def test_a_name_that_is_taken_never_moves(qmd: Qmd):
    qmd("pin", "mine", "--at", "1")
    assert qmd("pin", "mine", "--at", "2").exit_code == 2
    assert qmd("pin", "mine", "--at", "1").exit_code == 0
    assert answer(qmd("pins", "--json"))[0]["commit"] == 1


def test_json_is_one_document_also_for_a_refusal(qmd: Qmd):
    assert json.loads(qmd("diff", "nope", "--json").stdout)["type"] == "BadSnapshot"
