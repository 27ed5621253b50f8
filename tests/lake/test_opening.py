"""A lake is opened only where ledger, folder and files belong together."""

from pathlib import Path

import pytest

from qmd_platform.errors import LedgerError
from qmd_platform.lake.files import owner
from qmd_platform.lake.store import Lake, Write
from tests.lake.making import JANUARY, candles_at, put
from tests.servers import fresh_schema


def test_a_machine_that_was_not_told_where_the_files_are_does_not_take_them_for_lost(
    postgres: str, files_url: str, tmp_path: Path
):
    url = fresh_schema(postgres)
    with Lake.open(tmp_path / "one", postgres=url, files=files_url) as lake:
        put(lake, Write(JANUARY, candles_at([0]).to_arrow()))
    for files in (None, f"{files_url}/misspelt"):
        for folder in ("two", "one"):
            with pytest.raises(LedgerError, match=f"has its files at {files_url}.*is named here") as refused:
                Lake.open(tmp_path / folder, postgres=url, files=files)
            assert f"set QMD_FILES_URL to {files_url}" in str(refused.value)
    assert owner(f"{files_url}/misspelt") is None
    with Lake.open(tmp_path / "two", postgres=url, files=files_url) as lake:
        assert len(lake.candles(JANUARY.series)) == 1


def test_files_on_one_machines_disk_are_not_looked_for_on_another(postgres: str, tmp_path: Path):
    url = fresh_schema(postgres)
    with Lake.open(tmp_path / "one", postgres=url) as lake:
        put(lake, Write(JANUARY, candles_at([0]).to_arrow()))
    with pytest.raises(LedgerError, match="no file of theirs"):
        Lake.open(tmp_path / "two", postgres=url)
    with Lake.open(tmp_path / "one", postgres=url) as lake:
        assert lake.verify() == []
