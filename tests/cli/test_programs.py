"""Commands that stay: started as a person starts them, ended as a person ends them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.cli.conftest import Qmd

QMD = (sys.executable, "-c", "from qmd_platform.cli import main; main()")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_says_where_it_is_answers_and_ends_when_told(number: signal.Signals):
    server = subprocess.Popen([*QMD, "sandbox", "--json"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        url = json.loads(server.stdout.readline())["url"]
        assert "serverTime" in requests.get(f"{url}/api/v3/time", timeout=10).json()
        server.send_signal(number)
        assert server.wait(10) == 0
    finally:
        server.kill()
        server.communicate()


def test_the_sandbox_tells_a_person_what_to_type_next(sandbox: str):
    server = subprocess.Popen([*QMD, "sandbox"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        told = "".join(iter(server.stdout.readline, "\n")) + server.stdout.readline() + server.stdout.readline()
        assert "http://127.0.0.1:" in told
        assert "export QMD_VENUE_URL=http://127.0.0.1:" in told
    finally:
        server.terminate()
        server.communicate()


def test_a_taken_port_is_said(qmd: Qmd):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = qmd("sandbox", "--port", str(port))
        assert result.exit_code == 2
        assert str(port) in result.stderr
        dev = qmd("dev", "--port", str(port))
        assert dev.exit_code == 2
        assert f"port {port} cannot be used" in dev.stderr
        assert f"--port {port + 1}" in dev.stderr


def test_without_a_checkout_dev_and_demo_say_what_is_missing(
    qmd: Qmd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own_home: Path
):
    import qmd_platform.cli.checkout as module

    monkeypatch.setattr(module, "AROUND", tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("dev", "demo"):
        result = qmd(name)
        assert result.exit_code == 2
        assert "there is no workspace.yaml" in result.stderr
        assert "checkout of the repository" in result.stderr
    assert not own_home.exists()


def test_a_child_is_ended_with_everything_it_started(tmp_path: Path):
    from qmd_platform.cli.children import ended, started

    # The shell starts a program of its own and dies of the signal; the program is left without a parent.
    program = f"sleep 600 & echo $! > {tmp_path}/pid; wait"
    process = started(["/bin/sh", "-c", program], env=os.environ, cwd=tmp_path)
    with ended([process]):
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            assert process.poll() is None
    grandchild = int((tmp_path / "pid").read_text())
    state = Path(f"/proc/{grandchild}/stat")
    deadline = time.monotonic() + 10
    while state.exists() and state.read_text().split()[2] != "Z" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not state.exists() or state.read_text().split()[2] == "Z"
