"""Operations on a lake while the file system fails under them.

What lives here: the faults, and the program that tries each fault at each call (``python -m tests.conformance.faults``,
under the shim). What does not: the shim (``shim``), the operations (``shimmed``), which are tried in which suite
(``test_faults``).

A trial: a copy of a prepared lake; a forked child that arms one fault and does the operation; then, without faults,
what the lake holds, what verify says, and the operation once more, by turns in the child with the lake it has open,
and in another process. The program prints one JSON line: how many trials ended how, and every trial that ended as it
must not.
"""

import argparse
import errno
import gc
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from qmd_platform.errors import QmdError
from qmd_platform.lake.store import Lake
from tests.conformance.shim import CHANGES, EVERYTHING, How, Kind, Shim, in_memory
from tests.conformance.shimmed import CONTROLS, OPERATIONS, Operation, holds

NEVER = 2**31
SECONDS = 30
"""A child that takes longer hangs; the alarm ends it, which counts as a wrong end."""

_NEEDS_SPACE = Kind.CREATE | Kind.WRITE | Kind.RESIZE | Kind.SYNC | Kind.RENAME | Kind.MKDIR
_MEETS_DISK = CHANGES | Kind.OPEN | Kind.READ


@dataclass(frozen=True)
class Fault:
    """What goes wrong: calls of ``kinds`` fail with ``error``."""

    kinds: Kind
    error: int
    how: How


FAULTS = {
    "no space, once": Fault(_NEEDS_SPACE, errno.ENOSPC, How.ONCE),
    "no space from then on": Fault(_NEEDS_SPACE, errno.ENOSPC, How.FROM_THEN_ON),
    "no space after half a write": Fault(Kind.WRITE, errno.ENOSPC, How.SHORT),
    "I/O error, once": Fault(EVERYTHING, errno.EIO, How.ONCE),
    "I/O error from then on": Fault(_MEETS_DISK, errno.EIO, How.FROM_THEN_ON),
    "too many open files, once": Fault(Kind.OPEN, errno.EMFILE, How.ONCE),
    "too many open files from then on": Fault(Kind.OPEN, errno.EMFILE, How.FROM_THEN_ON),
    "read-only from then on": Fault(CHANGES, errno.EROFS, How.FROM_THEN_ON),
}


@dataclass(frozen=True)
class End:
    """How the child ended: the error's class, None for success, and all that is wrong with it."""

    error: str | None
    wrong: list[str]
    seen: int = 0
    struck_at: str = ""

    @property
    def may_be_done(self) -> bool:
        """Whether the error leaves it open that the commit was, or will be, made; all others say that it was not."""
        return self.error == "LedgerError"


class Trials:
    """Trials of one operation: the lake before it, and what must be seen before and after."""

    def __init__(self, shim: Shim, folder: Path, operation: Operation) -> None:
        self._shim, self._folder, self._operation = shim, folder, operation
        self._base = folder / "base" / "lake"
        operation.prepare(self._base)
        with operation.enter(self._copy()) as lake:
            self._damaged = {found.path for found in lake.verify()}
            self._before = _seen(lake)
            self._told = operation.run(lake)
            self._after = _seen(lake)
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []

    def calls(self, fault: Fault) -> int:
        """How many calls of the operation the fault can hit."""
        root = self._copy()
        return _forked(lambda: self._work(root, fault, NEVER, again=False)).seen

    def run(self, name: str, which: int) -> None:
        """One trial; adds to ``counts``, and to ``wrong`` what is wrong."""
        root, again = self._copy(), bool(which % 2)
        end = _forked(lambda: self._work(root, FAULTS[name], which, again=again))
        self.counts["trials"] += 1
        self.counts["refused" if end.error else "succeeded"] += 1
        problems = list(end.wrong)
        try:
            problems += self._found(root, end, again=again)
        except (QmdError, ValueError, OSError, LookupError) as error:
            problems.append(f"afterwards, without the fault: {_where(error)}")
        self.wrong += [f"{self._operation.name}, {name}, call {which} ({end.struck_at}): {one}" for one in problems]

    def _work(self, root: Path, fault: Fault, which: int, *, again: bool) -> End:
        """In the child: the operation under the fault, and once more without."""
        self._shim.watch(root.parent)
        self._shim.arm(fault.kinds, which, fault.error, fault.how)
        error, wrong, lake = None, [], None
        try:
            lake = self._operation.enter(root)
            if self._operation.run(lake) != self._told:
                wrong.append("success was reported, and something else was told")
            if not again:
                _tidy(lake)
        except QmdError as refused:
            error = type(refused).__name__
        except Exception as stray:  # noqa: BLE001 - any other error is what this program looks for
            error, wrong = type(stray).__name__, [f"not a refusal: {_where(stray)}"]
        end = End(error, wrong, self._shim.seen, self._shim.struck_at)
        if lake is not None and again:
            self._shim.arm(Kind(0), NEVER, 0)
            try:
                wrong += self._repeated(lake, end)
            except QmdError as refused:
                wrong.append(f"once more in the same process: {_where(refused)}")
        return end

    def _found(self, root: Path, end: End, *, again: bool) -> Iterator[str]:
        with self._operation.enter(root) as lake:
            findings = lake.verify()
            self.counts["orphans"] += sum(not found.is_damage for found in findings)
            new = [found for found in findings if found.is_damage and found.path not in self._damaged]
            yield from (f"verify: {found.path}: {found.problem}" for found in new)
            if not again:
                self.counts["in_doubt"] += bool(end.error) and _seen(lake) == self._after != self._before
                yield from self._repeated(lake, end)
            elif _seen(lake) not in (self._before, self._after):
                yield "later, the lake is neither as before nor as after"

    def _repeated(self, lake: Lake, end: End) -> Iterator[str]:
        """What is wrong with the lake, and with doing the operation once more without the fault."""
        seen = _seen(lake)
        if not end.error and seen != self._after:
            yield "success was reported and the lake is not as after"
        elif end.error and seen not in (self._before, self._after):
            yield f"{end.error} was raised and the lake is neither as before nor as after"
        elif end.error and seen == self._after != self._before and not end.may_be_done:
            yield f"{end.error} was raised for what is done"
        if self._operation.run(lake) != self._told or _seen(lake) != self._after:
            yield "done once more without the fault, the lake is not as after"

    def _copy(self) -> Path:
        place = self._folder / "trial"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        if self._base.exists():
            shutil.copytree(self._base, place / "lake")
        return place / "lake"


def _seen(lake: Lake) -> object:
    return holds(lake, damaged=True)


def _tidy(lake: Lake) -> None:
    """Close it; what is committed stays so although nothing can be tidied up."""
    with suppress(QmdError):
        lake.close()


def _forked(work: Callable[[], End]) -> End:
    """What ``work`` returns, done in a child."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        _child(theirs, work)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    if not said:
        return End("nothing", [f"the process ended with {os.waitstatus_to_exitcode(status)}"])
    return End(*json.loads(said))


def _child(pipe: int, work: Callable[[], End]) -> NoReturn:
    signal.alarm(SECONDS)
    said: list[Any] = []
    try:
        end = work()
        said = [end.error, end.wrong, end.seen, end.struck_at]
    finally:
        if error := sys.exc_info()[1]:
            said = [type(error).__name__, [f"later, in the same process: {_where(error)}"]]
        os.write(pipe, json.dumps(said).encode())
        os._exit(0)


def _where(error: BaseException) -> str:
    """The error and where in our code it came from, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames if "qmd_platform" in one.filename]
    return f"{error!r} at {' < '.join(reversed(where[-4:]))}"


def main(arguments: list[str]) -> None:
    """Try faults at calls, in an order drawn from the seed, and print what came of it."""
    operations = OPERATIONS | CONTROLS
    parser = argparse.ArgumentParser()
    parser.add_argument("operation", choices=operations)
    parser.add_argument("--most", type=int, default=NEVER, help="calls tried a fault")
    parser.add_argument(
        "--seconds", type=float, default=NEVER, help="begin no trial after that many, once there were as many as faults"
    )
    parser.add_argument("--faults", nargs="*", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    rng = random.Random(chosen.seed)  # noqa: S311 - draws which calls fail
    until = time.monotonic() + chosen.seconds
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        trials = Trials(Shim(), Path(folder).resolve(), operations[chosen.operation])
        gc.freeze()  # so that a child's garbage collector does not copy all of the parent's memory
        every = {name: trials.calls(FAULTS[name]) for name in chosen.faults}
        plan = []
        for name, count in every.items():
            some = rng.sample(range(1, count), min(count, chosen.most) - 1)
            plan += [(name, at) for at in (0, *some)]
        rng.shuffle(plan)
        while plan and (time.monotonic() < until or trials.counts.get("trials", 0) < len(chosen.faults)):
            trials.run(*plan.pop())
    print(json.dumps({"counts": trials.counts | {"calls": sum(every.values())}, "wrong": trials.wrong}))  # noqa: T201 - its result


if __name__ == "__main__":
    main(sys.argv[1:])
