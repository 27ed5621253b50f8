"""What a disk may hold after the power failed: every state that ``power.Disk`` allows, some of them drawn.

What lives here: drawing states, and putting them into a folder. What does not: the model (``power``), what must hold of
a state (``test_power_loss``).
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.power import Disk, File, Folder, Names, Node, Piece, after, change

SECTOR = 512

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


PLAIN = 4
"""The first draws are the same every time."""


def draws(rng: random.Random, many: int) -> Iterator[Draw]:
    """The plain ways, then ``many`` drawn ones."""
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
    for one in draw.names(disk.names):
        for folder, name, node in one:
            change(names.setdefault(id(folder), dict(folder.safe)), name, node)
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


def contents_of(root: Path) -> Contents:
    """What is in a folder."""
    found = sorted(root.rglob("*"))
    return {path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None for path in found}
