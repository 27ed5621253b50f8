"""A disk to which a record of calls is played: what on it is safe, and what is not yet.

What lives here: ``Disk``, the model. What does not: making the record (``power_writer``), what a crash leaves of a disk
(``power_states``), what must hold then (``test_power_loss``).

The model promises as little as POSIX does, and so allows more than ext4 or XFS would leave:

- bytes written are safe once their file was synced; before, each write may be there, not there, there in part (in
  sectors of 512 bytes), in any order; a file may have grown and hold zeros;
- a name (made, renamed, removed) is safe once its folder was synced; before, each change may be there or not, in any
  order. That a file was synced does not make its name safe. A rename is there whole or not at all.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from tests.conformance.shim import Call

Piece = tuple[int, bytes | None]
"""Bytes at a place, or (None) the file cut or grown to that length."""


@dataclass(eq=False)
class File:
    """Bytes that are safe, and what was done to them since."""

    safe: bytearray = field(default_factory=bytearray)
    pending: list[Piece] = field(default_factory=list)

    def sync(self) -> None:
        """Everything so far is safe."""
        self.safe = after(self.safe, self.pending)
        self.pending = []


@dataclass(eq=False)
class Folder:
    """Names that are safe, and the names as running programs see them."""

    safe: dict[str, "Node"] = field(default_factory=dict)
    live: dict[str, "Node"] = field(default_factory=dict)


Node: TypeAlias = File | Folder

Names = tuple[tuple[Folder, str, Node | None], ...]
"""One change of names, there whole or not at all: what a name in a folder stands for from now on."""


class Disk:
    """One folder, its calls played to it one by one. ``before`` is in it and safe: bytes by path, None for a folder."""

    def __init__(self, root: Path, before: Mapping[str, bytes | None] | None = None) -> None:
        self._root = root
        self.top = Folder()
        self.names: list[Names] = []
        self._open: dict[int, Node] = {}
        for path, data in sorted((before or {}).items()):
            folder, name = self._at(str(root / path))
            folder.live[name] = folder.safe[name] = Folder() if data is None else File(bytearray(data))

    def play(self, call: Call) -> None:
        """What ``call`` does to the disk; AssertionError if the model does not know it."""
        kind = _PLAYS.get(call.kind)
        assert kind is not None, f"the record has a call the model does not know: {call}"
        kind(self, call)

    def sync(self, node: Node) -> None:
        """A file's bytes, or a folder's names, are safe from now on."""
        if isinstance(node, File):
            node.sync()
            return
        touching = [one for one in self.names if any(folder is node for folder, _, _ in one)]
        for one in touching:
            renamed(one)
        self.names = [one for one in self.names if one not in touching]

    def opened(self, call: Call) -> None:
        folder, name = self._at(call.path) if call.path != str(self._root) else (None, "")
        if call.kind == "C" and folder is not None:
            self._change((folder, name, File()))
        node = folder.live[name] if folder is not None else self.top
        self._open[call.handle] = node
        if call.at and isinstance(node, File):
            node.pending.append((0, None))

    def written(self, call: Call) -> None:
        self._file(call).pending.append((call.at, None if call.kind == "T" else call.data))

    def synced(self, call: Call) -> None:
        self.sync(self._open[call.handle])

    def closed(self, call: Call) -> None:
        self._open.pop(call.handle, None)

    def moved(self, call: Call) -> None:
        (old, old_name), (new, new_name) = self._at(call.path), self._at(call.other)
        gone = ((old, old_name, None),) if call.kind == "R" else ()
        self._change(*gone, (new, new_name, old.live[old_name]))

    def removed(self, call: Call) -> None:
        self._change((*self._at(call.path), None))

    def made(self, call: Call) -> None:
        self._change((*self._at(call.path), Folder()))

    def _change(self, *names: tuple[Folder, str, Node | None]) -> None:
        for folder, name, node in names:
            change(folder.live, name, node)
        self.names.append(names)

    def _file(self, call: Call) -> File:
        node = self._open[call.handle]
        assert isinstance(node, File), call
        return node

    def _at(self, path: str) -> tuple[Folder, str]:
        """The folder a path is in, as running programs see it, and the path's last name."""
        *above, name = Path(path).relative_to(self._root).parts
        folder = self.top
        for part in above:
            inner = folder.live[part]
            assert isinstance(inner, Folder)
            folder = inner
        return folder, name


_PLAYS: dict[str, Callable[[Disk, Call], None]] = {
    "C": Disk.opened,
    "O": Disk.opened,
    "W": Disk.written,
    "T": Disk.written,
    "S": Disk.synced,
    "X": Disk.closed,
    "R": Disk.moved,
    "L": Disk.moved,
    "U": Disk.removed,
    "D": Disk.removed,
    "M": Disk.made,
    "!": lambda disk, call: None,
}


def change(names: dict[str, Node], name: str, node: Node | None) -> None:
    names.pop(name, None)
    if node is not None:
        names[name] = node


def renamed(names: Names) -> None:
    """Make one change of names safe."""
    for folder, name, node in names:
        change(folder.safe, name, node)


def after(before: bytes | bytearray, pieces: Iterable[Piece]) -> bytearray:
    """The bytes of a file after ``pieces``."""
    content = bytearray(before)
    for at, data in pieces:
        if data is None:
            content[at:] = bytes(max(0, at - len(content)))
        else:
            content.extend(bytes(max(0, at - len(content))))
            content[at : at + len(data)] = data
    return content
