"""An ext4 file system in a file, whose power can be cut; and the writer that works in it.

What lives here: ``Image`` (made, mounted through a loop device, copied as it is at an instant), ``mounted``, and the
writer (``python -m tests.conformance.loop_image FOLDER PIPE``). What does not: the trials (``test_loop_image``).

What programs wrote and did not sync is in the kernel's memory and not in the file; so a copy of the file is what is left
when the power fails.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from qmd_platform.lake.store import Lake
from tests.conformance import making

BYTES = 256 << 20
TRIES = 50


class Image:
    """A file with an ext4 file system of ``BYTES``, nearly all of it holes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("wb") as file:
            file.truncate(BYTES)
        # Nothing is done later in the background: the file changes only when the kernel writes what programs wrote.
        options = ["-E", "lazy_itable_init=0,lazy_journal_init=0"]
        _ran("mkfs.ext4", "-q", "-F", *options, str(path))

    def copied(self, target: Path) -> None:
        """The file as it is at one instant; again where the kernel wrote to it meanwhile."""
        for _ in range(TRIES):
            before = self.path.stat()
            _ran("cp", "--reflink=never", "--sparse=always", str(self.path), str(target))
            after = self.path.stat()
            if (before.st_mtime_ns, before.st_blocks) == (after.st_mtime_ns, after.st_blocks):
                return
        raise AssertionError(f"{self.path} is written to without end")


def refuse_unless_possible(room: Path) -> None:
    """Skip the test where there is no root, or loop devices may not be mounted."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a file system of its own")
    if missing := [name for name in ("mkfs.ext4", "mount", "umount", "cp") if shutil.which(name) is None]:
        pytest.skip(f"needs {', '.join(missing)}")
    try:
        with mounted(Image(room / "probe.img").path, room / "probe"):
            pass
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no loop mounts here: {error.stderr.strip()}")


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    """The image's files in ``folder``, unmounted at the end whatever happens."""
    folder.mkdir()
    _ran("mount", "-o", "loop", str(image), str(folder))
    try:
        yield folder
    finally:
        _ran("umount", str(folder))
        folder.rmdir()


def _ran(*program: str) -> None:
    subprocess.run(program, check=True, capture_output=True, text=True)


def write_for_ever(folder: Path, pipe: int) -> None:
    """Commit generation after generation in ``folder/lake``, and tell ``pipe`` the number of each once it is done.

    Beside it, the same number goes into a file that is not synced: a crash that loses nothing is none.
    """
    lake = Lake.open(folder / "lake")
    for number in count(1):
        lake.commit(making.generation(number), run_id="loop", source="live:test")
        (folder / f"unsynced-{number}").write_text(str(number))
        os.write(pipe, number.to_bytes(4, "big"))


if __name__ == "__main__":
    write_for_ever(Path(sys.argv[1]), int(sys.argv[2]))
