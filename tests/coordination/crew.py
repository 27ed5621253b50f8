"""Processes that do one errand after another, all at once: started once for many tests, for starting is what takes long.

What lives here: both ends of their talk. What does not: the errands (each program's).

A member gets one line of JSON, its errand's arguments; says ``ready`` when all it needs is open; begins when it is told
to; says what came of it, and ``done``; closes what it had opened when all members are done.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

GO = "go\n"

Process = subprocess.Popen[str]


def say(*words: object) -> None:
    """One line for the test."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def serve(prepared: Callable[..., AbstractContextManager[Callable[[], None]]]) -> None:
    """A member's life: ``prepared(*arguments)`` opens what an errand needs and gives the errand."""
    for line in sys.stdin:
        with prepared(*json.loads(line)) as errand:
            say("ready")
            sys.stdin.readline()
            errand()
            say("done")
            sys.stdin.readline()


def tell(members: Iterable[Process], line: str) -> None:
    """Say the same to all of them."""
    for member in members:
        member.stdin.write(line)
        member.stdin.flush()


def begun(members: Sequence[Process], arguments: Callable[[int], list[str]]) -> None:
    """Let all begin their errands at the same time."""
    for number, member in enumerate(members):
        tell([member], json.dumps(arguments(number)) + "\n")
    for member in members:
        assert member.stdout.readline() == "ready\n"
    tell(members, GO)


def ended(members: Sequence[Process]) -> list[str]:
    """What each said of its errand, once all are done."""
    said = [_said(member) for member in members]
    tell(members, GO)
    return said


def _said(member: Process) -> str:
    text = ""
    while (line := member.stdout.readline()) != "done\n":
        assert line, f"it ended, with {member.wait()}, and had said {text!r}"
        text += line
    return text


def together(members: Sequence[Process], arguments: Callable[[int], list[str]]) -> list[str]:
    """What each says of its errand, all done at the same time."""
    begun(members, arguments)
    return ended(members)


@contextmanager
def crew(program: str, count: int = 8) -> Iterator[list[Process]]:
    """So many processes that run ``program``, a module of these tests; killed at the end."""
    command = [sys.executable, "-m", program]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) for _ in range(count)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()
