"""``qmd vacuum``: what no snapshot that is kept needs leaves the disk.

What lives here: the options and what is refused, the table. What does not: the vacuum (``qmd_platform.lake.vacuum``).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import durations, kit, store
from qmd_platform.errors import ConfigError

if TYPE_CHECKING:
    from qmd_platform.lake.vacuum import Vacuum

SAFE_GRACE_MS = 3_600_000
"""A grace below this takes files a reader or writer at work may still need; only on the word of a person."""


@kit.command(
    {
        "qmd vacuum --dry-run": "What would go, and what is left alone.",
        "qmd vacuum": "Keep every snapshot of the last seven days.",
        "qmd vacuum --keep 30d": "Keep a month of them.",
        "qmd vacuum --keep 0 --grace 0 --yes": "Keep only now and what is pinned; when nothing else uses the lake.",
    }
)
@click.option(
    "--keep",
    type=durations.option_type("--keep"),
    default="7d",
    show_default=True,
    metavar="DURATION",
    help="Every past state of this last time stays readable.",
)
@click.option(
    "--grace",
    type=durations.option_type("--grace"),
    default="24h",
    show_default=True,
    metavar="DURATION",
    help="Trash, and files no commit names, stay this long: longer than any reader or writer runs.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--yes", is_flag=True, help="Really use a grace below one hour.")
def command(*, keep: int, grace: int, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Free the disk of what no kept state of the lake needs.

    The lake of now, the last seven days (--keep) and what is pinned stay readable. A replaced file goes in two
    steps: one vacuum marks it as trash, a later one deletes it when the grace is over, so that who reads it can
    finish. Files that no commit names, left by a writer that was stopped, go when they are older than the grace.
    Safe while others read and write, and may be stopped at any instant.
    """
    if grace < SAFE_GRACE_MS and not yes and not dry_run:
        raise ConfigError(
            f"a grace of {durations.text_of(grace)} may delete files that somebody is reading or writing now",
            hint="give --grace 1h or more, or add --yes when nothing else uses the lake",
        )
    done = _vacuumed(keep, grace, dry_run=dry_run)
    if as_json:
        kit.emit(_document(done, dry_run=dry_run))
    else:
        _draw(done, grace, dry_run=dry_run)


def _vacuumed(keep: int, grace: int, *, dry_run: bool) -> "Vacuum":
    from qmd_platform.cli.progress import progress
    from qmd_platform.lake.vacuum import vacuum

    lake = store.lake_to_read()
    with progress("file") as tell:
        return vacuum(
            lake,
            run_id=kit.run_id("vacuum"),
            now=kit.now(),
            keep_ms=keep,
            grace_ms=grace,
            dry_run=dry_run,
            progress=lambda done, total: tell("vacuum", done, total),
        )


def _document(done: "Vacuum", *, dry_run: bool) -> dict[str, object]:
    found = done.reclaimed
    return {
        "dry_run": dry_run,
        "deleted": [one.path for one in done.deleted],
        "orphans": [one.path for one in done.orphans],
        "bytes": done.bytes,
        "trashed": [one.path for one in found.trashed],
        "rescued": [one.path for one in found.rescued],
        "expired_pins": [pin.name for pin in found.expired],
        "young": done.young,
        "foreign": list(done.foreign),
        "records": done.records,
    }


def _draw(done: "Vacuum", grace: int, *, dry_run: bool) -> None:
    from qmd_platform.cli import show

    rows = [row for row in _rows(done, grace) if row[1] != "0"]
    if rows:
        show.table([("what", "left"), ("files", "right"), ("size", "right"), ("", "left")], rows)
    if done.bytes:
        show.say(f"{show.size(done.bytes)} {'would be' if dry_run else 'are'} free again.")
    if not rows:
        show.say("Nothing to do: every file is live, kept for the past, or trash whose grace is not over.")
    if found := done.reclaimed.expired:
        show.say(f"Pins whose time is over: {', '.join(show.plain(pin.name) for pin in found)}.")
    for path in done.foreign[:5]:
        show.say(f"[yellow]not of the lake, left alone:[/] {show.plain(path)}")
    if dry_run:
        show.say("This was a dry run: nothing was changed.")


def _rows(done: "Vacuum", grace: int) -> list[list[str]]:
    from qmd_platform.cli import show

    found = done.reclaimed
    later = (
        f"deleted by a vacuum {durations.text_of(grace)} from now or later" if grace else "deleted by the next vacuum"
    )

    def row(what: str, sizes: Iterable[int], then: str) -> list[str]:
        each = list(sizes)
        return [what, show.count(len(each)), show.size(sum(each)), then]

    return [
        row("old versions", (one.bytes for one in done.deleted), "deleted: trash for longer than the grace"),
        row("without a commit", (one.bytes for one in done.orphans), "deleted: left by writers that were stopped"),
        row("new trash", (one.bytes for one in found.trashed), later),
        row("out of the trash", (one.bytes for one in found.rescued), "wanted again: a pin or a longer --keep"),
        ["young, no commit", show.count(done.young), "", "left alone: a writer may be at work"],
        ["foreign", show.count(len(done.foreign)), "", "left alone: not made by qmd"],
        ["commit records", show.count(done.records), "", "deleted: two checkpoints hold what they say"],
    ]
