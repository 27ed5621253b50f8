"""Starting is cheap: the reader and the command line bring in no library they may not need."""

import json
import subprocess
import sys

import pytest

HEAVY = ("dagster", "ccxt", "pandas", "great_expectations", "aiohttp", "matplotlib", "scipy")
DOORS = {
    "qmd_platform": (),
    "qmd_platform.model.candles": (),
    "qmd_platform.config": (),
    "qmd_platform.reader": (),
    "qmd_platform.cli": (),
    "qmd_platform.lake.store": (),
    "qmd_platform.ingest.candles": ("aiohttp",),
    "qmd_platform.definitions": ("dagster",),
}
"""What importing each of these may bring in of HEAVY."""


@pytest.mark.parametrize("door", DOORS)
def test_importing_brings_in_no_heavy_library_it_does_not_need(door: str):
    program = f"import json, sys, {door}; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout.splitlines()[-1])) <= set(DOORS[door])
