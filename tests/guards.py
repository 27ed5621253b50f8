"""What no test may do: reach beyond this machine, read the user's settings, leave something running or lying about.

What lives here: the guards. What does not: switching them on (``conftest``). They hold for the test process; the
programs a test starts get the guarded environment and nothing more.
"""

import ipaddress
import os
import socket
import threading
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

LEFT_ALONE = (
    "QMD_RELIABILITY_LONG",
    "QMD_RELIABILITY_OUT",
    "QMD_TEST_CHROMIUM",
    "QMD_TEST_MINIO",
    "QMD_TEST_POSTGRES",
    "QMD_TEST_PROMISED",
    "QMD_TEST_REDIS",
    "QMD_TEST_SCREENSHOTS",
)
"""Settings meant for the tests themselves."""


class ReachedOutside(RuntimeError):
    """A test tried to talk to another machine."""


def is_loopback(host: object) -> bool:
    """Whether ``host``, an address or a name, is this machine."""
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def stay_at_home() -> None:
    """From now on, connecting or looking up anything but loopback raises ReachedOutside."""
    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    look_up = socket.getaddrinfo

    def getaddrinfo(host: object, *rest: Any, **named: Any) -> Any:
        if str(host).endswith(".invalid"):  # reserved never to exist (RFC 6761): answered without asking anyone
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        _refuse_unless_loopback(host)
        return look_up(host, *rest, **named)

    socket.getaddrinfo = getaddrinfo


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_unless_loopback(address[0])
        return connect(self, address)

    return guarded


def _refuse_unless_loopback(host: object) -> None:
    if not is_loopback(host):
        raise ReachedOutside(f"a test tried to reach {host!r}; tests talk to this machine only")


def forget_settings(environ: MutableMapping[str, str], home: Path) -> None:
    """Make ``environ`` what a fresh machine has: no settings of the user's, state in ``home``, no telemetry."""
    for name in list(environ):
        if name.startswith(("QMD_", "DAGSTER_", "AWS_", "PG")) and name not in LEFT_ALONE:
            del environ[name]
        if name.lower() in {"http_proxy", "https_proxy", "all_proxy"}:
            del environ[name]
    environ.update(QMD_HOME=str(home), DAGSTER_DISABLE_TELEMETRY="yes", NO_PROXY="127.0.0.1,localhost")


def running_children() -> set[int]:
    """Process ids of this process's living children; empty where the system does not tell (not Linux)."""
    return {pid for pid in children_of(os.getpid()) if _is_alive(pid)}


def children_of(process: int) -> set[int]:
    """Process ids of the children of ``process``, ended ones too; empty where the system does not tell."""
    children: set[int] = set()
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        children |= {int(pid) for pid in file.read_text().split()}
    return children


def _is_alive(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def stray_state(checkout: Path) -> set[Path]:
    """Folders that our programs and Dagster's make when nobody told them where to put their state."""
    home = Path.home()
    places = [home / ".qmd", home / ".dagster", checkout / ".qmd" / "demo"]
    return {place for place in places if place.exists()}


def stubborn_threads() -> set[threading.Thread]:
    """Threads that would keep the process from ending."""
    return {thread for thread in threading.enumerate() if not thread.daemon}
