"""Whether the process that holds something is gone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qmd_platform.coordination.holder import here, is_gone

pytestmark = pytest.mark.skipif(not Path("/proc/self/ns/pid").is_symlink(), reason="needs Linux's /proc")

SAYS_WHERE = "from qmd_platform.coordination.holder import here; print(here(), flush=True); input()"


def test_a_process_that_runs_is_not_gone_and_a_killed_one_is_even_before_it_is_reaped():
    with subprocess.Popen(
        [sys.executable, "-c", SAYS_WHERE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        name = other.stdout.readline().strip()
        assert not is_gone(name)
        os.kill(other.pid, signal.SIGKILL)
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert is_gone(name), "only what is left of it for its parent is there"
    assert is_gone(name)
    assert not is_gone(here())


def test_another_process_with_the_same_number_is_not_the_one_that_is_gone():
    place, number, began = here().rsplit(":", 2)
    assert is_gone(f"{place}:{number}:{int(began) + 1}")


@pytest.mark.parametrize("name", ["", "nonsense", "1:2", "other-boot/pid[1]:1:1", "::", "a:b:c:d"])
def test_nothing_is_said_of_a_process_of_another_machine_or_of_a_name_that_is_none(name: str):
    assert not is_gone(name)
