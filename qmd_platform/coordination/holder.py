"""Which process holds something, and whether it is gone for certain.

What lives here: a process's name that no other process ever has, and the look at this machine's processes. What does not:
leases themselves (``leases``).

A lease ends by itself anyway; this spares who comes after a killed process of the same machine the wait.
"""

import os
from functools import cache
from pathlib import Path

_PROC = Path("/proc")


def here() -> str:
    """This process, by name: its machine's boot and process namespace, its number, the time it began; "" if unknown."""
    place = _place()
    began = _began(os.getpid())
    return f"{place}:{os.getpid()}:{began}" if place and began else ""


def is_gone(holder: str) -> bool:
    """Whether the process ``holder`` was of this machine and is no more. False when that cannot be known from here."""
    place, _, rest = holder.rpartition(":")[0].rpartition(":")
    number, began = rest, holder.rpartition(":")[2]
    if not place or place != _place() or not number.isdecimal():
        return False
    return _began(int(number)) != began


@cache
def _place() -> str:
    """The boot and the process namespace: together they say what a process number means. "" where there is no /proc."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}".replace(":", "")
    except OSError:
        return ""


def _began(number: int) -> str:
    """When process ``number`` began, in ticks since the boot; "" if there is none, or only what is left of a dead one."""
    try:
        fields = (_PROC / str(number) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in {"Z", "X"} else fields[_START_TIME]


_START_TIME = 19
"""The place of ``starttime`` among the fields after the name in /proc/PID/stat (proc(5): field 22)."""
