"""Snapshots by commit, time and name, and what each commit did."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qmd_platform.errors import BadSnapshot, ConfigError, LedgerError
from qmd_platform.ledger import committing
from qmd_platform.ledger import ledger as ledger_module
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.records import Revision
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.window import iso
from tests.ledger.making import BITCOIN, ETHER, MINUTE, change, commit, window

DAY = 86_400_000
NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the ledger takes for the time; the last number counts."""
    times = [NOON]
    for module in (committing, ledger_module):
        monkeypatch.setattr(module, "now_ms", lambda: times[-1])
    return times


@pytest.fixture
def ledger(tmp_path: Path, clock: list[int]) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "ledger.sqlite", tmp_path / "commit.lock")
    yield opened
    opened.close()


def three(ledger: Ledger, clock: list[int]) -> None:
    """Versions 1 to 3 of one partition, a day apart."""
    for seen in range(3):
        commit(ledger, change(BITCOIN, seen, rows=seen + 1, runs=(Run(window(0, seen + 1), State.PRESENT),)))
        clock.append(clock[-1] + DAY)


def test_a_snapshot_is_a_commit_a_time_or_a_name(ledger: Ledger, clock: list[int]):
    three(ledger, clock)
    ledger.pin("paper", at=2)
    asked = [0, 1, "1", iso(NOON - 1), iso(NOON), iso(NOON + DAY + 5), "paper", 2, None]
    assert [ledger.resolved(one) for one in asked] == [0, 1, 1, 0, 1, 2, 2, 2, 4]
    for unknown, said in ((7, "no commit 7"), (-1, "no commit -1"), ("pap", "pins: paper"), ("9" * 30, "no commit 99")):
        with pytest.raises(LedgerError, match=said):
            ledger.resolved(unknown)
    with pytest.raises(ConfigError, match="2026-13-01"):
        ledger.resolved("2026-13-01")


def test_files_coverage_and_state_of_a_snapshot_are_those_of_then(ledger: Ledger, clock: list[int]):
    three(ledger, clock)
    for number in (1, 2, 3):
        view = ledger.view(BITCOIN.series, as_of=number)
        assert [one.version for one in view.segments] == [number]
        assert view.runs == (Run(window(0, number), State.PRESENT),)
        (state,) = ledger.states(as_of=number)
        assert (state.version, state.rows, state.data_version) == (number, number, f"data{number}")
    assert (ledger.view(BITCOIN.series, as_of=0).segments, ledger.states(as_of=0)) == ((), [])


def test_a_clock_that_jumps_back_does_not_reorder_the_past(ledger: Ledger, clock: list[int]):
    commit(ledger, change(BITCOIN, 0))
    clock.append(NOON - DAY)
    commit(ledger, change(BITCOIN, 1))
    clock.append(NOON + DAY)
    commit(ledger, change(BITCOIN, 2))
    assert [entry.at for entry in ledger.log()] == [NOON + DAY, NOON, NOON]
    assert [ledger.resolved(iso(at)) for at in (NOON - DAY, NOON - 1, NOON, NOON + DAY)] == [0, 0, 2, 3]


def test_a_pin_keeps_its_name_and_its_snapshot(ledger: Ledger, clock: list[int]):
    three(ledger, clock)
    pin = ledger.pin(
        "paper", at=1, series=[ETHER.series, BITCOIN.series, ETHER.series], until=NOON + 9 * DAY, note="why"
    )
    assert (pin.commit, pin.series) == (1, (BITCOIN.series, ETHER.series))
    assert ledger.pins() == [pin]
    assert ledger.pin("paper", at=1, series=[BITCOIN.series, ETHER.series], until=NOON + 9 * DAY) == pin
    with pytest.raises(LedgerError, match="'paper' is taken"):
        ledger.pin("paper", at=2)
    for bad in ("", "7days", " x", "bad name!", "-x", "a/b", "now", "x\n"):
        with pytest.raises(LedgerError, match="cannot name a pin"):
            ledger.pin(bad)
    ledger.unpin("paper")
    with pytest.raises(LedgerError, match="no pin 'paper'"):
        ledger.unpin("paper")
    assert ledger.pins() == []
    assert [entry.source for entry in ledger.log()][:2] == ["qmd:unpin", "qmd:pin"]


def test_a_pin_made_under_another_name_before_names_were_checked_is_read_and_forgotten_by_it(
    ledger: Ledger, clock: list[int], monkeypatch: pytest.MonkeyPatch
):
    three(ledger, clock)
    with monkeypatch.context() as before:
        before.setattr(ledger_module, "PIN_NAME", re.compile(".+"))
        ledger.pin("bad name!", at=1)
    assert ledger.resolved("bad name!") == 1
    ledger.unpin("bad name!")
    assert ledger.pins() == []


def test_versions_say_who_did_what_to_each_partition(ledger: Ledger, clock: list[int]):
    commit(ledger, change(BITCOIN, 0, rows=3), change(ETHER, 0, rows=4))
    commit(ledger, change(BITCOIN, 1, rows=5))
    found = [(one.partition, one.version, one.commit, one.rows, one.run_id, one.at) for one in ledger.versions()]
    assert found == [(BITCOIN, 2, 2, 5, "r", NOON), (BITCOIN, 1, 1, 3, "r", NOON), (ETHER, 1, 1, 4, "r", NOON)]
    assert [one.version for one in ledger.versions(BITCOIN.series, limit=1)] == [2]


def test_a_change_after_a_version_is_dated_by_the_first_one(ledger: Ledger, clock: list[int]):
    commit(ledger, change(BITCOIN, 0), change(ETHER, 0))
    for version in (1, 2):
        clock.append(NOON + version * DAY)
        commit(ledger, change(BITCOIN, version))
    assert ledger.changed_after({BITCOIN: 0, ETHER: 0}) == {BITCOIN: NOON, ETHER: NOON}
    assert ledger.changed_after({BITCOIN: 1, ETHER: 1}) == {BITCOIN: NOON + DAY}
    assert ledger.changed_after({BITCOIN: 3}) == ledger.changed_after({}) == {}
    nobody = Partition(Series("candles_1m", "gate", "NO/NE"), "2026-01")
    many = {replace(nobody, month=f"{year}-01"): 0 for year in range(1970, 2270)}
    assert ledger.changed_after({**many, BITCOIN: 2}) == {BITCOIN: NOON + 2 * DAY}


def test_revisions_are_found_by_series_time_and_commit(ledger: Ledger, clock: list[int]):
    commit(ledger, change(BITCOIN, 0))
    at = window(1, 2).start
    revised = [Revision(BITCOIN, str(at), '{"close":1.0}', '{"close":2.0}', at), Revision(BITCOIN, "x", "{}", None)]
    commit(ledger, replace(change(BITCOIN, 1), revisions=tuple(revised)))
    kept = [replace(one, commit=2, seen_at=NOON) for one in revised]
    assert ledger.revisions() == kept
    assert ledger.revisions(BITCOIN.series, window(0, 5)) == kept[:1]
    assert ledger.revisions(BITCOIN.series, window(2, 5)) == []
    assert (ledger.revisions(ETHER.series), ledger.revisions(since=2)) == ([], [])


def test_only_runs_that_differ_get_a_new_history(ledger: Ledger, clock: list[int]):
    kept, moved = Run(window(0, 5), State.MISSING, "asked"), Run(window(10, 11), State.PRESENT)
    commit(ledger, change(BITCOIN, 0, runs=(kept, moved)))
    longer = replace(moved, window=window(10, 12))
    commit(ledger, change(BITCOIN, 1, runs=(kept, longer)))
    with ledger.database.reading() as connection:
        rows = connection.exec_driver_sql(
            'SELECT "end", added_commit, removed_commit FROM coverage ORDER BY start, "end"'
        )
        assert [(end - BITCOIN.window.start, *rest) for end, *rest in rows] == [
            (5 * MINUTE, 1, None),
            (11 * MINUTE, 1, 2),
            (12 * MINUTE, 2, None),
        ]
    assert ledger.in_state(State.MISSING) == {BITCOIN: (kept,)}


def test_a_pin_that_is_over_already_is_refused(ledger: Ledger, clock: list[int]):
    commit(ledger, change(BITCOIN, 0))
    with pytest.raises(BadSnapshot, match="would end at 2026-01-01T12:00:00Z, which is over"):
        ledger.pin("late", until=NOON)
    assert ledger.pins() == []


def test_a_time_to_come_is_no_snapshot(ledger: Ledger):
    commit(ledger, change(BITCOIN, 0))
    with pytest.raises(BadSnapshot, match="2099-01-01 is in the future"):
        ledger.resolved("2099-01-01")
