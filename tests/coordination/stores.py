"""The stores under test, each made so that several processes can reach it.

What lives here: from a fixture's name to a store. What does not: who races on one (``crew``), the tests.
"""

import json
import secrets
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
