"""explain and quarantine: why one candle is what it is, and which rows were kept out."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qmd_platform import __version__
from qmd_platform.coverage import causes
from qmd_platform.ingest.rollup import roll_up
from qmd_platform.lake.rows import empty
from qmd_platform.lake.store import Lake, Rejected, Write
from qmd_platform.lake.vacuum import vacuum
from qmd_platform.model.candles import Candles
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.tables import FUNDING_RATES
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, iso
from tests.cli.conftest import Qmd, answer
from tests.cli.past import MARCH, MINUTE, START

SERIES = str(MARCH.series)
DIGEST = hashlib.sha256(b"page").hexdigest()
ASKED = START + 1_000


def minutes(first: int, last: int) -> Window:
    return Window(START + first * MINUTE, START + last * MINUTE)


def at(minute: int) -> str:
    return iso(START + minute * MINUTE)


def page(window: Window, asked_at: int, rows: int, error: str = "") -> Answered:
    return Answered(window, asked_at, "publicGetKlines", "" if error else DIGEST, rows, error)


def candles(first: int, last: int, close: float) -> Candles:
    open_at = START + np.arange(first, last) * MINUTE
    return Candles(open_at, *np.full((5, last - first), close))


@pytest.fixture(autouse=True)
def lake(own_home: Path) -> Iterator[Lake]:
    """Minutes 0 to 9, in three commits: 0 to 5 came (3 was kept out, 4 has no trades), then 1 was restated, then 8 came.

    The others up to 9 are missing.
    """
    rows = Candles.concat([candles(0, 3, 100.5), candles(5, 6, 100.5)])
    empty = Run(minutes(4, 5), State.VERIFIED_EMPTY, causes.AGREED)
    bad = Rejected(START + 3 * MINUTE, {"high": 1.0, "low": 2.0}, "high below low")
    first = Write(
        MARCH,
        rows.to_arrow(),
        (minutes(0, 10),),
        (empty,),
        rejected=(bad,),
        fetched_at=ASKED,
        evidence=(page(minutes(0, 6), ASKED, 5), page(minutes(6, 10), ASKED + 5, 0, "the venue is down")),
    )
    second = Write(
        MARCH, candles(1, 2, 101.25).to_arrow(), fetched_at=ASKED + 10, evidence=(page(minutes(1, 2), ASKED + 10, 1),)
    )
    third = Write(
        MARCH,
        candles(8, 9, 100.5).to_arrow(),
        (minutes(6, 10),),
        fetched_at=ASKED + 20,
        evidence=(page(minutes(6, 10), ASKED + 20, 1),),
    )
    with Lake.open(own_home / "lake") as lake:
        for number, write in enumerate((first, second, third), 1):
            lake.commit([write], run_id=f"run-{number}", source="sandbox:binance")
        yield lake


def explain(qmd: Qmd, minute: int, *args: str, series: str = SERIES) -> dict[str, object]:
    return answer(qmd("explain", series, at(minute), "--json", *args))


def test_a_restated_candle_is_told_from_its_first_commit_to_its_last_with_run_file_and_requests(qmd: Qmd, lake: Lake):
    found = explain(qmd, 1)
    assert (found["state"], found["row"]["close"], found["fetched_at"]) == ("present", 101.25, iso(ASKED + 10))
    assert [(one["commit"], one["version"], one["run_id"], one["source"]) for one in found["history"]] == [
        (1, 1, "run-1", "sandbox:binance"),
        (2, 2, "run-2", "sandbox:binance"),
    ]
    brought, restated = found["history"]
    assert (brought["before"], brought["after"]["close"]) == (None, 100.5)
    assert (restated["before"]["close"], restated["after"]["close"]) == (100.5, 101.25)
    assert [(one["commit"], one["rows"], one["sha256"]) for one in found["requests"]] == [
        (1, 5, DIGEST),
        (2, 1, DIGEST),
    ]
    file = found["file"]
    data = (lake.root / "data" / file["path"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == file["sha256"]
    shown = qmd("explain", SERIES, at(1)).stdout
    for part in ("present", "close 101.25", "restated: open 100.5 → 101.25", "run-2", file["path"], DIGEST[:16]):
        assert part in shown


def test_a_missing_candle_says_how_often_it_was_asked_for_and_when_it_is_again(qmd: Qmd):
    found = explain(qmd, 7)
    assert (found["state"], found["row"], found["file"]) == ("missing", None, None)
    assert (found["asks"], found["last_ask"]) == (2, iso(ASKED + 20))
    assert found["next_ask"] is not None
    assert [one["error"] for one in found["requests"]] == ["the venue is down", None]
    shown = qmd("explain", SERIES, at(7)).stdout
    assert f"so are all 2 candles in {minutes(6, 8)}" in shown  # 8 came since
    assert "asked for 2 times, last at" in shown
    assert "due now" in shown
    assert "the venue is down" in shown


def test_what_is_verified_empty_is_asked_for_again_until_it_is_not(qmd: Qmd, lake: Lake):
    assert explain(qmd, 4)["next_ask"] is not None
    for number in range(5):
        again = page(minutes(4, 5), ASKED + 100 + number, 0)
        said = (Run(minutes(4, 5), State.VERIFIED_EMPTY, causes.AGREED),)
        lake.commit(
            [Write(MARCH, Candles.empty().to_arrow(), (minutes(4, 5),), said, evidence=(again,))],
            run_id="again",
            source="sandbox:binance",
        )
    found = explain(qmd, 4)
    assert (found["asks"], found["next_ask"], len(found["requests"])) == (6, None, 6)
    assert [one["commit"] for one in found["history"]] == [1]
    assert "it is not asked for again by itself" in qmd("explain", SERIES, at(4)).stdout


def test_a_candle_that_was_kept_out_shows_the_row_and_the_reason(qmd: Qmd):
    found = explain(qmd, 3)
    assert (found["state"], found["cause"]) == ("quarantined", "high below low")
    assert [(one["row"], one["commit"]) for one in found["rejected"]] == [({"high": 1.0, "low": 2.0}, 1)]
    assert "high 1.0, low 2.0" in qmd("explain", SERIES, at(3)).stdout


def test_as_of_a_past_commit_a_candle_is_what_it_was_then_and_nothing_later_is_told(qmd: Qmd):
    found = explain(qmd, 1, "--as-of", "1")
    assert (found["commit"], found["row"]["close"], len(found["history"]), len(found["requests"])) == (1, 100.5, 1, 1)
    missing = explain(qmd, 8, "--as-of", "1")
    assert (missing["state"], missing["asks"], missing["next_ask"]) == ("missing", 0, None)
    assert [one["state"] for one in explain(qmd, 8)["history"]] == ["missing", "present"]
    assert "as of commit 1" in qmd("explain", SERIES, at(8), "--as-of", "1").stdout


def test_a_rolled_up_candle_names_the_candles_it_was_made_of(qmd: Qmd, lake: Lake):
    roll_up(lake, MARCH.series.market, Timeframe.M5, minutes(0, 10), run_id="roll")
    longer = str(Series.candles(MARCH.series.market, Timeframe.M5))
    found = explain(qmd, 5, series=longer)
    assert (found["state"], found["next_ask"]) == ("missing", None)
    made = {"series": SERIES, "start": at(5), "end": at(10), "present": 2, "missing": 3}
    assert found["made_of"] == made
    shown = qmd("explain", longer, at(5)).stdout
    assert f"qmd explain {SERIES} {at(5)}" in shown
    assert "2 present, 3 missing" in shown
    assert found["history"][0]["source"] == "rollup:candles_1m"


def test_times_and_ranks_are_told_in_words_that_hold_beside_the_requests(qmd: Qmd, lake: Lake):
    assert f"fetched no earlier than {iso(ASKED)}; source rank 0, which is the venue's own" in explain_text(qmd, 0)
    rows = candles(9, 10, 1.5).to_arrow()
    lake.commit([Write(MARCH, rows, (minutes(9, 10),), source_rank=-1)], run_id="r", source="elsewhere")
    assert "source rank -1, which gives way to the venue's own, 0" in explain_text(qmd, 9)


def explain_text(qmd: Qmd, minute: int) -> str:
    return qmd("explain", SERIES, at(minute)).stdout


def test_of_a_candle_that_nobody_asked_for_the_hint_leads_somewhere(qmd: Qmd, lake: Lake):
    span = f"--start {at(11)} --end {at(12)}"
    asks = f"`qmd backfill {MARCH.series.market} --timeframe 1m {span}"
    assert f"{asks}`" in qmd("explain", SERIES, at(11)).stderr
    lake.claim_world("sandbox")
    assert f"{asks} --venue-url http://127.0.0.1:8080` with `qmd sandbox --port 8080`" in (
        qmd("explain", SERIES, at(11)).stderr
    )
    to_come = qmd("explain", SERIES, "2999-01-01T00:00Z")
    assert (to_come.exit_code, "backfill" in to_come.stderr) == (5, False)
    assert "it closes at 2999-01-01T00:01:00Z" in to_come.stderr


def test_what_a_vacuum_took_is_said_to_be_gone(qmd: Qmd, lake: Lake):
    for _ in range(2):
        vacuum(lake, run_id="v", now=2**42, keep_ms=0, grace_ms=0)
    found = explain(qmd, 8)
    assert (found["is_whole"], [one["state"] for one in found["history"]]) == (False, ["present"])
    assert "taken by a vacuum" in qmd("explain", SERIES, at(8)).stdout
    assert explain(qmd, 0)["is_whole"]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ((SERIES, at(11)), 5, "was never asked for"),
        ((SERIES, at(8), "--as-of", "0"), 5, "was never asked for as of commit 0"),
        ((SERIES, "2025-03-01T00:01:40Z"), 2, f"the nearest opens at {at(2)}"),
        ((SERIES, "2025-03-01T00:01:20Z"), 2, f"the nearest opens at {at(1)}"),
        ((SERIES, "yesterday"), 2, "is not a time"),
        (("gate:BTC/USDT:1m", at(1)), 5, "the lake holds nothing of gate:BTC/USDT:1m"),
        ((SERIES, at(1), "--as-of", "9"), 2, "no commit 9"),
    ],
)
def test_what_cannot_be_explained_is_refused_with_what_to_do(qmd: Qmd, args: tuple[str, ...], code: int, said: str):
    refused = qmd("explain", *args)
    assert refused.exit_code == code
    assert said in refused.stderr


def test_rows_kept_out_are_counted_by_series_and_reason_and_shown_with_what_they_are_now(qmd: Qmd, lake: Lake):
    other = Partition(Series.parse("gate:BTC/USDT:1m"), "2025-03")
    bad = [Rejected(START + n * MINUTE, {"close": float("nan")}, "close is not a number") for n in (0, 1)]
    lake.commit(
        [Write(other, Candles.empty().to_arrow(), (minutes(0, 2),), rejected=tuple(bad))], run_id="g", source="x"
    )
    lake.commit([Write(MARCH, candles(3, 4, 7.0).to_arrow())], run_id="right", source="x")
    found = answer(qmd("quarantine", "--json"))
    assert [(one["series"], one["reason"], one["rows"]) for one in found["counts"]] == [
        (SERIES, "high below low", 1),
        (str(other.series), "close is not a number", 2),
    ]
    assert [(one["open_at"], one["now"], one["commit"], one["run_id"]) for one in found["rows"]] == [
        (at(3), "present", 1, "run-1"),
        (at(0), "quarantined", 4, "g"),
        (at(1), "quarantined", 4, "g"),
    ]
    assert found["rows"][1]["row"] == {"close": None}
    shown = qmd("quarantine", "--limit", "1").stdout
    assert "2 more rows" in shown
    assert f"qmd explain {SERIES} {at(3)}" in shown
    assert "3 rows kept out" in shown


def test_the_quarantine_can_be_asked_by_series_and_by_reason(qmd: Qmd):
    assert len(answer(qmd("quarantine", SERIES, "--reason", "HIGH", "--json"))["rows"]) == 1
    refused = qmd("quarantine", "--reason", "low price")
    assert (refused.exit_code, "high below low" in refused.stderr) == (2, True)
    assert qmd("quarantine", "gate:BTC/USDT:1m").exit_code == 5


def test_a_lake_in_whose_candles_nothing_is_wrong_has_an_empty_quarantine(qmd: Qmd, own_home: Path, lake: Lake):
    other = Partition(Series.parse("gate:BTC/USDT:1m"), "2025-03")
    lake.commit([Write(other, candles(0, 1, 1.0).to_arrow())], run_id="g", source="x")
    shown = qmd("quarantine", str(other.series))
    assert (shown.exit_code, shown.stdout) == (0, "No row of gate:BTC/USDT:1m was kept out.\n")


@pytest.mark.usefixtures("in_filled")
def test_a_candle_that_was_backfilled_is_explained_by_the_very_requests_that_fetched_it(qmd: Qmd):
    found = answer(qmd("explain", "binance:BTC/USDT:1m", "2026-11-15T01:00Z", "--json"))
    (brought,) = found["history"]
    assert (found["state"], brought["source"], brought["code_version"]) == ("present", "sandbox:binance", __version__)
    assert {one["commit"] for one in found["requests"]} == {brought["commit"]}
    assert all(re.fullmatch("[0-9a-f]{64}", one["sha256"]) and one["rows"] for one in found["requests"])
    assert {one["start"] <= found["open_at"] < one["end"] for one in found["requests"]} == {True}


def test_of_a_settlement_that_was_kept_out_nobody_says_that_it_was_never_asked_for(qmd: Qmd, lake: Lake):
    funding = Partition(Series.funding(Market.parse("binance:BTC/USDT:USDT")), MARCH.month)
    rejected = Rejected(START, {"rate": float("nan"), "mark": float("nan")}, "the rate is no number")
    lake.commit([Write(funding, empty(FUNDING_RATES), rejected=(rejected,))], run_id="r", source="sandbox:test")
    (line,) = [one for one in qmd("quarantine").stdout.splitlines() if "mark nan" in one]
    assert "the rate is no number" in line
    assert "never asked for" not in line
