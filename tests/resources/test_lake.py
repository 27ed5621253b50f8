"""The lake resource finds the lake."""

from pathlib import Path

from qmd_platform.lake.store import Lake
from resources.lake import LakeResource


def test_without_a_home_of_its_own_it_opens_the_lake_of_the_settings(own_home: Path):
    with LakeResource().open() as lake:
        assert isinstance(lake, Lake)
    assert (own_home / "lake").is_dir()


def test_a_home_of_its_own_wins(own_home: Path, tmp_path: Path):
    with LakeResource(home=str(tmp_path)).open():
        pass
    assert (tmp_path / "lake").is_dir()
    assert not own_home.exists()
