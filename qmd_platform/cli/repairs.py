"""What ``qmd verify --repair`` did, and what is left to do: losses, and the commands that fetch them again.

What lives here: the words. What does not: finding damage (``lake.verify``), taking it out (``lake.repair``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qmd_platform.cli import kit, show
from qmd_platform.lake.checkpoints import are_broken, stand_in
from qmd_platform.lake.records import CHECKPOINT
from qmd_platform.lake.repair import CAUSE, repair
from qmd_platform.lake.store import Finding, Lake
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import State
from qmd_platform.model.window import Window, iso


@dataclass(frozen=True, slots=True)
class Loss:
    """What a partition lacks since its damaged files were taken out: windows of candles, or (no windows) all of it."""

    partition: Partition
    windows: tuple[Window, ...]

    @property
    def candles(self) -> int:
        """How many candles are missing now."""
        return sum(window.steps(self.partition.series.timeframe.step) for window in self.windows)

    @property
    def remedy(self) -> str:
        """What fetches it again; for candles a command line."""
        series = self.partition.series
        if not series.is_candles:
            return f"the {series.table} asset of {series.venue}, or the next backfill that asks {series.venue}"
        span = f"--start {iso(self.windows[0].start)} --end {iso(self.windows[-1].end)}" if self.windows else ""
        return f"qmd backfill {series.market} --timeframe {series.timeframe.value} {span}".strip()

    def document(self) -> dict[str, object]:
        """The loss for JSON."""
        return {
            "series": str(self.partition.series),
            "month": self.partition.month,
            "missing": [{"start": iso(window.start), "end": iso(window.end)} for window in self.windows],
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was lost by taking files out, and the commit of the checkpoint that stands in for lost records, if any."""

    losses: tuple[Loss, ...]
    checkpoint: int | None


def repaired(lake: Lake, findings: Sequence[Finding]) -> Repaired | None:
    """Take the damaged files of ``findings`` out of the lake, replace broken records; None if there was neither."""
    checkpoint = stand_in(lake, findings)
    losses = tuple(_taken_out(lake, findings))
    return Repaired(losses, checkpoint) if losses or checkpoint is not None else None


def _taken_out(lake: Lake, findings: Sequence[Finding]) -> list[Loss]:
    files = [finding for finding in findings if not _is_of_ledger(finding)]
    return [
        Loss(
            outcome.partition,
            tuple(run.window for run in outcome.runs if (run.state, run.cause) == (State.MISSING, CAUSE)),
        )
        for outcome in repair(lake, files, run_id=kit.run_id("repair"))
        if outcome.wrote
    ]


def remedies(lake: Lake, damaged: Sequence[Finding]) -> Iterator[str]:
    """What to do about each kind of damage among ``damaged``."""
    if pins := sorted({pin for finding in damaged for pin in finding.pins}):
        yield (
            f"What needs a damaged file of the past cannot be read: the pins {', '.join(pins)}. "
            "Put the file back from a backup, or `qmd unpin` them."
        )
    if any(finding.kind == "damaged" and not finding.pins and not _is_of_ledger(finding) for finding in damaged):
        yield (
            "Files: put them back from a backup, or take them out with `qmd verify --repair` and fetch their candles again."
        )
    if any(_is_checkpoint(finding) for finding in damaged):
        yield "Checkpoints: `qmd verify --repair` keeps the whole ledger anew, if it is sound, and deletes the damaged ones."
    rest = [finding for finding in damaged if not _is_checkpoint(finding)]
    if not any(finding.kind == "mismatch" or _is_of_ledger(finding) for finding in rest):
        return
    if are_broken(lake):
        yield (
            "The commit records: put the folder log back from a backup. If the ledger itself is sound, "
            "`qmd verify --repair` keeps all of it instead."
        )
    else:
        yield "The ledger: `qmd rebuild` makes it again from the commit records."


def draw(done: Repaired) -> None:
    """Say what was taken out, and how to get it again."""
    if done.checkpoint is not None:
        show.say(
            f"The whole ledger is kept beside the records, as of commit {done.checkpoint}: no earlier one is needed.\n"
        )
    if not done.losses:
        return
    show.say("Damaged files are in quarantine now. Missing since then, and what fetches it again:")
    for loss in done.losses:
        size = show.counted(loss.candles, "candle") if loss.windows else "all rows"
        show.say(f"  {loss.partition}: {size}\n    {show.plain(loss.remedy)}")
    show.say()


def _is_checkpoint(finding: Finding) -> bool:
    return finding.path.endswith(CHECKPOINT)


def _is_of_ledger(finding: Finding) -> bool:
    """Whether the ledger is what is damaged; all files of the lake that hold rows are Parquet."""
    return not finding.path.endswith(".parquet")
