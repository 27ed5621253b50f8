"""What every blob store promises, asked of the local disk and of MinIO."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qmd_platform.errors import LakeError
from qmd_platform.lake.blobs import BlobStore, LocalBlobs
from qmd_platform.lake.objects import ObjectBlobs

ROOT = Path(__file__).parents[2]
STORES = ["disk", pytest.param("minio", marks=pytest.mark.minio)]

PUTTER = """
import sys
from tests.lake.test_blobs import store_at, was_put
store = store_at(sys.argv[1])
store.exists("warm")
print("ready", flush=True)
sys.stdin.readline()
print(was_put(store, "taken", sys.argv[2].encode()), flush=True)
"""


def store_at(place: str) -> BlobStore:
    """The store at ``place``, a folder or a URL."""
    return ObjectBlobs(place) if place.startswith("s3://") else LocalBlobs(Path(place))


def was_put(store: BlobStore, path: str, data: bytes) -> bool:
    try:
        store.put(path, data)
    except LakeError:
        return False
    return True


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder or a URL where nothing is."""
    return request.getfixturevalue("files_url") if request.param == "minio" else str(tmp_path / "blobs")


@pytest.fixture
def store(place: str) -> BlobStore:
    if not place.startswith("s3://"):
        Path(place).mkdir()
    return store_at(place)


def test_what_is_put_is_read(store: BlobStore):
    store.put("a/b/c", b"one")
    assert store.read("a/b/c") == b"one"
    assert store.exists("a/b/c")


@pytest.mark.parametrize("size", [0, 1, 8 * 1024 * 1024])
def test_a_file_of_any_size_is_read_as_it_was_put(store: BlobStore, size: int):
    data = os.urandom(size)
    store.put("file", data)
    assert store.read("file") == data
    assert [found.bytes for found in store.listing()] == [size]


@pytest.mark.parametrize(
    "path",
    [
        "table=candles/venue=binance/market=BTC%2FUSDT%3AUSDT/tf=1m/month=2025-01/a.v00000001.parquet",
        "%25/% 25/%2F",
        "spaces and +plus&amp;#hash?query=1",
        "Zürich/价格/🙂",
        "quote'\"<tag>",
        "x" * 200 + "/" + "y" * 200,
    ],
)
def test_a_path_of_any_characters_is_kept_as_it_is(store: BlobStore, path: str):
    store.put(path, b"odd")
    assert store.read(path) == b"odd"
    assert list(store.paths()) == [path]
    store.delete(path)
    assert list(store.paths()) == []


def test_a_name_is_given_once(store: BlobStore):
    store.put("a", b"first")
    with pytest.raises(LakeError, match="never overwritten") as refused:
        store.put("a", b"second")
    assert store.where("a") in refused.value.message
    assert store.read("a") == b"first"


def test_even_the_same_bytes_are_refused_under_a_taken_name(store: BlobStore):
    store.put("a", b"same")
    with pytest.raises(LakeError):
        store.put("a", b"same")


def test_of_racing_threads_one_gets_the_name(store: BlobStore):
    for turn in range(5):
        words = [f"{turn} {number}".encode() for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            kept = list(pool.map(lambda word, path: was_put(store, path, word), words, [f"{turn}"] * 8))
        assert sum(kept) == 1
        assert store.read(f"{turn}") == words[kept.index(True)]


def test_of_racing_processes_one_gets_the_name(place: str):
    words = [f"process {number}" for number in range(4)]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", PUTTER, place, word],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for word in words
    ]
    assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 4
    kept = [racer.communicate("go\n")[0] == "True\n" for racer in racers]
    assert sum(kept) == 1
    assert store_at(place).read("taken").decode() == words[kept.index(True)]


def test_what_is_not_there_is_said_to_be_not_there(store: BlobStore):
    with pytest.raises(FileNotFoundError) as absent:
        store.read("a/b")
    assert store.where("a/b") in str(absent.value)
    assert not store.exists("a/b")
    assert list(store.listing()) == []


def test_a_folder_is_no_file(store: BlobStore):
    store.put("a/b", b"")
    assert not store.exists("a")


def test_the_listing_has_every_file_with_its_size_and_age(store: BlobStore):
    before = int(time.time() * 1000)
    files = {f"{folder}/{number}": b"x" * number for folder in ("a", "a=1/b", "ab") for number in range(4)}
    store.put_many(files)
    found = {one.path: one for one in store.listing()}
    assert {path: one.bytes for path, one in found.items()} == {path: len(data) for path, data in files.items()}
    assert all(abs(one.modified - before) < 60_000 for one in found.values())
    assert sorted(store.paths()) == sorted(files)


def test_a_listing_longer_than_a_page_is_whole(store: BlobStore):
    files = {f"{number:04d}": b"" for number in range(1100)}
    store.put_many(files)
    assert sorted(store.paths()) == sorted(files)


def test_what_is_deleted_is_gone_and_may_be_deleted_again(store: BlobStore):
    store.put("a/b", b"")
    store.put("a/c", b"stays")
    for _ in range(2):
        store.delete("a/b")
    assert list(store.paths()) == ["a/c"]
    store.put("a/b", b"anew")
    assert store.read("a/b") == b"anew"


def test_many_are_put_at_once(store: BlobStore):
    files = {f"market={number}/file": os.urandom(1000) for number in range(30)}
    store.put_many(files)
    assert {path: store.read(path) for path in files} == files
    store.put_many({})


def test_of_many_none_counts_if_one_cannot_be_kept(store: BlobStore):
    store.put("3/taken", b"first")
    with pytest.raises(LakeError, match="3/taken"):
        store.put_many({f"{number}/taken": b"second" for number in range(6)})
    assert store.read("3/taken") == b"first"
    # Those that were put before the refusal are taken away again.
    assert list(store.paths()) == ["3/taken"]


def test_a_file_is_replaced_whole(store: BlobStore):
    for data in (b"one", b"", b"three" * 1000):
        store.replace("log/7", data)
        assert store.read("log/7") == data
    assert list(store.paths()) == ["log/7"]


def test_a_reader_of_a_file_that_is_being_replaced_sees_one_version(store: BlobStore):
    versions = [bytes([number]) * 100_000 for number in range(20)]
    store.replace("a", versions[0])
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [store.replace("a", version) for version in versions])
        seen = [store.read("a")]
        while not writing.done():
            seen.append(store.read("a"))
        writing.result()
    assert set(seen) <= set(versions)
    assert store.read("a") == versions[-1]


def test_racing_replacements_leave_one_of_them(store: BlobStore):
    words = [f"{number}".encode() * 1000 for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda word: store.replace("a", word), words))
    assert store.read("a") in words


def test_threads_read_side_by_side(store: BlobStore):
    files = {f"{number}": os.urandom(20_000) for number in range(20)}
    store.put_many(files)
    with ThreadPoolExecutor(8) as pool:
        assert dict(zip(files, pool.map(store.read, files), strict=True)) == files
