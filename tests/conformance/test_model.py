"""The lake against a dict: whatever is written, replayed, sealed, vacuumed, pinned, rebuilt, both say the same (P5-P9)."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from qmd_platform.errors import Vacuumed
from qmd_platform.lake.rebuild import rebuild
from qmd_platform.lake.sealing import seal
from qmd_platform.lake.store import Rejected, Write
from qmd_platform.lake.vacuum import vacuum
from qmd_platform.model.candles import Candles
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, iso
from tests.conformance.backends import Backend
from tests.conformance.figures import record
from tests.conformance.making import clock, far_future, steps_of
from tests.conformance.model import Model, bits, said

SERIES = Series.candles(Market.parse("gate:ETH/USDT"), Timeframe.M15)
STEP = SERIES.timeframe.step
MONTHS = (Partition(SERIES, "2026-01"), Partition(SERIES, "2026-02"))
WHOLE = Window(MONTHS[0].window.start, MONTHS[1].window.end)

# Both sides of where a month is cut into slots (every 1,440 candles), its ends, and one in the middle.
steps = st.sampled_from([0, 1, 2, 700, 1439, 1440, 1441, 2686, 2687])
edges = st.sampled_from([0, 1, 3, 700, 1440, 1500, 2688])
spans = st.tuples(edges, edges).filter(lambda two: two[0] != two[1]).map(sorted)
prices = st.sampled_from([1.0, 2.5, 0.1 + 0.2, -0.0, float("nan"), 1e308])
times = st.none() | st.integers(1, 4)


@st.composite
def writes(draw: st.DrawFn, partition: Partition) -> Write:
    rows = draw(st.dictionaries(steps, prices, max_size=6))
    at = partition.window.start + np.array(list(rows), np.int64) * STEP
    price = np.array(list(rows.values()), np.float64)
    empty = [steps_of(partition, *span) for span in draw(st.lists(spans, max_size=1))]
    return Write(
        partition,
        Candles(at, price, price, price, price, np.abs(price)).to_arrow(),
        asked=tuple(steps_of(partition, *span) for span in draw(st.lists(spans, max_size=2))),
        explained=tuple(Run(window, State.VERIFIED_EMPTY, "no trades") for window in empty),
        source_rank=draw(st.integers(0, 1)),
        fetched_at=draw(times),
        replace=draw(st.booleans()),
        rejected=tuple(
            Rejected(partition.window.start + step * STEP, {"open": 1.0, "high": float("nan")}, reason)
            for step, reason in draw(st.lists(st.tuples(steps, st.sampled_from(["too high", "torn"])), max_size=2))
        ),
        evidence=tuple(
            Answered(steps_of(partition, *span), at, what)
            for span, at, what in draw(st.lists(st.tuples(spans, st.integers(1, 4), st.sampled_from("ab")), max_size=2))
        ),
    )


class LakeMachine(RuleBasedStateMachine):
    """The lake and the dict, side by side."""

    backend: Backend
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.at = self.backend.fresh()
        self.lake = self.at.open()
        self.model = Model()
        self.model.keep(0)
        self.keyed: list[tuple[list[Write], str]] = []
        self.pins: dict[str, int] = {}
        self.kept = 0
        """Snapshots from this commit on must be readable."""

    @rule(first=writes(MONTHS[0]), second=writes(MONTHS[1]), both=st.booleans(), key=st.booleans())
    def commit(self, *, first: Write, second: Write, both: bool, key: bool) -> None:
        batch = [first, second] if both else [first]
        idem_key = str(len(self.keyed)) if key else None
        if idem_key is not None:
            self.keyed.append((batch, idem_key))
        number, _ = self.lake.commit(batch, run_id="r", source="s", idem_key=idem_key)
        self.model.commit(batch, number)

    @rule(write=writes(MONTHS[1]))
    def commit_twice(self, write: Write) -> None:
        first = self.lake.commit([write], run_id="r", source="s")[0]
        self.model.commit([write], first)
        again, (outcome,) = self.lake.commit([write], run_id="r", source="s")
        assert (again, outcome.wrote) == (first + bool(write.evidence), False)
        if write.evidence:
            self.model.commit([write], again)

    @precondition(lambda self: self.keyed)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        batch, idem_key = data.draw(st.sampled_from(self.keyed))
        before = self.lake.ledger.last_commit()
        self.lake.commit(batch, run_id="again", source="s", idem_key=idem_key)
        assert self.lake.ledger.last_commit() == before

    @rule()
    def seal(self) -> None:
        seal(self.lake, run_id="r", now=far_future())
        self.note()
        months = [segment.partition for segment in self.lake.ledger.segments(SERIES)]
        assert len(months) == len(set(months))

    @rule(data=st.data())
    def pin(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from([one for one in self.model.past if one >= self.kept]))
        name = f"pin-{len(self.model.past)}"
        if name not in self.pins:
            self.lake.ledger.pin(name, at=number)
            self.pins[name] = number
            self.note()

    @precondition(lambda self: self.pins)
    @rule(data=st.data())
    def unpin(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.pins)))
        self.lake.ledger.unpin(name)
        del self.pins[name]
        self.note()

    @rule(keep=st.booleans(), grace=st.booleans())
    def vacuum(self, *, keep: bool, grace: bool) -> None:
        for_ever = 2 * far_future()
        vacuum(
            self.lake,
            run_id="r",
            now=far_future(),
            keep_ms=for_ever if keep else 0,
            grace_ms=for_ever if grace else 0,
        )
        self.note()
        if not keep:
            self.kept = self.lake.ledger.last_commit()

    @rule()
    def reopen(self) -> None:
        self.lake.close()
        self.lake = self.at.open()

    @precondition(lambda self: len(self.model.past) > 1)
    @rule()
    def rebuild(self) -> None:
        self.lake.close()
        self.at = self.at.without_ledger()
        rebuild(self.at.root, now=clock(), postgres=self.at.postgres, files=self.at.files)
        self.lake = self.at.open()

    @rule(data=st.data())
    def read_the_past(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.model.past)))
        named = [name for name, pinned in self.pins.items() if pinned == number]
        at = next((one.at for one in self.lake.ledger.log(limit=10_000) if one.id == number), None)
        is_last = at is not None and not any(one.at == at and one.id > number for one in self.lake.ledger.log())
        spelled = [number, str(number), *named, *([iso(at)] if is_last else [])]
        for as_of in spelled:
            try:
                held = self.lake.held(SERIES, WHOLE, as_of=as_of)
            except Vacuumed:
                assert number < self.kept
                assert not named
                continue
            past = self.model.past[number]
            assert bits(held.candles) == {time: row.bits for time, row in past.rows.items()}
            assert said(held.runs, STEP) == past.known
            assert held.commit == number

    @invariant()
    def the_rows_are_those_of_the_dict(self) -> None:
        type(self).steps += 1
        candles = self.lake.candles(SERIES)
        assert bits(candles) == {at: row.bits for at, row in self.model.rows.items()}
        assert candles.open_at.tolist() == sorted(self.model.rows)

    @invariant()
    def every_candle_is_in_the_state_it_was_said_to_be(self) -> None:
        assert said(self.lake.coverage(SERIES, WHOLE), STEP) == self.model.known

    @invariant()
    def every_candle_that_is_not_there_was_asked_for_as_often_as_it_was(self) -> None:
        found = {
            at: (one.asks, one.last_at)
            for one in self.lake.attempts(SERIES)
            for at in range(one.window.start, one.window.end, STEP)
        }
        assert found == self.model.asked
        assert set(self.lake.evidence(SERIES)) == self.model.evidence

    @invariant()
    def versions_count_what_changed(self) -> None:
        versions = {state.partition: state.version for state in self.lake.states()}
        assert versions == {partition: version for partition, version in self.model.versions.items() if version}

    @invariant()
    def every_rejected_row_is_kept_once(self) -> None:
        found = [(one.open_at, one.reason) for month in MONTHS for one in self.lake.ledger.rejected(month)]
        assert sorted(found) == sorted(self.model.rejected)

    @invariant()
    def revisions_are_what_was_there_and_is_not_any_more(self) -> None:
        found = [(one.commit, one.open_at) for one in self.lake.ledger.revisions(SERIES)]
        assert sorted(found) == sorted((number, at) for number, at, _, _ in self.model.revised)

    def note(self) -> None:
        """Whatever commits were made, the rows are as before."""
        for number in range(max(self.model.past) + 1, self.lake.ledger.last_commit() + 1):
            self.model.keep(number)

    def teardown(self) -> None:
        assert self.lake.verify() == []
        self.lake.close()
        self.at.wipe()


def test_the_lake_says_what_a_dict_says(backend: Backend, examples: int):
    class Machine(LakeMachine):
        """On this backend."""

    Machine.backend = backend
    run_state_machine_as_test(Machine, settings=settings(max_examples=examples, stateful_step_count=14, deadline=None))
    record("model, steps against a dict", backend.name, trials=Machine.steps)
