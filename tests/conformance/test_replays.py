"""The same upserts in any order, any number of times, give the same content (P5, P6)."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.series import Partition
from qmd_platform.model.spans import Run
from tests.conformance.backends import Backend
from tests.conformance.figures import record
from tests.conformance.model import bits
from tests.conformance.test_model import MONTHS, SERIES, WHOLE, writes

Content = tuple[dict[Partition, str], dict[int, bytes], list[Run]]


@st.composite
def upserts(draw: st.DrawFn) -> list[Write]:
    """Writes that each say when they were fetched: no two at the same time from sources that count the same."""
    several = draw(st.lists(st.sampled_from(MONTHS).flatmap(writes), min_size=2, max_size=4))
    ranks = draw(st.permutations([(rank, time) for rank in range(2) for time in range(2)]))
    return [
        replace(write, source_rank=rank, fetched_at=time, explained=(), rejected=(), replace=False)
        for write, (rank, time) in zip(several, ranks, strict=False)
    ]


def test_any_order_and_any_repetition_give_the_same_content(backend: Backend, examples: int):
    @settings(max_examples=examples, deadline=None)
    @given(upserts(), st.data())
    def run(once: list[Write], data: st.DataObject) -> None:
        repeated = data.draw(st.lists(st.sampled_from(once), max_size=3))
        again = data.draw(st.permutations([*once, *repeated]))
        assert content(backend.fresh(), once) == content(backend.fresh(), again)

    run()
    record("the same upserts in another order", backend.name, trials=examples)


def content(backend: Backend, upserts: list[Write]) -> Content:
    """What a lake says after these upserts, one commit each."""
    with backend.open() as lake:
        for write in upserts:
            lake.commit([write], run_id="r", source="s")
        found = said(lake)
    backend.wipe()
    return found


def said(lake: Lake) -> Content:
    """Data versions, rows and coverage."""
    versions = {state.partition: state.data_version for state in lake.states() if state.rows}
    return versions, bits(lake.candles(SERIES)), lake.coverage(SERIES, WHOLE)
