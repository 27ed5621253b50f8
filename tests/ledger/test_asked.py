"""Evidence and attempts written down as text come back as they were, and take little room."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.ledger.asked import (
    NONSENSE,
    answers_of,
    attempts_of,
    checksum_of,
    text_of_answers,
    text_of_attempts,
)
from qmd_platform.model.evidence import Answered, Attempt
from qmd_platform.model.window import Window
from tests.ledger.making import BITCOIN, ETHER

windows = st.builds(
    lambda start, length, unit: Window(start * unit, (start + length) * unit),
    st.integers(-1000, 10**8),
    st.integers(1, 10**6),
    st.sampled_from([1, 1000, 60_000]),
)
digests = st.one_of(st.binary(max_size=3).map(lambda data: hashlib.sha256(data).hexdigest()), st.text(max_size=70))
answered = st.builds(
    Answered, windows, st.integers(0, 2**45), st.text(max_size=9), digests, st.integers(0, 10**6), st.text(max_size=9)
)


@given(st.lists(answered, max_size=8))
def test_answers_come_back_sorted_whatever_they_say(answers: list[Answered]):
    assert answers_of(text_of_answers(answers)) == tuple(sorted(answers))


@given(st.lists(st.builds(Attempt, windows, st.integers(1, 99), st.integers(0, 2**45)), max_size=8))
def test_attempts_come_back_sorted_whatever_they_say(attempts: list[Attempt]):
    assert attempts_of(text_of_attempts(attempts)) == tuple(sorted(attempts))


def test_a_page_takes_some_seventy_bytes_and_an_attempt_at_a_lone_minute_some_five():
    step, at = 60_000, 1_767_225_600_000
    pages = [
        Answered(
            Window(at + n * 1000 * step, at + (n + 1) * 1000 * step),
            at + 10**10 + n * 7919 % 40_000,
            "publicGetKlines",
            hashlib.sha256(bytes([n])).hexdigest(),
            1000,
        )
        for n in range(44)
    ]
    assert len(text_of_answers(pages)) / len(pages) < 72
    minutes = [Attempt(Window(at + 3 * n * step, at + (3 * n + 1) * step), 2, at + 10**10) for n in range(1000)]
    assert len(text_of_attempts(minutes)) / len(minutes) < 5


@pytest.mark.parametrize("text", ["", "[]", "[1,2]", '[1,["x",[0,0,0,0,""]]]', '[1,["x",[0,1,0,0,"short"]]]', "{}"])
def test_a_text_that_was_never_written_is_told_apart(text: str):
    with pytest.raises(NONSENSE):
        answers_of(text)


def test_a_checksum_is_of_one_partition_one_commit_and_one_text():
    said = {checksum_of(one, commit, text) for one in (BITCOIN, ETHER) for commit in (0, 1) for text in ("a", "b")}
    assert len(said) == 8
