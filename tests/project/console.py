"""A page whose commands are run: its ``console`` and ``python`` blocks in order, and what they print.

What lives here: finding the blocks, running them on a lake of their own, writing the page with what they really
printed (``python -m tests.project.console docs/lake.md``), and what may differ from one run to the next. What does
not: which pages there are (``test_lake_page``).

A console block is lines that begin with ``$ ``, each followed by what it prints. ``qmd`` runs in this process, anything
else in bash. A python block is a program; a ``text`` block right after it is what it prints.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from click.testing import CliRunner

from qmd_platform.cli.app import app
from qmd_platform.sandbox.server import running

NOW = "2025-04-02T00:30:30Z"
"""The clock of the exchange the page's lake is filled from: long ago, so that its months have ended."""

BLOCK = re.compile(r"^```(console|python|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
HOME = "~/.qmd"
"""How the page calls the folder of its lake."""

_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?Z?)?"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d{6}(\.\d+)?Z"), "TIME"),
    (re.compile(r"\.v\d{8}\.[0-9a-f]{8}\.[0-9a-f]{16}"), ".FILE"),
    (re.compile(r"-[0-9a-f]{8}-[0-9a-f-]*…?"), "-RUN"),
    (re.compile(r"sha256 [0-9a-f]{16,64}"), "HASH"),
    (re.compile(r"[\d,.]+ (ms|s|B|kB|MB)\b"), "AMOUNT"),
    (re.compile(r"\d+\.\d\d$", re.MULTILINE), "AMOUNT"),
    (re.compile(r"[ ─]+"), " "),
)


def same(text: str) -> str:
    """``text`` without what differs from one run to the next: the clock's times, drawn names, sizes, durations."""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text


def played(page: str, home: Path) -> str:
    """``page`` with what its blocks really print, on a lake in ``home`` that does not exist yet."""
    said: list[str] = []

    def block(found: re.Match[str]) -> str:
        language, body = found.groups()
        if language == "python":
            said.append(_python(body))
        elif language == "console":
            body = "".join(f"$ {line}\n{_ran(line, home)}" for line in _lines(body))
        elif said:
            body = said.pop()
        return f"```{language}\n{body.replace(str(home), HOME)}```"

    with running(now=NOW) as url, _settings(QMD_HOME=str(home), QMD_VENUE_URL=url):
        return BLOCK.sub(block, page).replace(url, "http://127.0.0.1:8080")


def _lines(body: str) -> list[str]:
    return [line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ ")]


def _ran(line: str, home: Path) -> str:
    line = line.replace(HOME, str(home))
    if line.startswith("qmd "):
        result = CliRunner().invoke(app, shlex.split(line)[1:])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        text = result.output
    else:
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
        text = done.stdout + done.stderr
    return text if not text or text.endswith("\n") else f"{text}\n"


def _python(program: str) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "page", "exec"), {"__name__": "page"})  # noqa: S102 - the page's own example
    return printed.getvalue()


@contextlib.contextmanager
def _settings(**values: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def main() -> None:
    """Write the pages named on the command line with what their commands print."""
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(name)
            path.write_text(played(path.read_text("utf-8"), Path(folder) / "home"), "utf-8")


if __name__ == "__main__":
    main()
