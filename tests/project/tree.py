"""The project's own files, as its tests look at them."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIBRARY = ("qmd_platform", "assets", "sensors", "resources")
EVERYTHING = (*LIBRARY, "tests", "benchmarks", "docs", "examples")


def modules(*folders: str) -> list[Path]:
    """Every Python file below these folders, relative to the checkout, sorted."""
    return sorted(path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*.py"))


def pages() -> list[Path]:
    """Every Markdown page, relative to the checkout."""
    return sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@cache
def parsed(module: Path) -> ast.Module:
    """The module's syntax tree."""
    return ast.parse((ROOT / module).read_text(encoding="utf-8"), str(module))


def functions(module: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of the module."""
    return [node for node in ast.walk(parsed(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
