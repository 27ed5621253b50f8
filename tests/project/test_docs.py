"""Docs say what the code does: commands exist, links lead somewhere, examples run."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qmd_platform.cli.app import COMMANDS
from qmd_platform.ingest.candles import backfill
from qmd_platform.ingest.rollup import roll_up
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.sandbox.server import running
from tests.project.tree import ROOT, pages

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
CODE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^]]*\]\(([^)#\s]+)(#[^)]*)?\)|(?:src|srcset)=\"([^\"]+)\"")


def commands(text: str, program: str) -> set[str]:
    """First words after ``program`` in the text's code."""
    code = [block for language, block in CODE.findall(text) if language in {"sh", "bash", "console"}]
    code += re.findall(r"`([^`\n]+)`", CODE.sub("", text))
    return set(re.findall(rf"(?:^|[ /]){program} ([a-z][a-z-]*)", "\n".join(code), re.MULTILINE))


def test_the_generated_pages_say_what_the_code_says():
    # A process of its own: click remembers in a command how its help was first asked for.
    check = [sys.executable, ROOT / "docs" / "generate.py", "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", pages(), ids=str)
def test_commands_a_page_names_exist(page: Path):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert commands(text, "make") <= MAKE_TARGETS
    assert commands(text, "qmd") <= set(COMMANDS)


@pytest.mark.parametrize("page", pages(), ids=str)
def test_links_between_pages_and_to_pictures_lead_somewhere(page: Path):
    found = [a or b for a, _, b in LINK.findall((ROOT / page).read_text(encoding="utf-8"))]
    inside = [link for link in found if "://" not in link]
    assert not [link for link in inside if not (ROOT / page.parent / link).exists()]


def test_the_readme_shows_the_two_commands_to_start_with():
    assert {"demo", "test", "dev"} <= commands(README, "make")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme_and_in_the_reference(command: str):
    assert command in commands(README, "qmd")
    assert f"## qmd {command}\n" in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def test_make_alone_lists_every_public_target():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"demo", "dev", "test", "check", "setup", "bench", "docs", "lock", "clean"} <= set(
        re.findall(r"make ([a-z-]+)", listed)
    )


def test_the_readmes_python_runs_as_written_though_the_demo_is_over_and_no_venue_answers(
    own_home: Path, tmp_path: Path
):
    (block,) = [text for language, text in CODE.findall(README) if language == "python"]
    now = datetime.now(UTC)
    window = Window.of(now - timedelta(days=9), now - timedelta(hours=3))
    market = Market.parse("binance:BTC/USDT")
    with running() as url, Lake.open(own_home / "lake") as lake:
        backfill(lake, [market], Timeframe.M1, window, run_id="readme", url=url)
        roll_up(lake, market, Timeframe.H1, window, run_id="readme")
    script = tmp_path / "example.py"
    script.write_text(block, encoding="utf-8")
    environment = os.environ | {"QMD_HOME": str(own_home)}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "close" in done.stdout
