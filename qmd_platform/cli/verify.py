"""``qmd verify``: prove from the files that the lake is what its ledger says.

What lives here: progress, the list of findings, the exit code. What does not: the proof (``Lake.verify``), the
rules (``qmd_platform.quality``).
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.errors import CoverageError, LakeError

if TYPE_CHECKING:
    from qmd_platform.cli.judging import Offence
    from qmd_platform.lake.store import Finding, Lake


@kit.command(
    {
        "qmd verify": "Read and hash every file, recompute coverage, compare with the ledger.",
        "qmd verify --quality --json": "Judge all candles by the quality rules as well; the answer for a program.",
    }
)
@click.option("--quality", is_flag=True, help="Also judge every candle by the quality rules.")
def command(*, quality: bool, as_json: bool) -> int | None:
    """Prove that the lake's files are what its ledger says.

    Reads and hashes every file, counts rows and coverage again, and changes nothing. Exits with 4 when something
    is damaged or breaks a rule that blocks, with 5 when it breaks another rule. An orphan, a file no commit names, is left by a writer that was
    stopped; it is in nobody's way.
    """
    from qmd_platform.cli.progress import progress

    lake = store.lake_to_read()
    with progress("partition") as tell:
        findings = lake.verify(lambda done, total: tell("verify", done, total))
    offences = _judged(lake) if quality else []
    checked = len(lake.states())
    if as_json:
        kit.emit(_document(checked, findings, offences))
    else:
        _draw(checked, findings, offences, quality=quality)
    return _code(findings, offences)


def _judged(lake: "Lake") -> list["Offence"]:
    from qmd_platform.cli.judging import offences
    from qmd_platform.cli.progress import progress

    with progress("partition") as tell:
        return list(offences(lake, lambda done, total: tell("quality", done, total)))


def _code(findings: "Sequence[Finding]", offences: "Sequence[Offence]") -> int | None:
    """4 for damage and for rows nothing may stand on, 5 for a rule whose breach leaves the rows fit to use."""
    if any(finding.is_damage for finding in findings) or any(offence.blocking for offence in offences):
        return LakeError.exit_code
    return CoverageError.exit_code if any(offence.severity == "ERROR" for offence in offences) else None


def _document(checked: int, findings: "Sequence[Finding]", offences: "Sequence[Offence]") -> dict[str, object]:
    return {
        "partitions": checked,
        "findings": [
            {"partition": str(found.partition or ""), "path": found.path, "problem": found.problem, "kind": found.kind}
            for found in findings
        ],
        "offences": [asdict(offence) for offence in offences],
    }


def _draw(checked: int, findings: "Sequence[Finding]", offences: "Sequence[Offence]", *, quality: bool) -> None:
    from qmd_platform.cli import show

    styles = {"damaged": "bold red", "mismatch": "bold red", "orphan": "yellow"}
    if findings:
        rows = [
            [
                f"[{styles[found.kind]}]{found.kind}[/]",
                str(found.partition or ""),
                show.plain(found.problem),
                found.path,
            ]
            for found in findings
        ]
        show.table([("", "left"), ("partition", "left"), ("problem", "left"), ("file", "left")], rows)
    damaged = sum(found.is_damage for found in findings)
    if damaged:
        show.say(f"[bold red]{show.counted(damaged, 'finding')} of damage.[/] The other partitions stay readable.")
        show.say("Put the damaged files back from a backup: qmd cannot repair them yet.")
    else:
        show.say(f"All {show.counted(checked, 'partition')}: files and ledger agree.")
    if quality:
        _draw_offences(offences)


def _draw_offences(offences: "Sequence[Offence]") -> None:
    from qmd_platform.cli import show

    if not offences:
        show.say("No candle breaks a rule.")
        return
    columns: list[show.Column] = [("rule", "left"), ("partition", "left"), ("rows", "right"), ("first of them", "left")]
    rows = []
    for offence in offences:
        example = ", ".join(f"{name} {value}" for name, value in offence.example.items() if name != "expected")
        rows.append([offence.rule, offence.partition, show.count(offence.offenders), show.plain(example)])
    show.table(columns, rows)
