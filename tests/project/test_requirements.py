"""The pinned lists: complete, hashed, in step with pyproject.toml, and bound to no place."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.project.tree import ROOT

LISTS = ("runtime.txt", "dev.txt", "installer.txt")
PIN = re.compile(r"([a-z0-9][a-z0-9._-]*)(\[[a-z0-9,_-]+\])?==([^ ;\\]+)( ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def pins(name: str) -> dict[str, set[str]]:
    """Package to its pinned versions (one, or one for each range of Pythons)."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines():
        if pin := PIN.fullmatch(line):
            found.setdefault(pin.group(1), set()).add(pin.group(3))
    return found


def project() -> dict[str, list[str | dict[str, str]]]:
    """What pyproject.toml asks for, by group; ``runtime`` is the library's own."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {"runtime": content["project"]["dependencies"], **content["dependency-groups"]}


def names(group: str) -> set[str]:
    asked = [entry for entry in project()[group] if isinstance(entry, str)]
    return {re.split(r"[\[<>=~! ;]", entry, maxsplit=1)[0].lower() for entry in asked}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_holds_pins_and_hashes_and_nothing_that_is_bound_to_a_place(name: str):
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    strange = [line for line in text.splitlines() if not (PIN.fullmatch(line) or HASH.fullmatch(line))]
    assert strange == []


@pytest.mark.parametrize("name", LISTS)
def test_every_pin_has_a_hash(name: str):
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    assert not [
        line for line, after in zip(lines, [*lines[1:], ""], strict=True) if "==" in line and not HASH.fullmatch(after)
    ]


def test_everything_asked_for_is_pinned():
    assert names("runtime") | names("build") <= set(pins("runtime.txt"))
    assert names("runtime") | names("build") | names("installer") | names("dev") <= set(pins("dev.txt"))
    assert pins("installer.txt").items() <= pins("dev.txt").items()
    assert names("installer") == set(pins("installer.txt"))


def test_work_on_the_code_runs_on_the_versions_that_users_get():
    runtime, dev = pins("runtime.txt"), pins("dev.txt")
    assert {name: dev.get(name) for name in runtime} == runtime


def test_dagsters_parts_are_pinned_together():
    versions = pins("runtime.txt")
    assert len({frozenset(versions[name]) for name in ("dagster", "dagster-webserver", "dagster-graphql")}) == 1
    minor, patch = next(iter(versions["dagster"])).split(".")[1:]
    assert versions["dagster-postgres"] == {f"0.{int(minor) + 16}.{patch}"}


def test_every_dependency_is_explained():
    page = (ROOT / Path("docs/dependencies.md")).read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([a-z0-9-]+)`", page, re.MULTILINE))
    assert explained == names("runtime") | names("build") | names("installer") | names("dev")
