"""The guards hold: a test cannot reach out, and what it leaves behind is seen."""

import os
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from tests import guards


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("api.binance.com", 443), ("8.8.8.8", 53)])
def test_no_test_connects_to_another_machine(address: tuple[str, int]):
    with socket.socket() as out, pytest.raises(guards.ReachedOutside):
        out.connect(address)
    with pytest.raises(guards.ReachedOutside):
        socket.create_connection(address, timeout=1)


def test_no_test_looks_up_another_machine():
    with pytest.raises(guards.ReachedOutside):
        urllib.request.urlopen("http://example.com")


def test_a_test_may_talk_to_itself():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as out:
        out.sendall(b"x")
        accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(1) == b"x"


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.1", False), ("::2", False)],
)
def test_loopback_is_this_machine_and_nothing_else(host: str, is_loopback: bool):  # noqa: FBT001 - a table of cases
    assert guards.is_loopback(host) is is_loopback


def test_the_users_settings_are_forgotten(tmp_path: Path):
    environ = {"QMD_VENUE_URL": "http://x", "DAGSTER_HOME": "/x", "https_proxy": "http://x", "HOME": "/root"}
    guards.forget_settings(environ, tmp_path)
    assert environ == {
        "HOME": "/root",
        "QMD_HOME": str(tmp_path),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def test_every_test_has_a_home_of_its_own_that_is_not_made_yet(own_home: Path):
    assert os.environ["QMD_HOME"] == str(own_home)
    assert not own_home.exists()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts children in /proc")
def test_a_child_is_seen_while_it_runs_and_not_afterwards():
    before = guards.running_children()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert guards.running_children() - before == {child.pid}
        child.communicate(b"\n")
    assert guards.running_children() <= before


def test_a_thread_that_would_keep_the_process_alive_is_seen():
    go = threading.Event()
    thread = threading.Thread(target=go.wait)
    thread.start()
    try:
        assert thread in guards.stubborn_threads()
    finally:
        go.set()
        thread.join()
    assert thread not in guards.stubborn_threads()


def test_state_left_in_the_checkout_is_seen(tmp_path: Path):
    assert guards.stray_state(tmp_path) <= {Path.home() / ".qmd", Path.home() / ".dagster"}
    (tmp_path / ".qmd" / "demo").mkdir(parents=True)
    assert tmp_path / ".qmd" / "demo" in guards.stray_state(tmp_path)
