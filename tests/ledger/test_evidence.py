"""What the ledger keeps of asking: compared and swapped, never served when damaged, quick to look over."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.errors import Conflict, LedgerError
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.database import Database
from qmd_platform.ledger.journal import Entry
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.ledger.postgres import PostgresDatabase
from qmd_platform.ledger.records import Change, Rejected
from qmd_platform.ledger.sqlite import SqliteDatabase
from qmd_platform.ledger.tracing import Refusals, Refused
from qmd_platform.model.evidence import Answered, Attempt
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run, State, merged
from tests.ledger.making import BITCOIN, ETHER, change, commit, window
from tests.servers import fresh_schema

FEBRUARY = Partition(BITCOIN.series, "2026-02")

MISSING = Run(window(0, 9), State.MISSING, "asked for, not received")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    if request.param == "postgres":
        database: Database = PostgresDatabase(fresh_schema(request.getfixturevalue("postgres")))
    else:
        database = SqliteDatabase(tmp_path / "ledger.sqlite", tmp_path / "commit.lock")
    database.migrate()
    yield Ledger(database)
    database.close()


def answer(at: int) -> Answered:
    return Answered(window(0, 9), at, "candles", "a" * 64)


def asked(seen: int, layout: int, asks: int, partition: Partition = BITCOIN) -> Change:
    """Nothing but the question is new, but for the first time."""
    first = change(partition, 0, runs=(MISSING,))
    one = first if not seen else replace(first, seen=1, added=(), seen_layout=layout, layout=layout + 1)
    return replace(one, evidence=(answer(asks),), attempts=(Attempt(window(0, 9), asks, asks),))


def test_of_two_who_asked_at_the_same_time_the_slower_one_counts_again(ledger: Ledger):
    commit(ledger, asked(0, 0, 1))
    commit(ledger, asked(1, 0, 2))
    with pytest.raises(Conflict):
        commit(ledger, asked(1, 0, 2))
    commit(ledger, asked(1, 1, 3))
    head = ledger.heads([BITCOIN])[BITCOIN]
    assert (head.version, head.layout, head.attempts) == (1, 2, (Attempt(window(0, 9), 3, 3),))
    assert ledger.evidence(BITCOIN.series) == [(1, answer(1)), (2, answer(2)), (3, answer(3))]
    assert ledger.evidence(BITCOIN.series, window(0, 1), as_of=2) == [(1, answer(1)), (2, answer(2))]
    assert ledger.runs(BITCOIN.series, BITCOIN.window, as_of=1) == ledger.runs(BITCOIN.series, BITCOIN.window)


def test_attempts_are_asked_for_many_series_at_once_and_may_go(ledger: Ledger):
    commit(ledger, asked(0, 0, 1), change(ETHER, 0))
    assert ledger.attempts([ETHER.series, BITCOIN.series]) == {
        BITCOIN.series: [Attempt(window(0, 9), 1, 1)],
        ETHER.series: [],
    }
    assert ledger.attempts([]) == {}
    commit(ledger, replace(change(BITCOIN, 1), attempts=()))
    assert ledger.attempts([BITCOIN.series]) == {BITCOIN.series: []}
    commit(ledger, replace(change(BITCOIN, 2), attempts=None))
    assert len(ledger.evidence(BITCOIN.series)) == 1


@pytest.mark.parametrize(
    ("table", "column", "written", "flipped"),
    [
        (db.attempt, "attempts", "[540000", "[540001"),
        (db.attempt, "attempts", "[1,1,", "[3,1,"),
        (db.attempt, "checksum", "", "x"),
        (db.evidence, "answers", "[540000", "[540001"),
        (db.evidence, "answers", "qqq", "qqr"),
    ],
)
def test_what_is_not_what_was_committed_is_refused(
    ledger: Ledger, table: sa.Table, column: str, written: str, flipped: str
):
    commit(ledger, asked(0, 0, 1))
    with ledger.database.writing() as connection:
        text = str(connection.execute(sa.select(table.c[column])).scalar_one())
        assert written in text
        connection.execute(sa.update(table).values({column: text.replace(written, flipped, 1)}))
    with pytest.raises(LedgerError, match="what it says of binance:BTC/USDT:1m 2026-01 is not what was committed"):
        ledger.attempts([BITCOIN.series]) if table is db.attempt else ledger.evidence(BITCOIN.series)
    if table is db.attempt:
        with pytest.raises(LedgerError, match="damaged"):
            ledger.heads([BITCOIN])
    assert ledger.runs(BITCOIN.series, BITCOIN.window) == [MISSING]  # candles are not touched by that


def test_evidence_that_is_taken_for_another_commits_is_refused(ledger: Ledger):
    commit(ledger, asked(0, 0, 1))
    commit(ledger, change(ETHER, 0))
    with ledger.database.writing() as connection:
        connection.execute(sa.update(db.evidence).values(commit_id=2))
    with pytest.raises(LedgerError, match="damaged"):
        ledger.evidence(BITCOIN.series)


def test_a_record_says_all_that_was_asked(ledger: Ledger):
    one = Entry(1, 2, "r", "s", "0", "lake", None, changes=(asked(0, 0, 1), replace(asked(0, 0, 2), attempts=())))
    assert Entry.from_bytes(one.to_bytes(), "here") == one


def test_a_checkpoint_holds_what_was_asked(ledger: Ledger, tmp_path: Path):
    commit(ledger, asked(0, 0, 1))
    commit(ledger, asked(1, 0, 2))
    _, dump = ledger.checkpoint()
    other = Ledger.open(tmp_path / "other.sqlite", tmp_path / "other.lock")
    other.load(dump, "here")
    assert other.attempts([BITCOIN.series]) == ledger.attempts([BITCOIN.series])
    assert other.evidence(BITCOIN.series) == ledger.evidence(BITCOIN.series)
    other.close()


def test_what_the_commits_said_of_a_candle_is_told_once_with_the_window_it_last_had(ledger: Ledger):
    said = [
        (Run(window(0, 9), State.MISSING, "a"),),
        (Run(window(0, 4), State.MISSING, "a"), Run(window(4, 9), State.PRESENT)),
        (Run(window(0, 2), State.MISSING, "b"), Run(window(2, 9), State.PRESENT)),
    ]
    for seen, known in enumerate(said):
        commit(ledger, change(BITCOIN, seen, runs=known))
    one = window(1, 2).start
    assert ledger.told(BITCOIN, one, 3) == [(1, said[1][0]), (3, said[2][0])]
    assert ledger.told(BITCOIN, one, 2) == [(1, said[1][0])]
    assert ledger.told(BITCOIN, window(3, 4).start, 3) == [(1, said[1][0]), (3, said[2][1])]
    assert ledger.told(BITCOIN, window(9, 10).start, 3) == []
    versions = ledger.versions_by(BITCOIN, [1, 3])
    assert {number: (one.version, one.run_id) for number, one in versions.items()} == {1: (1, "r"), 3: (3, "r")}


def test_rows_kept_out_are_found_by_series_window_and_reason(ledger: Ledger):
    low, high = (Rejected(window(n, n + 1).start, {"low": 2.0}, why) for n, why in ((0, "Low 5% off"), (3, "high")))
    commit(ledger, replace(change(BITCOIN, 0), rejected=(high, low)), replace(change(ETHER, 0), rejected=(low,)))
    at = ledger.log()[0].at
    found = [Refused(of, row, 1, at, "r", "s") for of, row in ((BITCOIN, low), (BITCOIN, high), (ETHER, low))]
    assert ledger.refused() == found
    assert ledger.refused(limit=1) == found[:1]
    assert ledger.refused(BITCOIN.series, window(1, 9)) == [found[1]]
    assert ledger.refused(reason="low 5%") == [found[0], found[2]]
    assert ledger.refused(reason="low_5") == []
    assert ledger.refusals(BITCOIN.series) == [
        Refusals(BITCOIN.series, "Low 5% off", 1, low.open_at, low.open_at),
        Refusals(BITCOIN.series, "high", 1, high.open_at, high.open_at),
    ]


runs = st.lists(st.tuples(st.integers(1, 5), st.sampled_from(State), st.sampled_from("ab")), max_size=6)


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from([BITCOIN, FEBRUARY, ETHER]), runs), max_size=5))
def test_what_is_known_of_many_series_is_what_their_views_say(
    tmp_path_factory: pytest.TempPathFactory, commits: list[tuple[Partition, list[tuple[int, State, str]]]]
):
    folder = tmp_path_factory.mktemp("ledger")
    ledger = Ledger.open(folder / "ledger.sqlite", folder / "commit.lock")
    seen: dict[Partition, int] = {}
    for partition, lengths in commits:
        at, known = partition.window.start, []
        for length, state, cause in lengths:
            known.append(Run(replace(window(0, 1), start=at, end=at + length * 60_000), state, cause))
            at += length * 60_000 * (1 if cause == "a" else 2)
        commit(ledger, change(partition, seen.get(partition, 0), runs=tuple(merged(known))))
        seen[partition] = seen.get(partition, 0) + 1
    series = {BITCOIN.series, ETHER.series}
    assert ledger.gaps_of(series) == {one: list(ledger.view(one).runs) for one in series}
    ledger.close()
