"""A file system that fails at any call: the operation says so, and the lake is as before or, if in doubt, as after."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.errors import QmdError
from qmd_platform.lake.store import Lake
from tests.conformance import shim
from tests.conformance.backends import SQLITE_DISK
from tests.conformance.faults import FAULTS
from tests.conformance.figures import record
from tests.conformance.shimmed import OPERATIONS, batch, commit, holds

FEW = ("--most", "1", "--seed")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shim.compiled(tmp_path_factory.mktemp("shim"))


def tried(library: Path, *arguments: str) -> dict[str, int]:
    """What came of the faults; AssertionError with all that ended as it must not."""
    said: dict[str, Any] = json.loads(shim.ran(library, "tests.conformance.faults", arguments))
    counts: dict[str, int] = said["counts"]
    assert said["wrong"] == [], "\n".join(said["wrong"])
    return counts


@pytest.mark.parametrize("operation", ["batch", "open"])
def test_a_few_faults_are_refused_and_change_nothing(library: Path, operation: str):
    counts = tried(library, operation, *FEW, "7")
    record("fault, at some call", SQLITE_DISK, **counts)
    assert counts["trials"] == len(FAULTS)
    assert counts["refused"] >= len(FAULTS) // 2


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_fault_at_every_call_is_refused_and_changes_nothing(library: Path, operation: str, fault: str):
    counts = tried(library, operation, "--faults", fault)
    record(f"fault at every call: {fault}", SQLITE_DISK, **counts)
    assert counts["trials"] >= 10
