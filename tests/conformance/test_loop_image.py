"""The power fails under a real ext4: what was acknowledged is in the file system's copy, whole."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from qmd_platform.lake.store import Lake
from tests.conformance import checks, loop_image
from tests.conformance.backends import SQLITE_DISK
from tests.conformance.figures import record
from tests.conformance.shim import ROOT

CUTS = 10


class Writer:
    """The writing process, and how far it says it is."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: int) -> None:
        self._process = process
        self._pipe = pipe
        self.acked = 0

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It does nothing meanwhile, and ``acked`` is all it has said."""
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            self._listen()
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def _listen(self) -> None:
        while True:
            try:
                said = os.read(self._pipe, 4)
            except BlockingIOError:
                return
            assert said, "the writer has ended"
            self.acked = int.from_bytes(said, "big")


@contextmanager
def writing(folder: Path) -> Iterator[Writer]:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    program = [sys.executable, "-m", "tests.conformance.loop_image", str(folder), str(theirs)]
    process = subprocess.Popen(program, cwd=ROOT, pass_fds=[theirs])
    os.close(theirs)
    try:
        yield Writer(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def found(folder: Path, acked: int) -> Counter[str]:
    """What a lake after the power failed has of what was acknowledged."""
    with Lake.open(folder / "lake") as lake:
        damaged = len(checks.damage(lake))
        sight = checks.generations(lake, acked)
        lake.commit(loop_image.making.generation(acked + 100), run_id="after", source="live:test")
        assert checks.generations(lake, acked + 100)["lost"] == 0
    unsynced = folder / f"unsynced-{acked}"
    counts = Counter(damaged=damaged, torn=sight["torn"], lost=sight["lost"], double=sight["doubled"])
    # As text: the file may be there and empty.
    counts["unsynced files lost"] = not unsynced.exists() or unsynced.read_text() != str(acked)
    return counts


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_power_fails_under_ext4_and_nothing_acknowledged_is_lost(tmp_path: Path):
    loop_image.refuse_unless_possible(tmp_path)
    rng = random.Random(5)  # noqa: S311 - draws what is tried
    image, copy, counts = loop_image.Image(tmp_path / "disk.img"), tmp_path / "copy.img", Counter[str]()
    with ExitStack() as stack:
        disk = stack.enter_context(loop_image.mounted(image.path, tmp_path / "disk"))
        writer = stack.enter_context(writing(disk))
        deadline = time.monotonic() + 240
        while counts["trials"] < CUTS and time.monotonic() < deadline:
            time.sleep(rng.uniform(0.2, 1.2))
            with writer.frozen():
                image.copied(copy)
            if not writer.acked:
                continue  # still starting
            with loop_image.mounted(copy, tmp_path / "copy") as after:
                counts.update(found(after, writer.acked))
            counts["trials"] += 1
        counts["acked"] = writer.acked
    record("power loss, ext4 on a loop device", SQLITE_DISK, **counts)
    assert counts["trials"] == CUTS
    assert (counts["lost"], counts["torn"], counts["double"], counts["damaged"]) == (0, 0, 0, 0)
    assert counts["unsynced files lost"], "nothing at all was lost: that was no power failure"
