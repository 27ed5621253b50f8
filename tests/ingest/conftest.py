"""What tests of ingest share: a lake of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qmd_platform.lake.store import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    """An empty one on disk."""
    with Lake.open(tmp_path / "lake") as opened:
        yield opened
