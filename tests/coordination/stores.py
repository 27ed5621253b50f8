"""The stores under test, each made so that several processes can reach it.

What lives here: from a fixture's name to a store, and the programs that race on one. What does not: the tests.
"""

import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from qmd_platform.coordination.opening import Coordination, opened
from qmd_platform.coordination.settings import Settings
from tests.services import fresh_schema

KINDS = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres), pytest.param("redis", marks=pytest.mark.redis))


@dataclass(frozen=True)
class Somewhere:
    """Where a store is, so that any process can open it."""

    root: str
    postgres: str | None = None
    redis: str | None = None
    lake: str = "lake"
    keep_limits: bool = True

    def opened(self) -> Coordination:
        settings = Settings(redis=self.redis, keep_limits=self.keep_limits)
        return opened(Path(self.root), self.lake, settings, postgres=self.postgres)

    @property
    def text(self) -> str:
        return json.dumps([self.root, self.postgres, self.redis, self.lake, self.keep_limits])

    @classmethod
    def parse(cls, text: str) -> "Somewhere":
        return cls(*json.loads(text))


def somewhere(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Somewhere:
    """A store of ``kind`` nobody has used."""
    lake = secrets.token_hex(4)
    if kind == "postgres":
        return Somewhere(str(tmp_path), postgres=fresh_schema(request.getfixturevalue("postgres")), lake=lake)
    if kind == "redis":
        return Somewhere(str(tmp_path), redis=request.getfixturevalue("redis").fresh_url(), lake=lake)
    return Somewhere(str(tmp_path), lake=lake)


@contextmanager
def racing(
    program: str, arguments: Callable[[int], list[str]], count: int = 8
) -> Iterator[list[subprocess.Popen[str]]]:
    """``count`` processes that run ``program`` (a module of these tests); killed at the end, if they have not ended."""
    command = [sys.executable, "-m", program]
    started = [
        subprocess.Popen([*command, *arguments(number)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        for number in range(count)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def together(processes: list[subprocess.Popen[str]]) -> list[str]:
    """What the processes say, once all of them were ready and told to go. None ends before all have said ``done``."""
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = ["".join(iter(process.stdout.readline, "done\n")) for process in processes]
    for process in processes:
        process.communicate(timeout=20)
    return said
