"""Commits by compare-and-swap, and what the ledger answers. The lake's tests cover it together with files."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qmd_platform.errors import Conflict
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.records import Rejected, Verdict
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run, State
from qmd_platform.model.window import Window
from tests.ledger.making import BITCOIN, ETHER, MINUTE, change, commit, window


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "ledger.sqlite", tmp_path / "commit.lock")
    yield opened
    opened.close()


def test_a_commit_moves_heads_and_keeps_the_files_before(ledger: Ledger):
    assert commit(ledger, change(BITCOIN, 0), change(ETHER, 0)) == 1
    assert commit(ledger, change(BITCOIN, 1, rows=2)) == 2
    head = ledger.heads([BITCOIN])[BITCOIN]
    assert (head.version, head.state.rows, head.state.data_version) == (2, 2, "data2")
    assert [segment.version for segment in head.segments] == [2]
    assert [segment.version for segment in ledger.segments(BITCOIN.series, as_of=1)] == [1]
    assert [segment.partition for segment in ledger.segments()] == [BITCOIN, ETHER]
    assert len(ledger.paths()) == 3


def test_one_stale_change_undoes_the_whole_batch(ledger: Ledger):
    commit(ledger, change(ETHER, 0))
    with pytest.raises(Conflict):
        commit(ledger, change(BITCOIN, 0), change(ETHER, 0, rows=5))
    assert ledger.last_commit() == 1
    assert [state.partition for state in ledger.states()] == [ETHER]
    assert ledger.states()[0].rows == 1


def test_a_key_is_used_once(ledger: Ledger):
    first = change(BITCOIN, 0)
    commit(ledger, first, idem_key="k")
    with pytest.raises(Conflict, match="'k'"):
        commit(ledger, change(ETHER, 0), idem_key="k")
    assert ledger.committed("k") == (1, {BITCOIN: first.outcome})
    assert ledger.committed("other") is None


def test_an_unknown_partition_has_an_empty_head(ledger: Ledger):
    head = ledger.heads([BITCOIN])[BITCOIN]
    assert (head.version, head.state, head.segments, head.runs) == (0, None, (), ())


def test_runs_are_joined_over_months_and_cut_to_the_window(ledger: Ledger):
    february = Partition(BITCOIN.series, "2026-02")
    end = BITCOIN.window.end
    runs = (
        Run(window(0, 5), State.PRESENT),
        Run(Window(end - MINUTE, end), State.MISSING, "asked for, not received"),
    )
    later = (Run(Window(end, end + MINUTE), State.MISSING, "asked for, not received"),)
    commit(ledger, change(BITCOIN, 0, runs=runs), change(february, 0, runs=later))
    found = ledger.runs(BITCOIN.series, Window(window(3, 4).start, end + MINUTE))
    assert found == [
        Run(window(3, 5), State.PRESENT),
        Run(Window(end - MINUTE, end + MINUTE), State.MISSING, "asked for, not received"),
    ]
    assert ledger.runs(ETHER.series, window(0, 5)) == []


def test_every_rejected_row_is_kept_and_the_same_one_once(ledger: Ledger):
    rows = [Rejected(MINUTE, {"low": 1.0}, "old"), Rejected(0, {"low": 2.0}, "other")]
    commit(ledger, replace(change(BITCOIN, 0), rejected=(*rows, rows[0])))
    more = [Rejected(MINUTE, {"low": 3.0}, "old"), Rejected(MINUTE, {"low": 1.0}, "new")]
    commit(ledger, replace(change(BITCOIN, 1), rejected=(*more, rows[1])))
    assert ledger.rejected(BITCOIN) == [rows[1], more[1], rows[0], more[0]]
    assert ledger.rejected(ETHER) == []


def test_of_verdicts_those_of_the_latest_judgement_are_kept(ledger: Ledger):
    old = Verdict(BITCOIN, "high_is_highest", "error", False, 2, '[{"open_at": 0}]', "data1", 1, version=1)
    new = replace(old, passed=True, offenders=0, sample="[]", checked_at=2, version=2, shorter_version=7)
    other = replace(new, partition=ETHER, rule="aligned", severity="warn")
    ledger.record_verdicts([old, replace(old, rule="of_another_release"), other])
    ledger.record_verdicts([new])
    assert ledger.verdicts() == [new, other]
    assert ledger.verdicts(ETHER.series) == [other]
    assert ledger.states() == []  # a verdict is no commit


def test_the_log_is_newest_first_and_counts_what_was_done(ledger: Ledger):
    commit(ledger, change(BITCOIN, 0, rows=3), change(ETHER, 0, rows=4))
    commit(ledger, change(BITCOIN, 1, rows=5))
    assert [(entry.id, entry.partitions, entry.new) for entry in ledger.log()] == [(2, 1, 5), (1, 2, 7)]
    assert [(entry.id, entry.new) for entry in ledger.log(ETHER.series)] == [(1, 4)]
    assert [entry.id for entry in ledger.log(limit=1)] == [2]
