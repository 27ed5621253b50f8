"""A request whose answer is lost: done once, and never done behind our back."""

import time

import pytest

from qmd_platform.errors import LakeError, LedgerError
from qmd_platform.lake.objects import ObjectBlobs
from qmd_platform.lake.records import Records
from qmd_platform.ledger.journal import Entry
from tests.lake.flaky import Fault, Flaky
from tests.services import Minio

QUICK = 1.0
"""Patience with a server that will not come back, in seconds."""


@pytest.mark.parametrize("fault", ["lose the answer", "cut the request"])
def test_a_put_that_was_cut_off_is_made_once_and_acknowledged(files_url: str, flaky: Flaky, fault: Fault):
    store = ObjectBlobs(files_url)
    store.put("before", b"1")
    flaky.order(fault)
    store.put("a", b"x" * 10_000)
    assert flaky.suffered == 1
    assert store.read("a") == b"x" * 10_000
    with pytest.raises(LakeError, match="never overwritten"):
        store.put("a", b"other")


@pytest.mark.parametrize("fault", ["lose the answer", "cut the request"])
def test_a_replacement_that_was_cut_off_is_acknowledged(files_url: str, flaky: Flaky, fault: Fault):
    store = ObjectBlobs(files_url)
    store.replace("a", b"old")
    flaky.order(fault)
    store.replace("a", b"new")
    assert flaky.suffered == 1
    assert store.read("a") == b"new"


def test_a_replacement_given_up_and_carried_out_late_undoes_nothing(
    minio: Minio, files_url: str, flaky: Flaky, monkeypatch: pytest.MonkeyPatch
):
    ours = ObjectBlobs(files_url, patience_s=QUICK)
    monkeypatch.setenv("AWS_ENDPOINT_URL", minio.endpoint)
    theirs = ObjectBlobs(files_url)
    theirs.replace("a", b"first")
    flaky.order(*["hold a PUT"] * 20)
    with pytest.raises(LakeError, match="no answer in time"):
        ours.replace("a", b"given up")
    theirs.replace("a", b"second")
    flaky.released.set()
    while not flaky.too_late:
        time.sleep(0.01)
    assert theirs.read("a") == b"second"
    assert all(b" 412 " in answer for answer in flaky.too_late)


def test_a_commit_whose_record_may_still_arrive_is_not_called_off(
    minio: Minio, files_url: str, flaky: Flaky, monkeypatch: pytest.MonkeyPatch
):
    ours = Records(ObjectBlobs(files_url, patience_s=QUICK).at("log"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", minio.endpoint)
    theirs = Records(ObjectBlobs(files_url).at("log"))
    flaky.order(*["hold a PUT"] * 20)
    with pytest.raises(LedgerError, match="not known whether commit 1 was made"):
        ours.keep(Entry(1, 1, "run", "source", "code", "lake", None))
    assert not theirs.has(1)
    flaky.released.set()
    while not flaky.too_late:
        time.sleep(0.01)
    assert theirs.entry(1).run_id == "run"
