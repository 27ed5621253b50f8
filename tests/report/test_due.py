"""What a page says of settlements that are due, overdue or missing, on it and beside it; and of pairs nobody can value."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qmd_platform.arbitrage.rules import Rules
from qmd_platform.cli.report import Written
from qmd_platform.ingest.arbitrage import derive_arbitrage
from qmd_platform.lake.store import Lake
from qmd_platform.model.settlements import Settlements
from qmd_platform.report import due
from qmd_platform.report.collecting import Report, collected
from qmd_platform.report.figures import DAY_MS, HOUR_MS
from qmd_platform.report.page import page
from qmd_platform.report.records import Pair
from tests.ingest.fundedlake import MARKETS, MONTHS, every, flat, paid, put_candles, put_funding
from tests.report.conftest import NOW, wanted

MINUTE = 60_000


def put(pair: Pair, **columns: object) -> Pair:
    row: Mapping[str, Any] = {**pair.row, **columns}
    return replace(pair, row=row)


@pytest.mark.parametrize(
    ("at", "seen", "said"),
    [
        (8 * HOUR_MS, 4 * HOUR_MS, "next 08:00"),
        (26 * HOUR_MS, 4 * HOUR_MS, "next 05-02 02:00"),  # less than a day away, but not today
        (5 * HOUR_MS, 1 * HOUR_MS, "due 05:00"),  # an hour ago: it may not have been fetched yet
        (4 * HOUR_MS - 1, 1 * HOUR_MS, "overdue since 03:59"),
        (5 * HOUR_MS, 5 * HOUR_MS + MINUTE, "overdue since 05:00"),  # the row itself knows that it is not there
        (-4 * HOUR_MS, -4 * HOUR_MS + MINUTE, "overdue since 04-30 20:00"),
    ],
)
def test_a_past_time_is_never_told_as_one_to_come(report: Report, at: int, seen: int, said: str):
    pair = put(report.entries[0].pair, short_next_at=NOW + at, seen_at=NOW + seen)
    assert due.words(pair, "short", NOW + at, NOW + 6 * HOUR_MS) == said


def two_coins(root: Path, *, lost: int | None, doge: Settlements | None = None) -> Lake:
    """BTC whole, DOGE with one settlement of the first market missing (counted from the end) or its own ones."""
    lake = Lake.open(root / "lake")
    for market in (*MARKETS[:2], *MARKETS[3:5]):
        one = paid(MARKETS[0]).within(wanted(40).window)
        if market == MARKETS[3]:
            one = doge if doge is not None else one.take(np.arange(len(one)) != len(one) - (lost or 0))
        if market.venue == "binance":  # the short earns
            one = Settlements.of(one.settled_at, np.full(len(one), 1e-3))
        put_funding(lake, market, one)
        put_candles(lake, market, flat(50.0, wanted().window))
    derive_arbitrage(lake, MARKETS, MONTHS[1:], run_id="make")
    return lake


def test_what_is_missing_of_markets_that_are_not_on_the_page_is_counted_in_one_line(tmp_path: Path):
    lake = two_coins(tmp_path, lost=4)
    short = collected(lake, wanted(top=1), Rules())
    assert [entry.pair.row["underlying"] for entry in short.entries] == ["BTC"]
    (line,) = [words for words in short.warnings() if "no pair of the page" in words]
    assert line.startswith("1 more market that is in no pair of the page has warnings: binance DOGE (`qmd report")
    assert "`qmd report --underlying DOGE`" in line
    assert line in page(short).replace("&quot;", '"')
    whole = collected(lake, wanted(), Rules())
    assert not any("no pair of the page" in words for words in whole.warnings())
    assert any(words.startswith(str(MARKETS[3])) for words in whole.warnings())


def test_where_no_net_return_is_known_no_pair_is_called_the_best(tmp_path: Path):
    lake = two_coins(tmp_path, lost=4)
    unknown = collected(lake, wanted(underlying="DOGE"), Rules())
    assert unknown.best is None
    sentence = Written(tmp_path / "r.html", 1, unknown).sentence
    assert sentence.startswith("1 pair; none has a known net return now. Open ")
    assert "none has a known net return now" in page(unknown)
    both = collected(lake, wanted(), Rules())
    assert both.best is not None
    assert both.best.row["underlying"] == "BTC"


def test_an_overdue_settlement_is_on_the_board_and_in_the_section_of_the_pair(tmp_path: Path):
    lake = two_coins(tmp_path, lost=1)  # the last one that there is of it
    report = collected(lake, wanted(underlying="DOGE"), Rules())
    (entry,) = report.entries
    assert "SUSPECT_GAP" in entry.pair.flags
    assert entry.pair.row["risk"] == "HIGH"
    assert entry.agrees
    html = page(report)
    assert ">overdue since " in html
    assert f"{MARKETS[3]}: overdue since " in html
    assert "No risk flag is up." not in html


def test_a_row_that_has_become_too_old_says_so_beside_its_flags(tmp_path: Path):
    lake = two_coins(tmp_path, lost=None, doge=paid(MARKETS[0]))
    html = page(collected(lake, wanted(now=NOW + DAY_MS, days=31), Rules()))
    assert ">overdue<" in html
    assert "No risk flag is up." not in html


def test_a_leg_at_a_pace_that_nothing_proves_yet_is_worked_out_to_the_same_next_settlement(tmp_path: Path):
    eight = every(8, [1e-3] * 60, first=NOW - 25 * DAY_MS)
    last = int(eight.settled_at[-1])
    for number, pace in enumerate((4, 16)):
        more = Settlements.of([last + pace * HOUR_MS, last + 2 * pace * HOUR_MS], [1e-3] * 2)
        both = Settlements.concat([eight, more])
        lake = two_coins(tmp_path / str(number), lost=None, doge=both)
        now = int(both.settled_at[-1]) + HOUR_MS
        report = collected(lake, wanted(now=now, underlying="DOGE"), Rules())
        (entry,) = report.entries
        assert entry.agrees
        leg = entry.short if entry.short.market == MARKETS[3] else entry.long
        side = "short" if leg is entry.short else "long"
        assert leg.intervals_on > 1
        assert entry.pair.row[f"{side}_next_at"] == last + leg.intervals_on * 8 * HOUR_MS > entry.pair.seen_at
        assert ("SUSPECT_GAP" in entry.pair.flags) == (pace == 16)
