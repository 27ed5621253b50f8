"""docs/reading.md says what the reader does, and what it shows to be typed works as it is typed."""

import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from qmd_platform.reader import Reason
from qmd_platform.reader.asked import Strategy
from qmd_platform.sandbox.server import serving
from tests.acceptance.programs import environment
from tests.project.tree import ROOT

PAGE = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The table whose first column is headed so: its rows by that column."""
    lines = PAGE.splitlines()
    (first,) = (place for place, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    found: dict[str, list[str]] = {}
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        found[name.strip("`")] = cells
    return found


def test_the_page_has_every_reason_in_its_own_words():
    assert {name: cells[0] for name, cells in rows("reason").items()} == {one.value: one.sentence for one in Reason}


def test_the_page_has_every_strategy():
    assert list(rows("strategy")) == [one.value for one in Strategy]


def typed(language: str, holding: str) -> str:
    """The page's block with ``holding`` in it; its days moved so that they are over, whatever the day is."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (block,) = (one for one in blocks if holding in one)
    moved = datetime.now(UTC).date() - date(2026, 11, 16)
    return re.sub(r"\d{4}-\d\d-\d\d", lambda day: (date.fromisoformat(day[0]) + moved).isoformat(), block)


@pytest.mark.slow
def test_what_the_page_shows_works_as_it_is_typed_in_a_home_beside_a_sandbox(tmp_path: Path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("python", "qmd"):
        script = tmp_path / ".venv" / "bin" / name
        script.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).parent / name}" "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    with serving() as sandbox:
        own = environment(tmp_path / "home", sandbox.url)

        def run(*command: str) -> str:
            done = subprocess.run(
                command, env=own, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        looked = "\nprint(len(found), len(frame), len(paid), told.share)"
        assert run(sys.executable, "-c", typed("python", "found.frame") + looked) == "1440 1440 93 1.0\n"
        said = run("sh", "-e", "-c", typed("sh", "backtest_with_pin")).splitlines()
    assert said[0].startswith("pinned binance:BTC/USDT:1h as ma-cross")
    assert said[1].startswith("336 candles as of commit")
    assert said[3:5] == said[1:3]
    assert said[5].startswith("No row differs")
