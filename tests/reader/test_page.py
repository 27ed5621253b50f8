"""docs/reading.md says what the reader does."""

from qmd_platform.reader import Reason
from qmd_platform.reader.asked import Strategy
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
