"""What a disk may hold after the power failed: every state that a record of calls allows.

What lives here: ``Disk``, the model, and drawing states from it. What does not: making the record (``power_writer``),
what must hold of a state (``test_power_loss``).

The model promises as little as POSIX does, and so allows more than ext4 or XFS would leave:

- bytes written are safe once their file was synced; before, each write may be there, not there, there in part (in
  sectors of 512 bytes), in any order; a file may have grown and hold zeros;
- a name (made, renamed, removed) is safe once its folder was synced; before, each change may be there or not, in any
  order. That a file was synced does not make its name safe. A rename is there whole or not at all.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from tests.conformance.shim import Call

SECTOR = 512

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
    """One folder, its calls played to it one by one. Made empty and safe."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.top = Folder()
        self.names: list[Names] = []
        self._open: dict[int, Node] = {}

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
            _set(folder.live, name, node)
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


def _set(names: dict[str, Node], name: str, node: Node | None) -> None:
    names.pop(name, None)
    if node is not None:
        names[name] = node


def renamed(names: Names) -> None:
    """Make one change of names safe."""
    for folder, name, node in names:
        _set(folder.safe, name, node)


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


# ---- what survives

Survival = Callable[[File], bytearray]
"""Which bytes of a file are there after the crash."""


def nothing(file: File) -> bytearray:
    """Only what was synced."""
    return file.safe


def everything(file: File) -> bytearray:
    """All that was written."""
    return after(file.safe, file.pending)


def lengths(file: File) -> bytearray:
    """The file is as long as it was made, and what was not synced is zeros."""
    return after(file.safe, [(at, data and bytes(len(data))) for at, data in file.pending])


def drawn(rng: random.Random) -> Survival:
    """Some of it: a beginning of what was written, or any of it, whole or in part."""

    def survives(file: File) -> bytearray:
        if not file.pending:
            return file.safe
        way = rng.randrange(6)
        if way < 3:
            return (nothing, everything, lengths)[way](file)
        if way == 3:
            kept = file.pending[: rng.randrange(len(file.pending) + 1)]
            return after(file.safe, [*kept[:-1], *(torn(rng, piece) for piece in kept[-1:])])
        kept = [piece for piece in file.pending if rng.random() < 0.5]
        return after(file.safe, kept if way == 4 else [torn(rng, piece) for piece in kept])

    return survives


def torn(rng: random.Random, piece: Piece) -> Piece:
    """A write that stopped at a sector's end, or the whole of it."""
    at, data = piece
    if data is None:
        return piece
    ends = range(SECTOR - at % SECTOR, len(data), SECTOR)
    return (at, data[: rng.choice(ends)]) if ends else piece


@dataclass(frozen=True)
class Draw:
    """One way a crash goes: which changes of names are there, and what of each file."""

    names: Callable[[Sequence[Names]], Iterable[Names]]
    survives: Survival


def draws(rng: random.Random, many: int) -> Iterator[Draw]:
    """The four plain ways, then ``many`` drawn ones."""
    yield Draw(lambda names: (), nothing)
    yield Draw(lambda names: names, everything)
    yield Draw(lambda names: names, nothing)
    yield Draw(lambda names: names, lengths)
    for _ in range(many):
        yield Draw(in_order(rng) if rng.random() < 0.5 else any_of(rng), drawn(rng))


def in_order(rng: random.Random) -> Callable[[Sequence[Names]], Iterable[Names]]:
    """The first changes of names, as a file system with a journal leaves them."""
    return lambda names: names[: rng.randrange(len(names) + 1)]


def any_of(rng: random.Random) -> Callable[[Sequence[Names]], Iterable[Names]]:
    """Any changes of names."""
    return lambda names: [one for one in names if rng.random() < 0.5]


Contents = dict[str, bytes | None]
"""Bytes by path; None is a folder."""


def left(disk: Disk, draw: Draw) -> Contents:
    """What is there after the crash, by path below the disk's folder."""
    names: dict[int, dict[str, Node]] = {}
    for change in draw.names(disk.names):
        for folder, name, node in change:
            _set(names.setdefault(id(folder), dict(folder.safe)), name, node)
    found: Contents = {}

    def walk(folder: Folder, path: str) -> None:
        for name, node in names.get(id(folder), folder.safe).items():
            if isinstance(node, File):
                found[path + name] = bytes(draw.survives(node))
            else:
                found[path + name] = None
                walk(node, f"{path}{name}/")

    walk(disk.top, "")
    return found


def put_down(contents: Contents, root: Path) -> None:
    """Make ``contents`` real in the new folder ``root``."""
    root.mkdir(parents=True)
    for path, data in contents.items():
        if data is None:
            (root / path).mkdir()
        elif not path.endswith("-shm"):  # made anew by SQLite; never durable
            (root / path).write_bytes(data)
