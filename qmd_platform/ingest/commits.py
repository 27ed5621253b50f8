"""What came of a month, written to the lake.

What lives here: the commits of one month and their fence. What does not: what came (``ingest.gathered``), merging
(``lake``).

The archive's rows and the API's are two commits, each with its source, the API's last: of a candle that both have, the
API has the say. A holder whose lease was thought dead and that comes back is fenced by compare-and-swap: its rows merge as
any rows do, but what it says of candles that are not there is dropped, for the partition has moved on since it looked.

Longer candles that a commit makes wrong go with it (``ingest.following``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qmd_platform.errors import Conflict, Outdated
from qmd_platform.ingest.fetched import Fetched
from qmd_platform.ingest.following import follow, overtaken
from qmd_platform.ingest.gathered import Gathered
from qmd_platform.ingest.rollup import TRIES
from qmd_platform.ingest.shared import Shared
from qmd_platform.lake.store import Lake, Outcome, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run, State, in_state, intersected, subtracted
from qmd_platform.model.window import Instant, Window


@dataclass(frozen=True, slots=True)
class Todo:
    """A month as it was found under its lease.

    Attributes:
        version: of the partition; 0 for none.
        held: what is known of the part of the month that is wanted.
        windows: what to ask for.
        unlisted: what nobody need be asked for, with causes; not known to the lake yet.
    """

    version: int
    held: tuple[Run, ...]
    windows: list[Window]
    unlisted: list[Run]

    @property
    def present(self) -> list[Window]:
        """The candles that are there and are read again."""
        return intersected(self.windows, in_state(self.held, State.PRESENT))

    @property
    def again(self) -> list[Window]:
        """What is asked again of what the API has answered before."""
        return intersected(self.windows, in_state(self.held, State.PRESENT, State.VERIFIED_EMPTY))


def of_month(shared: Shared, partition: Partition, todo: Todo, got: Gathered, fetched_at: Instant) -> list[Outcome]:
    """Commit the month. ``fetched_at`` is before the first request.

    So of two workers that fetched the same candle, the one that asked later has the say, whoever commits first.
    """
    outcomes: list[Outcome] = []
    seen: int | None = todo.version
    if got.shelf.taken:
        files = _write(partition, [part for one in got.shelf.taken for part in one.parts], fetched_at)
        files = replace(files, evidence=tuple(one.evidence for one in got.shelf.taken), seen=seen)
        outcome, is_fenced = _committed(shared, files, f"{shared.source}/archive")
        outcomes.append(outcome)
        seen = None if is_fenced else outcome.version
    pages = _write(partition, got.fetched, fetched_at)
    unsaid = [*(window for page in got.fetched for window in page.undecided), *_unlearnt(todo, pages.explained)]
    pages = replace(
        pages,
        asked=tuple(subtracted([*got.asked, *(run.window for run in todo.unlisted)], unsaid)),
        explained=(*todo.unlisted, *pages.explained),
        evidence=(*pages.evidence, *got.shelf.failed),
        seen=seen,
    )
    outcome, _ = _committed(shared, pages if seen is not None else _without_claims(pages), shared.source)
    return [*outcomes, outcome]


def _unlearnt(todo: Todo, explained: Sequence[Run]) -> list[Window]:
    """What is known to be empty and was asked for again without an answer: it is as it was."""
    return intersected(in_state(todo.held, State.VERIFIED_EMPTY), in_state(explained, State.MISSING))


def _write(partition: Partition, fetched: Sequence[Fetched], fetched_at: Instant) -> Write:
    parts = sorted(fetched, key=lambda page: page.window)
    return Write(
        partition,
        Candles.concat([page.candles for page in parts]).to_arrow(),
        explained=tuple(run for page in parts for run in page.explained),
        rejected=tuple(row for page in parts for row in page.rejected),
        evidence=tuple(answer for page in parts for answer in page.evidence),
        fetched_at=fetched_at,
    )


def _committed(shared: Shared, write: Write, source: str) -> tuple[Outcome, bool]:
    """The outcome, and whether the partition had moved on, so that what the write claims was left out."""
    try:
        return followed(shared.lake, write, run_id=shared.run_id, source=source), False
    except Outdated:
        return followed(shared.lake, _without_claims(write), run_id=shared.run_id, source=source), True


def followed(lake: Lake, write: Write, *, run_id: str, source: str) -> Outcome:
    """Commit, and make the longer candles again that this makes wrong.

    Raises:
        Outdated: the partition has moved on from what the write has seen.
        Conflict: others rolled the longer ones up, many times in a row.
    """
    partition = write.partition
    rows = Candles.from_arrow(write.rows)
    for _ in range(TRIES):
        wrong = overtaken(lake, partition, rows)
        try:
            _, (outcome, *_) = lake.commit([write, *wrong], run_id=run_id, source=source)
        except Outdated:
            state = lake.state(partition)
            if write.seen is not None and write.seen != (state.version if state else 0):
                raise
            continue  # it was one of the longer ones
        follow(lake, partition, wrong, run_id=run_id)
        return outcome
    raise Conflict(f"{TRIES} times in a row the candles made of {partition} changed first", hint="run it again")


def _without_claims(write: Write) -> Write:
    """Its rows and its evidence, and nothing of candles that are not there."""
    return replace(write, asked=(), explained=(), seen=None)
