"""``qmd doctor``: what works, what does not, and what to do about it.

What lives here: running the checks and showing them. What does not: the checks (``cli.checkup``, ``cli.upkeep``).
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from qmd_platform.cli import kit

if TYPE_CHECKING:
    from qmd_platform.cli.check import Check

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@kit.command(
    {
        "qmd doctor": "Check everything once.",
        "qmd doctor --venue-url http://127.0.0.1:8080": "Check against a sandbox exchange.",
        "qmd doctor --json": "The same, for a program.",
    }
)
@kit.venue_url_option
def command(*, venue_url: str | None, as_json: bool) -> int | None:
    """Say what works, what does not, and what to do about it.

    Looks at the installation, QMD_HOME, the lake, its ledger, files, pins and upkeep, the serving stores that are set, the
    universe file, what workers share, the venues and Dagster's instance. Says for everything that is not right what to do about it, and changes nothing. Exits
    with 0 when nothing failed, else with the code of the first failure.
    """
    from qmd_platform.cli.checkup import checks

    done = list(checks(venue_url))
    if as_json:
        kit.emit([_document(check) for check in done])
    else:
        _draw(done)
    return next((check.exit_code for check in done if check.status == "fail"), None)


def _document(check: "Check") -> dict[str, Any]:
    """The check for JSON: only a failure has an exit code other than 0."""
    return asdict(check) | {"exit_code": check.exit_code if check.status == "fail" else 0}


def _draw(done: "Sequence[Check]") -> None:
    from qmd_platform.cli import show

    rows = []
    for check in done:
        todo = f"\n[dim]→ {show.plain(check.todo)}[/]" if check.todo else ""
        rows.append([f"[{STYLES[check.status]}]{check.status}[/]", check.name, show.plain(check.said) + todo])
    show.table([("", "left"), ("what", "left"), ("finding", "left")], rows)
    failed = sum(check.status == "fail" for check in done)
    warned = sum(check.status == "warn" for check in done)
    show.say(f"{failed} failed, {warned} to look at." if failed or warned else "All is well.")
