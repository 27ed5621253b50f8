"""What was asked for in vain, and the answers a commit rests on: kept with it, made again from its record."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.lake.rebuild import rebuild, replayed
from qmd_platform.lake.store import Lake, Write
from qmd_platform.ledger.ledger import Ledger
from qmd_platform.model.evidence import Answered, Attempt
from qmd_platform.model.spans import Run, State
from qmd_platform.model.window import Window
from tests.lake.making import FEBRUARY, JANUARY, candles_at, hours, put

DIGEST = hashlib.sha256(b"[]").hexdigest()


def answer(window: Window, at: int, rows: int = 0, what: str = "candles", error: str = "") -> Answered:
    return Answered(window, at, what, "" if error else DIGEST, rows, error)


def asked(window: Window, *answers: Answered, rows: tuple[int, ...] = (), seen: int | None = None) -> Write:
    table = candles_at(list(rows)).to_arrow()
    return Write(JANUARY, table, asked=(window,), evidence=answers, seen=seen, fetched_at=1_000)


def test_what_is_asked_again_and_is_still_not_there_is_a_commit_of_the_same_version(lake: Lake):
    first, before = put(lake, asked(hours(0, 4), answer(hours(0, 4), 10, rows=2), rows=(0, 1)))
    assert lake.attempts(JANUARY.series) == [Attempt(hours(2, 4), 1, 10)]
    files = set(lake.blobs.data.paths())
    second, after = put(lake, asked(hours(2, 4), answer(hours(2, 4), 20)))
    assert (second, after.version, after.data_version) == (first + 1, before.version, before.data_version)
    assert lake.attempts(JANUARY.series) == [Attempt(hours(2, 4), 2, 20)]
    assert set(lake.blobs.data.paths()) == files
    assert lake.verify() == []


def test_without_evidence_asking_again_is_no_commit(lake: Lake):
    first, _ = put(lake, asked(hours(0, 4), rows=(0, 1)))
    assert put(lake, asked(hours(0, 4), rows=(0, 1)))[0] == first


def test_a_candle_that_came_was_not_asked_for_in_vain(lake: Lake):
    put(lake, asked(hours(0, 4), answer(hours(0, 4), 10)))
    put(lake, Write(JANUARY, candles_at([1]).to_arrow(), fetched_at=2_000))
    assert lake.attempts(JANUARY.series) == [Attempt(hours(0, 1), 1, 10), Attempt(hours(2, 4), 1, 10)]


def test_several_answers_about_a_candle_in_one_write_are_one_ask_at_the_last_ones_time(lake: Lake):
    pages = (answer(hours(0, 4), 10), answer(hours(2, 6), 30), answer(hours(2, 3), 20, error="timed out"))
    put(lake, asked(hours(0, 6), *pages))
    assert lake.attempts(JANUARY.series) == [Attempt(hours(0, 2), 1, 10), Attempt(hours(2, 6), 1, 30)]
    assert lake.attempts(JANUARY.series, hours(1, 3)) == [Attempt(hours(1, 2), 1, 10), Attempt(hours(2, 3), 1, 30)]


def test_what_is_verified_empty_or_rejected_was_asked_for_too_and_what_was_not_listed_was_not(lake: Lake):
    said = (Run(hours(0, 1), State.VERIFIED_EMPTY, "none"), Run(hours(1, 2), State.UNLISTED, "not yet"))
    write = Write(
        JANUARY, candles_at([]).to_arrow(), (hours(0, 3),), said, evidence=(answer(hours(0, 3), 10),), fetched_at=1
    )
    put(lake, write)
    assert lake.attempts(JANUARY.series) == [Attempt(hours(0, 1), 1, 10), Attempt(hours(2, 3), 1, 10)]


def test_the_evidence_of_every_commit_is_kept_and_found_by_the_time_it_speaks_about(lake: Lake):
    page, other = answer(hours(0, 4), 10, rows=4), answer(hours(4, 8), 11, rows=3, what="archive")
    first, _ = put(lake, asked(hours(0, 8), page, other, rows=(0, 1, 2, 3, 4, 5, 6)))
    again = answer(hours(7, 8), 20, error="the venue is down")
    second, _ = put(lake, asked(hours(7, 8), again))
    assert lake.evidence(JANUARY.series) == [(first, page), (first, other), (second, again)]
    assert lake.evidence(JANUARY.series, hours(7, 8)) == [(first, other), (second, again)]
    assert lake.evidence(JANUARY.series, hours(7, 8), as_of=first) == [(first, other)]
    assert lake.evidence(JANUARY.series, hours(8, 9)) == []


def test_a_page_over_two_months_is_evidence_in_both_and_is_named_once(lake: Lake):
    page = answer(Window(JANUARY.window.end - 3_600_000, FEBRUARY.window.start + 3_600_000), 10)
    empty = candles_at([]).to_arrow()
    writes = [Write(one, empty, (page.window,), evidence=(page,)) for one in (JANUARY, FEBRUARY)]
    number = put(lake, *writes)[0]
    assert lake.evidence(JANUARY.series) == [(number, page)]
    last, first = hours(743, 744), hours(0, 1, FEBRUARY)
    assert lake.attempts(JANUARY.series) == [Attempt(last, 1, 10), Attempt(first, 1, 10)]


def test_a_partition_that_was_only_asked_about_can_be_written_to_afterwards(lake: Lake):
    one = answer(hours(0, 4), 10, error="timed out")
    number, outcome = put(lake, Write(JANUARY, candles_at([]).to_arrow(), evidence=(one,)))
    assert (outcome.version, outcome.rows, lake.evidence(JANUARY.series)) == (1, 0, [(number, one)])
    assert lake.attempts(JANUARY.series) == []  # nothing is known of these candles
    put(lake, asked(hours(0, 2), answer(hours(0, 2), 20), rows=(0, 1)))
    assert lake.verify() == []


@pytest.mark.parametrize("checkpointed", [False, True], ids=["records", "a checkpoint"])
def test_a_ledger_made_again_has_the_same_attempts_and_evidence(lake: Lake, *, checkpointed: bool):
    put(lake, asked(hours(0, 4), answer(hours(0, 4), 10), rows=(0,)))
    put(lake, asked(hours(1, 4), answer(hours(1, 4), 20)))
    if checkpointed:
        lake.records.keep_checkpoint(*lake.ledger.checkpoint())
    put(lake, asked(hours(1, 3), answer(hours(1, 3), 30), rows=(1,)))
    known = lake.attempts(JANUARY.series), lake.evidence(JANUARY.series)
    assert known[0] == [Attempt(hours(2, 3), 3, 30), Attempt(hours(3, 4), 2, 20)]
    lake.close()
    for path in lake.root.glob("ledger.sqlite*"):
        path.unlink()
    rebuild(lake.root, now=1)
    anew = Lake.open(lake.root)
    assert (anew.attempts(JANUARY.series), anew.evidence(JANUARY.series)) == known


spans = st.tuples(st.integers(0, 8), st.integers(1, 8)).map(lambda two: hours(two[0], two[0] + two[1]))
answers = st.builds(
    answer, spans, st.integers(1, 9), st.integers(0, 5), st.sampled_from("ab"), st.sampled_from(["", "!"])
)
writes = st.builds(
    lambda window, said, rows: asked(window, *said, rows=tuple(sorted(rows))),
    spans,
    st.lists(answers, max_size=3),
    st.sets(st.integers(0, 15), max_size=4),
)


@settings(max_examples=10)
@given(st.lists(writes, min_size=1, max_size=6))
def test_whatever_is_asked_the_records_played_again_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, commits: list[Write]
):
    with Lake.open(tmp_path_factory.mktemp("lake")) as lake:
        for write in commits:
            put(lake, write)
        with replayed(lake.records) as database:
            anew = Ledger(database)
            assert anew.attempts([JANUARY.series]) == {JANUARY.series: lake.attempts(JANUARY.series)}
            assert anew.evidence(JANUARY.series) == lake.evidence(JANUARY.series)
        assert lake.verify() == []


def test_a_candle_of_which_something_else_is_known_now_is_counted_anew(lake: Lake):
    for at in (10, 20, 30):
        put(lake, asked(hours(0, 4), answer(hours(0, 4), at)))
    empty = Write(
        JANUARY,
        candles_at([]).to_arrow(),
        asked=(hours(0, 2),),
        explained=(Run(hours(0, 2), State.VERIFIED_EMPTY, "two answers leave it out"),),
        evidence=(answer(hours(0, 4), 40),),
    )
    put(lake, empty)
    assert lake.attempts(JANUARY.series) == [Attempt(hours(0, 2), 1, 40), Attempt(hours(2, 4), 4, 40)]
