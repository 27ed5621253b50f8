"""The history checker believes what can have happened, and nothing else."""

import pytest

from tests.conformance.history import Operation, broken

WRITES = [Operation(0, 2, 1), Operation(1, 3, 2), Operation(4, 5, 3)]


def test_overlapping_writes_may_take_effect_in_any_order():
    assert broken(WRITES) == []
    assert broken([Operation(0, 2, 2), Operation(1, 3, 1)]) == []


@pytest.mark.parametrize(
    "writes",
    [
        [Operation(0, 1, 2), Operation(2, 3, 1)],
        [Operation(0, 1, 1), Operation(2, 3, 1)],
        [Operation(0, 1, 1), Operation(2, 3, 3)],
    ],
    ids=["out of order", "the same version twice", "a version left out"],
)
def test_writes_that_no_order_explains_are_found(writes: list[Operation]):
    assert broken(writes)


@pytest.mark.parametrize(("version", "is_possible"), [(0, False), (1, False), (2, True), (3, True), (4, False)])
def test_a_read_sees_what_was_written_before_it_or_meanwhile(version: int, *, is_possible: bool):
    assert (broken(WRITES, [Operation(3.5, 4.5, version)]) == []) is is_possible


def test_a_reader_never_goes_back():
    writes = [Operation(0, 10, 1), Operation(0, 10, 2)]
    assert broken(writes, [Operation(1, 2, 2), Operation(3, 4, 1)])
