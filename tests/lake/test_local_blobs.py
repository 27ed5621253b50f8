"""Files on the local disk: what is durable when, and what stays of a write that failed."""

import errno
import os
import resource
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from qmd_platform.errors import LakeError
from qmd_platform.lake import blobs
from qmd_platform.lake.blobs import LocalBlobs
from qmd_platform.lake.parallel import AT_ONCE, side_by_side


@pytest.fixture
def store(tmp_path: Path) -> LocalBlobs:
    (tmp_path / "data").mkdir()
    return LocalBlobs(tmp_path / "data")


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What was synced, in order, relative to tmp_path."""
    seen: list[str] = []
    fsync = os.fsync

    def recorded(handle: int) -> None:
        fsync(handle)
        seen.append(str(Path(f"/proc/self/fd/{handle}").readlink().relative_to(tmp_path)))

    monkeypatch.setattr(blobs.os, "fsync", recorded)
    return seen


def fails(monkeypatch: pytest.MonkeyPatch, number: int, *, at: int = 1, only: int = stat.S_IFREG) -> None:
    """Let the ``at``-th sync of a file (or of a folder) fail."""
    fsync, turns, lock = os.fsync, iter(range(1, 1000)), threading.Lock()

    def failing(handle: int) -> None:
        with lock:
            is_due = stat.S_IFMT(os.fstat(handle).st_mode) == only and next(turns) == at
        if is_due:
            raise OSError(number, os.strerror(number))
        fsync(handle)

    monkeypatch.setattr(blobs.os, "fsync", failing)


@contextmanager
def out_of_files() -> Iterator[None]:
    """While no file can be opened by this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.open("/dev/null", os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (held[0] + 1, hard))
    try:
        with suppress(OSError):
            while True:
                held.append(os.dup(held[0]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for handle in held:
            os.close(handle)


def test_a_file_is_synced_before_its_name_and_new_folders_up_to_the_root(store: LocalBlobs, synced: list[str]):
    store.put("a/b/file", b"1")
    assert synced[0] == "data/a/b/file"
    assert sorted(synced[1:]) == [".", "data", "data/a", "data/a/b"]


def test_folders_known_to_be_durable_are_not_synced_again(store: LocalBlobs, synced: list[str]):
    store.put("a/b/first", b"1")
    synced.clear()
    store.put("a/b/second", b"2")
    assert synced == ["data/a/b/second", "data/a/b"]


def test_folders_another_writer_made_are_not_trusted(store: LocalBlobs, synced: list[str], tmp_path: Path):
    (tmp_path / "data/a/b").mkdir(parents=True)
    store.put("a/b/file", b"1")
    assert {".", "data", "data/a", "data/a/b"} <= set(synced)


def test_all_files_of_many_are_synced_before_any_name(store: LocalBlobs, synced: list[str]):
    files = {f"{number % 3}/{number}": b"x" for number in range(12)}
    store.put_many(files)
    assert set(synced[:12]) == {f"data/{path}" for path in files}
    assert sorted(synced[12:]) == [".", "data", "data/0", "data/1", "data/2"]


def test_a_replacement_is_synced_before_it_takes_the_name(store: LocalBlobs, synced: list[str]):
    store.replace("log/1", b"old")
    synced.clear()
    store.replace("log/1", b"new")
    assert synced[0].startswith("data/log/.draft-")
    assert synced[1:] == ["data/log"]


@pytest.mark.parametrize("at", [1, 3, 6])
def test_a_full_disk_leaves_nothing_of_what_was_to_be_put(store: LocalBlobs, monkeypatch: pytest.MonkeyPatch, at: int):
    fails(monkeypatch, errno.ENOSPC, at=at)
    with pytest.raises(LakeError, match="No space left") as refused:
        store.put_many({f"{number}/file": b"x" for number in range(6)})
    assert "make room" in refused.value.hint
    assert "nothing was committed" in refused.value.hint
    assert "/file" in refused.value.message
    assert list(store.paths()) == []


def test_a_folder_that_cannot_be_synced_leaves_nothing_either(store: LocalBlobs, monkeypatch: pytest.MonkeyPatch):
    fails(monkeypatch, errno.EIO, only=stat.S_IFDIR)
    with pytest.raises(LakeError, match="Input/output error"):
        store.put("a/file", b"x")
    assert list(store.paths()) == []


def test_a_replacement_that_fails_leaves_the_old_file(
    store: LocalBlobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    store.replace("log/1", b"old")
    fails(monkeypatch, errno.ENOSPC)
    with pytest.raises(LakeError, match="No space left"):
        store.replace("log/1", b"new")
    assert store.read("log/1") == b"old"
    assert [file.name for file in (tmp_path / "data/log").iterdir()] == ["1"]


def test_after_a_failure_no_more_files_are_begun(store: LocalBlobs, monkeypatch: pytest.MonkeyPatch):
    begun: list[int] = []

    def full(handle: int) -> None:
        begun.append(handle)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(blobs.os, "fsync", full)
    with pytest.raises(LakeError):
        store.put_many({f"{number}": b"x" for number in range(1000)})
    assert len(begun) <= AT_ONCE


def test_a_file_of_someone_else_is_left_when_its_name_is_wanted(store: LocalBlobs):
    store.put("a", b"theirs")
    with pytest.raises(LakeError):
        store.put_many({"a": b"ours", "b": b"ours"})
    assert list(store.paths()) == ["a"]
    assert store.read("a") == b"theirs"


def test_a_folder_that_is_gone_is_no_missing_file(store: LocalBlobs, tmp_path: Path):
    store.put("a", b"1")
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    with pytest.raises(LakeError, match="No such file") as refused:
        store.read("a")
    assert "mounted" in refused.value.hint


def test_too_many_open_files_are_no_damage(store: LocalBlobs, monkeypatch: pytest.MonkeyPatch):
    store.put("a", b"1")
    with out_of_files(), pytest.raises(LakeError, match="Too many open files") as refused:
        store.read("a")
    assert "ulimit" in refused.value.hint
    assert store.read("a") == b"1"


def test_a_disk_that_loses_bytes_is_damage(store: LocalBlobs, tmp_path: Path):
    (tmp_path / "data/a").mkdir()
    with pytest.raises(IsADirectoryError):
        store.read("a")


def test_a_draft_that_a_killed_writer_left_is_no_file(store: LocalBlobs, tmp_path: Path):
    store.replace("log/1", b"1")
    (tmp_path / "data/log/.draft-0123456789abcdef").write_bytes(b"half")
    assert list(store.paths()) == ["log/1"]


def test_files_that_go_while_they_are_listed_are_left_out(store: LocalBlobs):
    store.put_many({f"{folder}/{number}": b"" for folder in range(3) for number in range(3)})
    seen: Iterator[str] = store.paths()
    first = next(seen)
    for path in list(store.paths()):
        store.delete(path)
    assert set(seen) == set()
    assert first.count("/") == 1


def test_one_store_serves_many_threads(store: LocalBlobs):
    side_by_side(lambda number: store.put(f"{number % 5}/{number}", b"x" * number), range(100))
    assert {found.path: found.bytes for found in store.listing()} == {f"{n % 5}/{n}": n for n in range(100)}


def test_drafts_of_stopped_writers_are_swept_once_they_are_old(tmp_path: Path):
    blobs = LocalBlobs(tmp_path)
    blobs.replace("a/one", b"1")
    draft = tmp_path / "a" / ".draft-0123"
    draft.write_bytes(b"half")
    modified = draft.stat().st_mtime * 1000
    blobs.sweep(int(modified) - 5)
    assert draft.exists()
    blobs.sweep(int(modified) + 5)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["one"]
