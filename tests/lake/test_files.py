"""A lake's stores, and an object store that belongs to one lake."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qmd_platform.errors import LakeError
from qmd_platform.lake.files import OWNER, claim, open_blobs, owner
from qmd_platform.lake.objects import ObjectBlobs


def test_a_lakes_stores_are_folders_of_its_own(tmp_path: Path):
    blobs = open_blobs(tmp_path)
    for name, store in (("data", blobs.data), ("log", blobs.log), ("quarantine", blobs.quarantine)):
        store.put("a/b", name.encode())
        assert (tmp_path / name / "a/b").read_bytes() == name.encode()
        assert list(store.paths()) == ["a/b"]


def test_a_lakes_stores_are_prefixes_of_its_place(files_url: str, tmp_path: Path):
    blobs = open_blobs(tmp_path, files_url)
    for name, store in (("data", blobs.data), ("log", blobs.log), ("quarantine", blobs.quarantine)):
        store.put("a/b", name.encode())
        assert store.where("a/b") == f"{files_url}/{name}/a/b"
        assert list(store.paths()) == ["a/b"]
    assert list(tmp_path.iterdir()) == []


def test_a_place_belongs_to_the_lake_that_claims_it(files_url: str):
    assert owner(files_url) is None
    for _ in range(2):
        claim(files_url, "ours")
    assert owner(files_url) == "ours"
    with pytest.raises(LakeError, match=r"another lake \(ours\)") as refused:
        claim(files_url, "theirs")
    assert files_url in refused.value.message
    claim(f"{files_url}/below", "theirs")


def test_of_lakes_that_claim_one_place_at_once_one_gets_it(files_url: str):
    def claims(lake_id: str) -> bool:
        try:
            claim(files_url, lake_id)
        except LakeError:
            return False
        return True

    lakes = [f"lake {number}" for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(claims, lakes))
    assert sum(got) == 1
    assert owner(files_url) == lakes[got.index(True)]


def test_a_place_with_something_else_in_it_is_refused(files_url: str):
    ObjectBlobs(files_url).put(OWNER, b"no JSON")
    with pytest.raises(LakeError, match="is not a lake's file"):
        claim(files_url, "ours")


def test_a_store_that_overwrites_is_refused(files_url: str, monkeypatch: pytest.MonkeyPatch):
    def overwriting(store: ObjectBlobs, path: str, data: bytes) -> bool:
        """What a store does that does not know If-None-Match."""
        store.replace(path, data)
        return True

    monkeypatch.setattr(ObjectBlobs, "put_if_absent", overwriting)
    with pytest.raises(LakeError, match="overwritten"):
        claim(files_url, "ours")
