"""``qmd verify``: prove from the files that the lake is what its ledger says, and take out what is damaged.

What lives here: progress, the list of findings, the exit code. What does not: the proof (``Lake.verify``), the
rules (``qmd_platform.quality``), the repair (``lake.repair``) and what it says (``cli.repairs``).
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.errors import CoverageError, LakeError

if TYPE_CHECKING:
    from qmd_platform.cli.judging import Offence
    from qmd_platform.cli.repairs import Repaired
    from qmd_platform.lake.store import Finding, Lake


@kit.command(
    {
        "qmd verify": "Read and hash every file, recompute coverage, compare with the ledger and the commit records.",
        "qmd verify --repair": "Take damaged files out, and say how to fetch their candles again.",
        "qmd verify --quality --json": "Judge all candles by the quality rules as well; the answer for a program.",
    }
)
@click.option(
    "--repair",
    is_flag=True,
    help="Take damaged files out of the lake, into quarantine, and make up for lost commit records.",
)
@click.option("--quality", is_flag=True, help="Also judge every candle by the quality rules.")
def command(*, repair: bool, quality: bool, as_json: bool) -> int | None:
    """Prove that the lake's files are what its ledger says.

    Reads and hashes every file, counts rows and coverage again, makes the ledger again from the commit records and
    compares; changes nothing without --repair. That takes damaged files out, so that their candles are missing and
    a backfill fetches them again, and where records are lost it keeps the whole ledger; the rest is as it was.
    Exits with 4 when something is damaged and was not repaired, or breaks a rule that blocks, with 5 when it breaks
    another rule. An orphan, a file no commit names, is left by a writer that was stopped; it is in nobody's way,
    and `qmd vacuum` takes it.
    """
    lake = store.lake_to_read()
    findings = _verified(lake, "verify")
    done: Repaired | None = None
    if repair and any(finding.is_damage for finding in findings):
        from qmd_platform.cli import repairs

        if done := repairs.repaired(lake, findings):
            if not as_json:
                _draw_findings(findings)
            findings = _verified(lake, "verify again")
    offences = _judged(lake) if quality else []
    checked = len(lake.states())
    if as_json:
        kit.emit(_document(checked, findings, done, offences))
    else:
        _draw(lake, findings, done, offences, quality=quality)
    return _code(findings, offences)


def _verified(lake: "Lake", name: str) -> "list[Finding]":
    from qmd_platform.cli.progress import progress

    with progress("partition") as tell:
        return lake.verify(lambda done, total: tell(name, done, total))


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


def _document(
    checked: int, findings: "Sequence[Finding]", done: "Repaired | None", offences: "Sequence[Offence]"
) -> dict[str, object]:
    return {
        "partitions": checked,
        "findings": [
            {"partition": str(found.partition or ""), "path": found.path, "problem": found.problem, "kind": found.kind}
            for found in findings
        ],
        "repaired": [loss.document() for loss in done.losses] if done else [],
        "checkpoint": done.checkpoint if done else None,
        "offences": [asdict(offence) for offence in offences],
    }


def _draw(
    lake: "Lake",
    findings: "Sequence[Finding]",
    done: "Repaired | None",
    offences: "Sequence[Offence]",
    *,
    quality: bool,
) -> None:
    from qmd_platform.cli import repairs, show

    if done:
        repairs.draw(done)
    _draw_findings(findings)
    damaged = [finding for finding in findings if finding.is_damage]
    if damaged:
        show.say(
            f"[bold red]{show.counted(len(damaged), 'finding')} of damage.[/] What is in other files stays readable."
        )
        for remedy in repairs.remedies(lake, damaged):
            show.say(remedy)
    else:
        show.say(f"All {show.counted(len(lake.states()), 'partition')}: files, ledger and commit records agree.")
    if quality:
        _draw_offences(offences)


def _draw_findings(findings: "Sequence[Finding]") -> None:
    from qmd_platform.cli import show

    for found in findings:
        style = "bold red" if found.is_damage else "yellow"
        what = found.partition or ("the ledger" if found.is_damage else "")
        show.say(f"[{style}]{found.kind}[/]  {what}".rstrip())
        # Not folded: a path that is cut in two cannot be copied.
        click.echo(f"  {found.problem}")
        if found.path not in found.problem:
            click.echo(f"  {found.path}")


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
