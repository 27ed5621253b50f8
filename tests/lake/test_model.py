"""The lake against a dict: whatever is written, replayed, reopened, in whatever order, both say the same."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from qmd_platform.lake.store import Lake, Write
from qmd_platform.lake.writes import NOT_RECEIVED
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window

DAY = 86_400_000
SERIES = Series.candles(Market.parse("gate:ETH/USDT"), Timeframe.D1)
MONTHS = (Partition(SERIES, "2026-01"), Partition(SERIES, "2026-02"))
WHOLE = Window(MONTHS[0].window.start, MONTHS[1].window.end)

days = st.integers(0, 27)
prices = st.sampled_from([1.0, 2.5, 0.1 + 0.2, -0.0, float("nan")])
spans = st.tuples(days, days).map(lambda two: (min(two), max(two) + 1))


@st.composite
def writes(draw: st.DrawFn, partition: Partition) -> Write:
    rows = draw(st.dictionaries(days, prices, max_size=6))
    start = partition.window.start
    price = np.array(list(rows.values()), np.float64)
    candles = Candles(start + np.array(list(rows), np.int64) * DAY, price, price, price, price, price)
    asked = [Window(start + first * DAY, start + last * DAY) for first, last in draw(st.lists(spans, max_size=2))]
    empty = [Window(start + first * DAY, start + last * DAY) for first, last in draw(st.lists(spans, max_size=1))]
    return Write(
        partition,
        candles.to_arrow(),
        asked=tuple(asked),
        explained=tuple(Run(window, State.VERIFIED_EMPTY, "no trades") for window in empty),
        replace=draw(st.booleans()),
    )


class LakeMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.lake = Lake.open(Path(self.folder.name))
        self.rows: dict[int, bytes] = {}
        self.known: dict[int, tuple[State, str]] = {}
        self.past: dict[int, dict[int, bytes]] = {0: {}}
        self.keyed: list[tuple[list[Write], str]] = []

    @rule(first=writes(MONTHS[0]), second=writes(MONTHS[1]), both=st.booleans(), key=st.booleans())
    def commit(self, *, first: Write, second: Write, both: bool, key: bool) -> None:
        batch = [first, second] if both else [first]
        idem_key = str(len(self.keyed)) if key else None
        if idem_key is not None:
            self.keyed.append((batch, idem_key))
        number, _ = self.lake.commit(batch, run_id="r", source="s", idem_key=idem_key)
        for write in batch:
            self.apply(write)
        self.past[number] = dict(self.rows)

    @rule(write=writes(MONTHS[1]))
    def commit_twice(self, write: Write) -> None:
        first = self.lake.commit([write], run_id="r", source="s")[0]
        again, (outcome,) = self.lake.commit([write], run_id="r", source="s")
        assert (again, outcome.wrote) == (first, False)
        self.apply(write)
        self.past[first] = dict(self.rows)

    @precondition(lambda self: self.keyed)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        batch, idem_key = data.draw(st.sampled_from(self.keyed))
        self.lake.commit(batch, run_id="again", source="s", idem_key=idem_key)

    @rule()
    def reopen(self) -> None:
        self.lake.close()
        self.lake = Lake.open(Path(self.folder.name))

    @rule(data=st.data())
    def read_the_past(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.past)))
        assert as_dict(Candles.from_arrow(self.lake.read(SERIES, as_of=number))) == self.past[number]

    @invariant()
    def the_rows_are_those_of_the_dict(self) -> None:
        candles = self.lake.candles(SERIES)
        assert as_dict(candles) == self.rows
        assert candles.open_at.tolist() == sorted(self.rows)

    @invariant()
    def every_day_is_in_the_state_it_was_said_to_be(self) -> None:
        runs = self.lake.coverage(SERIES, WHOLE)
        found = {at: (run.state, run.cause) for run in runs for at in range(run.window.start, run.window.end, DAY)}
        assert found == self.known

    def apply(self, write: Write) -> None:
        written = as_dict(Candles.from_arrow(write.rows))
        window = write.partition.window
        if write.replace:
            for at in [at for at in self.rows if window.contains(at)]:
                del self.rows[at]
                del self.known[at]
        self.rows |= written
        asked = {at for one in write.asked for at in range(one.start, one.end, DAY)}
        empty = {at for run in write.explained for at in range(run.window.start, run.window.end, DAY)}
        for at in asked:
            self.known[at] = (State.VERIFIED_EMPTY, "no trades") if at in empty else (State.MISSING, NOT_RECEIVED)
        self.known |= dict.fromkeys(self.rows, (State.PRESENT, ""))

    def teardown(self) -> None:
        assert self.lake.verify() == []
        self.lake.close()
        self.folder.cleanup()


def as_dict(candles: Candles) -> dict[int, bytes]:
    return {int(at): price.tobytes() for at, price in zip(candles.open_at, candles.close, strict=True)}


TestLakeAgainstDict = LakeMachine.TestCase
TestLakeAgainstDict.settings = settings(max_examples=8, stateful_step_count=12, deadline=None)
