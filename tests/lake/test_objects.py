"""Files on an object store: what goes wrong between us and a real MinIO, and what is said about it."""

import os
import socket
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count

import pytest

from qmd_platform.errors import ConfigError, LakeError
from qmd_platform.lake.objects import ObjectBlobs
from tests.lake.flaky import Fault, Flaky
from tests.services import Minio

QUICK = 1.0
"""Patience with a server that will not come back, in seconds."""


def use(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


def everything(store: ObjectBlobs) -> list[LakeError]:
    """What each method of ``store`` raises."""
    calls = [
        lambda: store.put("a", b"1"),
        lambda: store.put_many({"a": b"1", "b": b"2"}),
        lambda: store.replace("a", b"1"),
        lambda: store.read("a"),
        lambda: store.exists("a"),
        lambda: list(store.listing()),
        lambda: store.delete("a"),
    ]
    raised = []
    for call in calls:
        with pytest.raises(LakeError) as refused:
            call()
        raised.append(refused.value)
    return raised


@pytest.mark.parametrize("fault", ["lose the answer", "cut the request"])
def test_reading_goes_on_after_a_broken_connection(files_url: str, flaky: Flaky, fault: Fault):
    store = ObjectBlobs(files_url)
    store.put("a", b"x" * 1_000_000)
    flaky.order(fault, fault)
    assert store.read("a") == b"x" * 1_000_000
    flaky.order(fault)
    assert list(store.paths()) == ["a"]
    assert flaky.suffered == 3


def test_a_server_that_never_answers_is_given_up(files_url: str, flaky: Flaky):
    store = ObjectBlobs(files_url, patience_s=QUICK)
    for call in (lambda: store.put("a", b"1"), lambda: store.read("a"), lambda: list(store.listing())):
        flaky.order(*["say nothing"] * 20)
        began = time.monotonic()
        with pytest.raises(LakeError, match="no answer in time") as refused:
            call()
        assert time.monotonic() - began < 15 * QUICK
        assert flaky.address in refused.value.message
        assert "AWS_ENDPOINT_URL" in refused.value.hint


def test_a_server_that_is_down_is_given_up(own_minio: Minio, monkeypatch: pytest.MonkeyPatch):
    use(monkeypatch, own_minio.environ)
    store = ObjectBlobs(own_minio.fresh_url(), patience_s=0.3)
    own_minio.kill()
    began = time.monotonic()
    raised = everything(store)
    assert time.monotonic() - began < 10
    assert {error.message.rpartition(": ")[2] for error in raised} == {"nothing listens there"}


def test_a_put_waits_for_a_server_that_comes_back(own_minio: Minio, monkeypatch: pytest.MonkeyPatch):
    use(monkeypatch, own_minio.environ)
    store = ObjectBlobs(own_minio.fresh_url())
    own_minio.kill()
    with ThreadPoolExecutor(1) as pool:
        putting = pool.submit(store.put, "a", b"kept")
        time.sleep(0.3)
        own_minio.start()
        putting.result()
    assert store.read("a") == b"kept"


def test_an_object_of_a_killed_server_is_whole_or_absent(own_minio: Minio, monkeypatch: pytest.MonkeyPatch):
    use(monkeypatch, own_minio.environ)
    data = os.urandom(8 * 1024 * 1024)
    url, acknowledged, tried = own_minio.fresh_url(), set(), 0
    for turn in range(6):
        store = ObjectBlobs(url, patience_s=3)

        def put_until_it_dies(store: ObjectBlobs = store, turn: int = turn) -> int:
            with suppress(LakeError):
                for number in count(1):
                    store.put(f"{turn}/{number}", data)
                    acknowledged.add(f"{turn}/{number}")
            return number

        with ThreadPoolExecutor(1) as pool:
            putting = pool.submit(put_until_it_dies)
            while f"{turn}/1" not in acknowledged:
                assert not putting.done(), "a put was given up before the server was killed"
                time.sleep(0.001)
            time.sleep(0.02 * turn)
            own_minio.kill()
            tried += putting.result()
        own_minio.start()
    store = ObjectBlobs(url)
    kept = set(store.paths())
    assert acknowledged <= kept
    assert len(kept) <= tried == len(acknowledged) + 6
    assert all(store.read(path) == data for path in kept)


@pytest.mark.parametrize(
    ("name", "said"),
    [("AWS_ACCESS_KEY_ID", "does not know the access key"), ("AWS_SECRET_ACCESS_KEY", "does not fit the access key")],
)
def test_wrong_credentials_are_named_and_not_shown(
    minio: Minio, files_url: str, monkeypatch: pytest.MonkeyPatch, name: str, said: str
):
    monkeypatch.setenv(name, "wrong-and-secret")
    for error in everything(ObjectBlobs(files_url)):
        # An answer to HEAD carries no reason.
        assert said in error.message or "access denied" in error.message
        assert files_url in error.message
        shown = "".join(traceback.format_exception(error))
        assert not [word for word in ("wrong-and-secret", *minio.environ.values()) if word in shown and len(word) > 12]


def test_a_missing_bucket_is_no_missing_file(files_url: str):
    for error in everything(ObjectBlobs("s3://no-such-bucket/lake")):
        assert "there is no such bucket" in error.message
        assert "s3://no-such-bucket/lake/" in error.message
        assert "make the bucket" in error.hint


def test_nothing_is_sent_before_the_first_call(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        nobody.settimeout(0.1)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        use(monkeypatch, {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"})
        ObjectBlobs("s3://bucket/lake").at("data")
        with pytest.raises(TimeoutError):
            nobody.accept()


def test_without_credentials_and_without_a_role_the_refusal_says_so(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{closed}")
    with pytest.raises(LakeError, match="no credentials") as refused:
        ObjectBlobs("s3://bucket/lake", patience_s=QUICK).read("a")
    assert "AWS_ACCESS_KEY_ID" in refused.value.hint


def test_a_folder_below_is_a_store_of_its_own(files_url: str):
    store = ObjectBlobs(files_url)
    data, log = store.at("data"), store.at("log")
    data.put("a", b"data")
    log.put("a", b"log")
    assert (data.read("a"), log.read("a"), store.read("log/a")) == (b"data", b"log", b"log")
    assert sorted(store.paths()) == ["data/a", "log/a"]
    assert data.where("a") == f"{files_url}/data/a"


def test_a_forked_process_is_refused_and_does_not_hang(files_url: str):
    store = ObjectBlobs(files_url)
    store.put("a", b"1")
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            store.read("a")
        except LakeError as error:
            os.write(writer, error.message.encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as said:
        assert "forked" in said.read()


def test_a_setting_that_obstore_refuses_is_a_mistake_in_the_settings(monkeypatch: pytest.MonkeyPatch):
    use(monkeypatch, {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_CHECKSUM_ALGORITHM": "none"})
    with pytest.raises(ConfigError, match="settings cannot be used"):
        ObjectBlobs("s3://bucket/lake")


def test_a_server_without_tls_is_told_so(minio: Minio, files_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", minio.endpoint.replace("http:", "https:"))
    with pytest.raises(LakeError, match="does not speak TLS") as refused:
        ObjectBlobs(files_url, patience_s=QUICK).read("a")
    assert "http://" in refused.value.hint


def test_obstore_is_loaded_when_it_is_needed(monkeypatch: pytest.MonkeyPatch):
    import sys

    use(monkeypatch, {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"})
    for name in [name for name in sys.modules if name.partition(".")[0] == "obstore"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ConfigError, match="obstore") as refused:
        ObjectBlobs("s3://bucket/lake")
    assert refused.value.hint == "pip install 'qmd-platform[s3]'"
