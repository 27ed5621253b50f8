"""Bytes and names on the local disk that outlive a power loss.

What lives here: ``synced``. What does not: the lake's own files (``lake.durable``).
"""

import os
from pathlib import Path


def synced(path: Path) -> None:
    """Make a file's bytes, or the names in a folder, durable."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
