"""A way to a server that fails on command: answers are lost, requests are cut, held back, or never answered.

What lives here: ``Flaky``, a TCP proxy. What does not: the server behind it (``tests.services``).
"""

import socket
import threading
from contextlib import suppress
from typing import Literal, Self

Fault = Literal["lose the answer", "cut the request", "hold a PUT", "say nothing"]


class Flaky:
    """A server's port, by which faults can be ordered: one connection each, in turn, then all is well again."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._faults: list[Fault] = []
        self.suffered = 0
        self.released = threading.Event()
        """Set it, and what was held back goes to the server, though nobody waits for the answer any more."""
        self.too_late: list[bytes] = []
        """The server's answers to what was held back."""
        self._open: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        """Where to connect instead."""
        return f"http://127.0.0.1:{self._door.getsockname()[1]}"

    def order(self, *faults: Fault) -> None:
        """The next connections suffer these; those that are open end now, so that the next request makes a new one."""
        self._faults += faults
        self._end_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._end(self._door)
        self._end_all()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                fault = self._faults.pop(0) if self._faults else None
                self.suffered += fault is not None
                self._open.append(client)
                if fault != "say nothing":
                    threading.Thread(target=self._connect, args=(client, fault), daemon=True).start()

    def _connect(self, client: socket.socket, fault: Fault | None) -> None:
        with suppress(OSError):
            server = socket.create_connection(("127.0.0.1", self._behind))
            self._open.append(server)
            if fault == "hold a PUT":
                threading.Thread(target=self._hold, args=(client, server), daemon=True).start()
                self._carry(server, client, fails=False)
                return
            there = threading.Thread(
                target=self._carry, args=(client, server), kwargs={"fails": fault == "cut the request"}, daemon=True
            )
            there.start()
            self._carry(server, client, fails=fault == "lose the answer")

    def _hold(self, client: socket.socket, server: socket.socket) -> None:
        """Carry requests until a PUT, and that one only once the client is gone and it is released."""
        with suppress(OSError):
            while (data := client.recv(1 << 16)) and not data.startswith(b"PUT "):
                server.sendall(data)
            request = bytearray(data)
            while data := client.recv(1 << 16):
                request += data
            self._end(server)
            if request and self.released.wait(30):
                with socket.create_connection(("127.0.0.1", self._behind)) as late:
                    late.sendall(request)
                    self.too_late.append(late.recv(1 << 16))

    def _carry(self, source: socket.socket, target: socket.socket, *, fails: bool) -> None:
        """Carry bytes until one side ends; one that fails ends both at the first bytes it was to carry."""
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if fails:
                    target.sendall(data[: len(data) // 2] if target.getpeername()[1] == self._behind else b"")
                    break
                target.sendall(data)
        self._end(source)
        self._end(target)

    def _end_all(self) -> None:
        while self._open:
            self._end(self._open.pop())

    def _end(self, one: socket.socket) -> None:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
