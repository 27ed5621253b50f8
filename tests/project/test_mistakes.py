"""docs/mistakes.md names tests that are there, and all that are named after a mistake."""

import re
from pathlib import Path

from tests.project.tree import ROOT, functions, modules

PAGE = (ROOT / "docs" / "mistakes.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
AFTER_A_MISTAKE = re.compile(r"test_mistakes?_\d+")


def named_in(module: Path) -> set[str]:
    return {one.name for one in functions(module) if one.name.startswith("test_")}


def test_every_test_the_page_names_is_there():
    named = NAMED.findall(PAGE)
    assert len(named) > 50
    assert [f"{file}::{name}" for file, name in named if name not in named_in(Path(file))] == []


def test_every_test_named_after_a_mistake_is_on_the_page():
    there = {(str(module), name) for module in modules("tests") for name in named_in(module)}
    after = {one for one in there if AFTER_A_MISTAKE.match(one[1])}
    assert sorted(after - set(NAMED.findall(PAGE))) == []


def test_files_the_page_names_are_there():
    files = re.findall(r"`(tests/[\w/]+\.py)", PAGE)
    assert [file for file in files if not (ROOT / file).exists()] == []
