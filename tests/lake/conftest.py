"""Lakes to look at with an SQL engine, and a way to an object store that fails on command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qmd_platform.lake.store import Lake, Write
from tests.lake.flaky import Flaky
from tests.lake.making import FEBRUARY, JANUARY, candles_at, put
from tests.lake.viewing import GATE, INSTRUMENTS_OF_BINANCE, instruments
from tests.services import Minio


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    # Letters that mean something to SQL, to globs and to hive, above the lake.
    with Lake.open(tmp_path / "it's [a] *lake?" / "venue=x" / "lake") as lake:
        yield lake


@pytest.fixture
def filled(lake: Lake) -> Lake:
    put(
        lake,
        Write(JANUARY, candles_at([0, 1, 2], 100.5).to_arrow()),
        Write(FEBRUARY, candles_at([0, 1], 0.1 + 0.2, FEBRUARY).to_arrow()),
        Write(GATE, candles_at([1, 2], 2.0**40, GATE).to_arrow()),
        Write(INSTRUMENTS_OF_BINANCE, instruments()),
    )
    return lake


@pytest.fixture
def flaky(minio: Minio, files_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flaky]:
    """A way to ``minio`` that fails on command, in use by this test."""
    with Flaky(minio.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        yield proxy
