"""docs/lake.md shows what the commands really print."""

from pathlib import Path

import pytest

from tests.project import console
from tests.project.tree import ROOT

PAGE = (ROOT / "docs" / "lake.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_command_of_the_lakes_page_prints_what_the_page_says(tmp_path: Path):
    """``python -m tests.project.console docs/lake.md`` writes the page anew."""
    played = console.played(PAGE, tmp_path / "home")
    assert console.same(played).splitlines() == console.same(PAGE).splitlines()


def test_what_may_differ_between_two_runs_of_a_page_is_no_value_of_a_candle():
    shown = "2025-03-30 12:00  close 70670.15  close 70672.11  2026-11-21 08:39       6  by-hand"
    assert console.same(shown) != console.same(shown.replace("70672.11", "70672.12"))
    assert console.same(shown) == console.same(shown.replace("2026-11-21 08:39", "2027-01-02 03:04"))
