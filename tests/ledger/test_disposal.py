"""What a vacuum may take, and when."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qmd_platform.errors import Vacuumed
from qmd_platform.ledger import committing
from qmd_platform.ledger import ledger as ledger_module
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.model.spans import Run, State
from tests.ledger.making import BITCOIN, ETHER, change, commit, path_of, window

HOUR = 3_600_000
NOON = 1_767_268_800_000


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """Versions 1 to 3 of Bitcoin at noon, one and two hours later; Ether once."""
    times = [NOON]
    for module in (committing, ledger_module):
        monkeypatch.setattr(module, "now_ms", lambda: times[-1])
    opened = Ledger.open(tmp_path / "ledger.sqlite", tmp_path / "commit.lock")
    for seen in range(3):
        also = (change(ETHER, 0),) if not seen else ()
        commit(opened, change(BITCOIN, seen, runs=(Run(window(0, seen + 1), State.PRESENT),)), *also)
        times.append(times[-1] + HOUR)
    yield opened
    opened.close()


def reclaim(
    ledger: Ledger, hours: float, keep: float = 0, grace: float = 1, *, dry: bool = False
) -> dict[str, list[str]]:
    """Which versions were trashed, rescued and given up, so many hours after noon."""
    said = ledger.reclaim(
        now=NOON + int(hours * HOUR), keep_ms=int(keep * HOUR), grace_ms=int(grace * HOUR), dry_run=dry
    )
    found = {name: getattr(said, name) for name in ("trashed", "rescued", "gone")}
    return {name: [segment.path.rpartition("/")[2][:-8] for segment in part] for name, part in found.items() if part}


def test_a_replaced_file_is_trash_first_and_gone_after_the_grace(ledger: Ledger):
    assert reclaim(ledger, 3) == {"trashed": ["1", "2"]}
    assert reclaim(ledger, 3.5) == {}
    assert [one.version for one in ledger.segments(BITCOIN.series, as_of=1)] == [1]
    assert reclaim(ledger, 4) == {"gone": ["1", "2"]}
    assert ledger.gone() == {path_of(BITCOIN, 1), path_of(BITCOIN, 2)}
    assert reclaim(ledger, 9) == {}
    assert [one.version for one in ledger.segments(BITCOIN.series)] == [3]


def test_snapshots_of_the_time_kept_stay(ledger: Ledger):
    assert reclaim(ledger, 3, keep=24) == {}
    assert reclaim(ledger, 3, keep=1.5) == {"trashed": ["1"]}  # version 2 was the one until an hour ago


def test_a_gone_snapshot_is_refused_by_name_and_the_oldest_left_is_said(ledger: Ledger):
    reclaim(ledger, 3)
    reclaim(ledger, 4)
    for ask in (ledger.view, ledger.segments):
        with pytest.raises(Vacuumed, match="commit 3 and later"):
            ask(BITCOIN.series, as_of=2)
    with pytest.raises(Vacuumed):
        ledger.runs(BITCOIN.series, window(0, 5), as_of=1)
    with pytest.raises(Vacuumed):
        ledger.pin("late", at=2)
    assert ledger.view(BITCOIN.series, as_of=3).commit == 3
    assert ledger.view(BITCOIN.series, as_of=0).segments == ()


def test_what_a_pin_reaches_stays_and_goes_when_the_pin_does(ledger: Ledger):
    ledger.pin("paper", at=1)
    assert reclaim(ledger, 3) == {"trashed": ["2"]}
    assert reclaim(ledger, 9) == {"gone": ["2"]}
    view = ledger.view(BITCOIN.series, as_of="paper")
    assert ([one.version for one in view.segments], view.runs) == ([1], (Run(window(0, 1), State.PRESENT),))
    ledger.unpin("paper")
    assert reclaim(ledger, 9) == {"trashed": ["1"]}


def test_a_pin_of_one_series_keeps_only_that(ledger: Ledger):
    ledger.pin("ether", at=1, series=[ETHER.series])
    assert reclaim(ledger, 3) == {"trashed": ["1", "2"]}
    reclaim(ledger, 9)
    assert [one.version for one in ledger.segments(ETHER.series, as_of="ether")] == [1]
    with pytest.raises(Vacuumed):
        ledger.segments(BITCOIN.series, as_of="ether")


def test_an_expired_pin_holds_nothing(ledger: Ledger):
    ledger.pin("short", at=1, until=NOON + 4 * HOUR)
    said = ledger.reclaim(now=NOON + 4 * HOUR, keep_ms=0, grace_ms=HOUR)
    assert [pin.name for pin in said.expired] == ["short"]
    assert len(said.trashed) == 2


def test_a_pin_takes_a_file_back_out_of_the_trash(ledger: Ledger):
    reclaim(ledger, 3)
    ledger.pin("in_time", at=2)
    assert reclaim(ledger, 9) == {"rescued": ["2"], "gone": ["1"]}
    assert [one.version for one in ledger.segments(BITCOIN.series, as_of="in_time")] == [2]


def test_a_dry_run_says_the_same_and_does_nothing(ledger: Ledger):
    assert reclaim(ledger, 3, dry=True) == reclaim(ledger, 3, dry=True) == {"trashed": ["1", "2"]}
    assert reclaim(ledger, 3) == {"trashed": ["1", "2"]}


def test_a_clock_that_jumps_back_takes_nothing_early(ledger: Ledger):
    reclaim(ledger, 3)
    assert reclaim(ledger, -50) == {"rescued": ["1", "2"]}
    assert ledger.gone() == set()


def test_coverage_of_the_past_goes_with_its_snapshot_and_not_before(ledger: Ledger):
    def rows() -> int:
        with ledger.database.reading() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM coverage").scalar_one())

    assert rows() == 3
    reclaim(ledger, 3)
    assert ledger.runs(BITCOIN.series, window(0, 5), as_of=1) == [Run(window(0, 1), State.PRESENT)]
    reclaim(ledger, 4)
    assert rows() == 1
    assert ledger.runs(BITCOIN.series, window(0, 5)) == [Run(window(0, 3), State.PRESENT)]
