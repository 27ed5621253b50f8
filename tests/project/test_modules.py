"""House rules that no linter knows."""

import ast
import re
from pathlib import Path

from tests.project.tree import EVERYTHING, LIBRARY, ROOT, functions, modules, parsed

MOST_LINES = 250
MOST_LINES_OF_TESTS = 350
MOST_LINES_OF_A_FUNCTION = 40

LONG_FILES: dict[Path, str] = {}
LONG_FUNCTIONS = {
    "qmd_platform/ledger/migrations/versions/r0001_first.py:upgrade": "a schema reads best whole",
    "qmd_platform/ledger/migrations/versions/r0001_first.py:_notes_of_partitions": "a schema reads best whole",
}


def names_in(expression: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}


def lines(path: Path) -> int:
    return len((ROOT / path).read_text(encoding="utf-8").splitlines())


def test_every_file_says_what_lives_in_it():
    said = {module: ast.get_docstring(parsed(module)) or "" for module in modules(*EVERYTHING)}
    assert not [str(module) for module, text in said.items() if len(text.split()) < 3]


def test_every_room_says_what_does_not_live_in_it():
    doors = [module for module in modules(*LIBRARY) if module.name == "__init__.py" and "migrations" not in str(module)]
    told = {door: ast.get_docstring(parsed(door)) or "" for door in doors}
    assert not [str(door) for door, said in told.items() if not re.search(r"\b[Nn]ot\b", said)]


def test_files_are_short_but_for_those_with_a_reason():
    long = {module for module in modules(*LIBRARY) if lines(module) > MOST_LINES}
    assert long == set(LONG_FILES)
    assert not [module for module in modules("tests", "benchmarks", "docs") if lines(module) > MOST_LINES_OF_TESTS]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the function without those of its docstring."""
    said = function.body[0] if ast.get_docstring(function) else None
    return (function.end_lineno or 0) - function.lineno + 1 - ((said.end_lineno or 0) - said.lineno + 1 if said else 0)


def test_functions_are_short_but_for_those_with_a_reason():
    found = {
        f"{module}:{function.name}": length(function)
        for module in modules(*EVERYTHING)
        for function in functions(module)
    }
    assert {name for name, lines in found.items() if lines > MOST_LINES_OF_A_FUNCTION} == set(LONG_FUNCTIONS)


def test_no_module_catches_everything():
    caught = {
        f"{module}:{node.lineno}": {"bare"} if node.type is None else names_in(node.type)
        for module in modules(*LIBRARY)
        for node in ast.walk(parsed(module))
        if isinstance(node, ast.ExceptHandler)
    }
    assert not [place for place, names in caught.items() if names & {"bare", "Exception", "BaseException"}]


def test_no_module_postpones_its_annotations_because_dagster_reads_them():
    imports = [(module, node) for module in modules(*LIBRARY) for node in ast.walk(parsed(module))]
    assert not [
        str(module) for module, node in imports if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]


def test_every_exception_to_the_linter_has_a_reason_beside_or_above_it():
    bare = re.compile(r"#\s*(noqa(: [A-Z0-9, ]+)?|type: ignore(\[[^]]*\])?)\s*$")
    found = []
    for module in modules(*EVERYTHING):
        above = ""
        for number, line in enumerate((ROOT / module).read_text(encoding="utf-8").splitlines(), 1):
            if bare.search(line) and not above.lstrip().startswith("#"):
                found.append(f"{module}:{number}")
            above = line
    assert not found


def test_every_folder_of_tests_mirrors_a_room():
    rooms = {path.name for path in (ROOT / "qmd_platform").iterdir() if path.is_dir()} | {
        "assets",
        "resources",
        "sensors",
    }
    others = {"acceptance", "benchmarks", "browser", "conformance", "dagster", "defects", "project", "recovery"}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders <= rooms | others
