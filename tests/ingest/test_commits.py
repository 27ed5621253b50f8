"""What a month's commits keep and leave out: for its holder, and for one whose lease was thought dead."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.config import open_coordination
from qmd_platform.coverage.causes import AGREED, UNLISTED, UNPROVEN
from qmd_platform.coverage.sources import Source
from qmd_platform.ingest.archived import Shelved, Taken
from qmd_platform.ingest.asking import Asking
from qmd_platform.ingest.commits import Todo, of_month
from qmd_platform.ingest.fetched import Fetched, Question
from qmd_platform.ingest.gathered import Gathered
from qmd_platform.ingest.pages import convinced
from qmd_platform.ingest.shared import Progress, Shared
from qmd_platform.lake.store import Lake, Outcome, Rejected
from qmd_platform.lake.writes import NOT_RECEIVED
from qmd_platform.model.candles import Candles
from qmd_platform.model.evidence import Answered, Attempt
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, State, windows_of
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.venues.port import Traffic
from tests.ingest.scripted import MARKET, MINUTE, ScriptedVenue, minutes

SERIES = Series.candles(MARKET, Timeframe.M1)
MONTH = Partition(SERIES, "1970-01")
EARLY, LATE = 1_000_000, 2_000_000
"""When rows were fetched."""


def minute(start: int, end: int | None = None) -> Window:
    return Window(start * MINUTE, (start + 1 if end is None else end) * MINUTE)


def quiet(_: Progress) -> None:
    """Nobody watches."""


def answer(window: Window, at: int, error: str = "") -> Answered:
    return Answered(window, at, "publicGetKlines", "" if error else f"{at:064x}", 0, error)


def rejected(at: int) -> Rejected:
    return Rejected(at * MINUTE, {"open": 1.0, "high": 1.0, "low": 2.0, "close": 1.0, "volume": 1.0}, "low above high")


def page(window: Window, rows: Candles, explained: Sequence[Run] = (), at: int = EARLY, **more: object) -> Fetched:
    return Fetched(window, rows, list(explained), evidence=[answer(window, at)], is_done=True, **more)


def taken(window: Window, rows: Candles, at: int = EARLY) -> Taken:
    evidence = Answered(window, at, "/data/spot/monthly/a.zip", f"{at:064x}", len(rows))
    return Taken(Source.MONTH, [Fetched(window, rows, is_done=True)], evidence)


@dataclass
class Month:
    """A lake, and its month as a holder of the lease finds it and commits to it."""

    shared: Shared
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def lake(self) -> Lake:
        return self.shared.lake

    def found(self, part: Window, windows: Sequence[Window] = (), unlisted: Sequence[Run] = ()) -> Todo:
        """What a holder finds now."""
        state = self.lake.state(MONTH)
        held = tuple(self.lake.coverage(SERIES, part))
        return Todo(state.version if state else 0, held, list(windows) or [part], list(unlisted))

    def commit(
        self,
        todo: Todo,
        *pages: Fetched,
        at: int = EARLY,
        files: Sequence[Taken] = (),
        failed: Sequence[Answered] = (),
    ) -> list[Outcome]:
        """What a holder who found ``todo`` commits of what it got."""
        shelf = Shelved([], list(files), list(failed))
        outcomes = of_month(self.shared, MONTH, todo, Gathered([one.window for one in pages], list(pages), shelf), at)
        self.outcomes += outcomes
        return outcomes

    def told(self, window: Window) -> list[Run]:
        return self.lake.coverage(SERIES, window)

    def evidence(self, window: Window) -> set[Answered]:
        return {one for _, one in self.lake.evidence(SERIES, window)}


@contextmanager
def opened(folder: Path) -> Iterator[Month]:
    with Lake.open(folder / "lake") as lake, open_coordination(lake) as coordination:
        yield Month(Shared(lake, "run", "sandbox:binance", quiet, Asking(), coordination, float("inf")))


@pytest.fixture
def month(tmp_path: Path) -> Iterator[Month]:
    with opened(tmp_path) as found:
        yield found


PART = minute(0, 10)
FIRST = (
    Run(minute(3), State.VERIFIED_EMPTY, AGREED),
    Run(minute(5), State.QUARANTINED, "low above high"),
    Run(minute(8, 10), State.MISSING, UNPROVEN),
)


def first(at: int = EARLY) -> Fetched:
    """Minutes 0 to 9 with an empty one, a bad one, and two that did not come."""
    return page(PART, minutes(0, 1, 2, 4, 6, 7), FIRST, at, rejected=[rejected(5)])


def test_a_holder_keeps_rows_claims_evidence_and_what_it_rejected(month: Month):
    (outcome,) = month.commit(month.found(PART), first())
    assert (outcome.version, outcome.new) == (1, 6)
    assert month.told(PART) == [
        Run(minute(0, 3), State.PRESENT),
        FIRST[0],
        Run(minute(4), State.PRESENT),
        FIRST[1],
        Run(minute(6, 8), State.PRESENT),
        FIRST[2],
    ]
    assert month.evidence(PART) == {answer(PART, EARLY)}
    assert month.lake.ledger.rejected_of([MONTH]) == {MONTH: [rejected(5)]}


def test_nothing_is_said_of_what_is_undecided_or_was_not_asked(month: Month):
    month.commit(month.found(PART), page(minute(0, 6), minutes(0, 1), undecided=[minute(4, 6)]))
    # Minutes 2 and 3 were asked for, did not come, and nobody explained why.
    assert month.told(PART) == [Run(minute(0, 2), State.PRESENT), Run(minute(2, 4), State.MISSING, NOT_RECEIVED)]


def test_what_is_before_the_listing_is_said_without_asking(month: Month):
    unlisted = Run(minute(0, 4), State.UNLISTED, UNLISTED)
    month.commit(month.found(PART, unlisted=[unlisted]), page(minute(4, 6), minutes(4, 5)))
    assert month.told(PART) == [unlisted, Run(minute(4, 6), State.PRESENT)]


def newer(month: Month) -> list[Run]:
    """Another worker does the month: all is there, minute 8 is empty, minutes 0 and 1 are restated."""
    rows = Candles.concat([minutes(0, 1, shift=7.0), minutes(2, 3, 4, 5, 6, 7, 9)])
    month.commit(month.found(PART), page(PART, rows, [Run(minute(8), State.VERIFIED_EMPTY, AGREED)], LATE), at=LATE)
    return month.told(PART)


def test_a_holder_that_was_overtaken_takes_nothing_away(month: Month):
    todo = month.found(PART)
    told = newer(month)
    rows = month.lake.candles(SERIES)
    (outcome,) = month.commit(todo, first())
    assert month.told(PART) == told
    assert month.lake.candles(SERIES).equals(rows), "the rows it fetched before are not put over the newer ones"
    assert (outcome.new, outcome.changed) == (0, 0)


def test_a_holder_that_was_overtaken_has_its_evidence_and_its_rejected_rows_kept(month: Month):
    todo = month.found(PART)
    newer(month)
    before = month.lake.attempts(SERIES, PART)
    assert before == [Attempt(minute(8), 1, LATE)]
    month.commit(todo, first())
    assert month.evidence(PART) == {answer(PART, EARLY), answer(PART, LATE)}
    assert month.lake.ledger.rejected_of([MONTH]) == {MONTH: [rejected(5)]}
    assert month.lake.attempts(SERIES, PART) == [Attempt(minute(8), 2, LATE)]


def test_a_holder_that_was_overtaken_adds_the_rows_that_only_it_has(month: Month):
    todo = month.found(minute(0, 30))
    newer(month)
    (outcome,) = month.commit(
        todo, first(), page(minute(20, 30), minutes(20, 21), [Run(minute(22, 30), State.VERIFIED_EMPTY, AGREED)])
    )
    assert outcome.new == 2
    assert month.told(minute(20, 30)) == [Run(minute(20, 22), State.PRESENT)], "and its claims beside them are left out"


def test_who_is_fenced_at_the_archive_is_fenced_at_the_api(month: Month):
    """The version that the archive's late commit makes is not one its holder has looked at."""
    todo = month.found(minute(0, 20))
    told = newer(month)
    rows = minutes(*range(10, 20))
    month.commit(todo, first(), files=[taken(minute(10, 20), rows)])
    assert month.told(PART) == told
    assert month.told(minute(10, 20)) == [Run(minute(10, 20), State.PRESENT)]


def test_the_archives_commit_comes_first_and_the_api_has_the_say(month: Month):
    files = taken(minute(0, 10), minutes(*range(10)))
    sample = page(minute(4, 6), minutes(4, 5, shift=3.0))
    failed = answer(minute(10, 20), EARLY, "binance: no such file")
    archive, api = month.commit(month.found(PART), sample, files=[files], failed=[failed])
    assert (archive.version, archive.new) == (1, 10)
    assert (api.version, api.changed, api.unchanged) == (2, 2, 0)
    commits = [(one.version, one.source) for one in month.lake.ledger.versions(SERIES)]
    assert commits == [(2, "sandbox:binance"), (1, "sandbox:binance/archive")]
    held = month.lake.candles(SERIES)
    assert held.within(minute(4, 6)).equals(minutes(4, 5, shift=3.0))
    assert held.within(minute(6, 10)).equals(minutes(6, 7, 8, 9))
    assert month.evidence(PART) == {files.evidence, *sample.evidence}
    assert month.evidence(minute(10, 20)) == {failed}


def test_of_two_that_fetched_a_candle_the_one_that_asked_later_has_the_say_whoever_commits_first(month: Month):
    todo = month.found(PART)
    month.commit(todo, page(PART, minutes(*range(10), shift=5.0), at=LATE), at=LATE)
    month.commit(todo, page(PART, minutes(*range(10))))
    assert month.lake.candles(SERIES).equals(minutes(*range(10), shift=5.0))


def test_what_is_verified_empty_is_not_missing_because_a_question_failed(month: Month):
    month.commit(month.found(PART), first())
    again = Fetched(PART, explained=[Run(PART, State.MISSING, "binance: 503")], is_done=True)
    again.evidence.append(answer(PART, LATE, "binance: 503"))
    month.commit(month.found(PART), again, at=LATE)
    assert month.told(minute(3)) == [FIRST[0]]
    assert month.told(minute(8, 10)) == [Run(minute(8, 10), State.MISSING, "binance: 503")]
    assert month.lake.attempts(SERIES, minute(3)) == [Attempt(minute(3), 2, LATE)]


def test_asked_in_vain_again_is_kept_though_nothing_changed(month: Month):
    month.commit(month.found(PART), first())
    (outcome,) = month.commit(month.found(PART), first(LATE), at=LATE)
    assert (outcome.version, outcome.new, outcome.changed, outcome.unchanged) == (1, 0, 0, 6)
    assert month.lake.attempts(SERIES, minute(8, 10)) == [Attempt(minute(8, 10), 2, LATE)]


def test_every_part_of_a_long_outage_keeps_the_answers_that_prove_it(month: Month):
    """The venue is asked once where it goes on; later pages, of other months too, rest on what it said then."""
    venue = ScriptedVenue(lambda *_: Candles.empty(), omits=False, limit=20, onward=lambda *_: minutes(900))
    question = Question(venue, MARKET, Timeframe.M1, floor=0, closed=10_000 * MINUTE)
    pages = [Fetched(minute(first, first + 20)) for first in (100, 120, 140)]
    for one in pages:
        asyncio.run(convinced(question, one, Traffic()))
    assert len(venue.asked) == len(pages) + 2
    month.commit(month.found(minute(100, 160)), *pages)
    assert month.told(minute(100, 160)) == [Run(minute(100, 160), State.VERIFIED_EMPTY, AGREED)]
    for first in (100, 120, 140):
        empty, *proofs = sorted(month.lake.evidence(SERIES, minute(first)), key=lambda one: one[1].rows)
        assert (empty[1].window, empty[1].rows) == (minute(first, first + 20), 0)
        assert [(one.window, one.rows) for _, one in proofs] == [(minute(100, 901), 1)] * len(proofs)
    assert [len(one.evidence) for one in pages] == [3, 3, 3], "each its own answer, and the two"


NUMBERS = st.sets(st.integers(0, 39))


@settings(max_examples=12)
@given(files=NUMBERS, api=NUMBERS, other=NUMBERS, is_late=st.booleans(), is_older=st.booleans())
def test_every_row_is_accounted_for_and_every_candle_of_all_is_there(
    *, files: set[int], api: set[int], other: set[int], is_late: bool, is_older: bool
):
    """Whoever committed meanwhile: rows in = new + changed + unchanged + outranked, and no row of either is lost."""
    everything = minute(0, 40)
    with TemporaryDirectory() as folder, opened(Path(folder)) as month:
        todo = month.found(everything)
        if is_late:
            month.commit(
                todo, page(everything, minutes(*sorted(other), shift=1.0)), at=LATE if is_older else EARLY // 2
            )
            month.outcomes.clear()
        shelf = [taken(everything, minutes(*sorted(files)))] if files else []
        month.commit(todo, page(everything, minutes(*sorted(api), shift=2.0)), files=shelf)
        counted = sum(one.new + one.changed + one.unchanged + one.outranked for one in month.outcomes)
        assert counted == len(files) + len(api)
        there = sorted(files | api | (other if is_late else set()))
        held = month.lake.candles(SERIES)
        assert (held.open_at // MINUTE).tolist() == there
        present = [run.window for run in month.told(everything) if run.state is State.PRESENT]
        assert present == windows_of(held.open_at, MINUTE)
