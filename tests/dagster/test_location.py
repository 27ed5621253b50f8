"""The code location as Dagster's own programs load it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.graph import TWO_VENUES

CHECKOUT = Path(__file__).parents[2]


def python(*arguments: str, universe: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"QMD_UNIVERSE": str(universe), "DAGSTER_HOME": ""}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "universe.toml"
    path.write_text(TWO_VENUES.replace('native = ["1h"]', 'nativ = ["1h"]'), encoding="utf-8")
    return path


def test_a_mistake_in_the_universe_file_is_what_loading_says(bad: Path):
    done = python("-c", "import qmd_platform.definitions", universe=bad)
    assert done.returncode != 0
    told = done.stderr.splitlines()[-1]
    assert f"{bad}, line 7: unknown key 'nativ'" in told
    assert "native" in told.replace("nativ'", "")


@pytest.mark.slow
def test_dagster_validates_the_workspace_and_passes_the_mistake_on(bad: Path, tmp_path: Path):
    good = tmp_path / "good.toml"
    good.write_text(TWO_VENUES, encoding="utf-8")
    validate = ("-m", "dagster", "definitions", "validate", "-w", "workspace.yaml")
    assert python(*validate, universe=good).returncode == 0
    refused = python(*validate, universe=bad)
    assert refused.returncode != 0
    assert "unknown key 'nativ'" in refused.stdout + refused.stderr
