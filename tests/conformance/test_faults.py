"""A file system that fails at any call: the operation says so, and the lake is as before or, if in doubt, as after.

And a clock that jumps back.
"""

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import shim
from tests.conformance.backends import SQLITE_DISK
from tests.conformance.faults import FAULTS
from tests.conformance.faults_clock import COMMITS
from tests.conformance.figures import LONG, record, tries
from tests.conformance.shimmed import OPERATIONS

SECONDS = "240" if os.environ.get(LONG) else str(tries(16))
"""Faults are tried in an order drawn from a seed, until each was tried at every call or this time is over."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shim.compiled(tmp_path_factory.mktemp("shim"))


def tried(library: Path, *arguments: str) -> dict[str, int]:
    """What came of the faults; AssertionError with all that ended as it must not."""
    said: dict[str, Any] = json.loads(shim.ran(library, "tests.conformance.faults", arguments, timeout=500))
    assert said["wrong"] == [], "\n".join(said["wrong"])
    counts: dict[str, int] = said["counts"]
    return {"acked": counts.get("succeeded", 0), "lost": 0, "torn": 0, "damaged": 0, **counts}


def test_faults_from_the_start_and_at_some_call_are_refused_and_change_nothing(library: Path):
    counts = tried(library, "batch", "--most", "2")
    record("fault: batch, a few", SQLITE_DISK, **counts)
    assert counts["trials"] == 2 * len(FAULTS)
    assert counts["refused"] >= len(FAULTS)


def test_a_program_that_reports_success_whatever_happens_is_found_out(library: Path):
    with pytest.raises(AssertionError, match="success was reported"):
        tried(library, "careless", "--most", "12", "--faults", "no space, once")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_fault_at_any_call_is_refused_and_changes_nothing(library: Path, operation: str):
    counts = tried(library, operation, "--seconds", SECONDS)
    record(f"fault: {operation}", SQLITE_DISK, **counts)
    assert counts["trials"] >= len(FAULTS)
    assert counts["refused"] >= counts["trials"] // 2


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_commits_keep_their_order_when_the_clock_jumps_back(tmp_path: Path, library: Path, seed: int):
    said = json.loads(shim.ran(library, "tests.conformance.faults_clock", [str(tmp_path / "lake"), str(seed)]))
    record("clock jumps", SQLITE_DISK, trials=COMMITS, acked=len(said["times"]), lost=len(said["wrong"]))
    assert len(said["times"]) == COMMITS
    assert all(before <= after for before, after in pairwise(said["times"]))
    assert said["wrong"] == []
