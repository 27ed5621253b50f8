"""Numbers for people, and the coverage bar, whose one promise is that nothing wrong is hidden by its width."""

from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.cli import show
from qmd_platform.model.spans import Run, State
from qmd_platform.model.window import Window


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_share_is_100_per_cent_only_when_nothing_is_missing(part: int, whole: int):
    assert (show.share(part, whole) == "100 %") == (part >= whole)


def test_sizes_and_durations_read_as_people_say_them():
    assert [show.size(n) for n in (0, 999, 1000, 1_450_000, 3 * 10**12)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.4 MB",
        "3.0 TB",
    ]
    assert [show.seconds(s) for s in (0.04, 9.94, 61, 185)] == ["0.0 s", "9.9 s", "61 s", "3 min 05 s"]
    assert show.counted(1, "candle") == "1 candle"
    assert show.counted(1234, "candle") == "1,234 candles"


@given(st.integers(1, 500), st.data())
def test_a_single_missing_minute_is_seen_whatever_the_bars_width(cells: int, data: st.DataObject):
    minute = data.draw(st.integers(0, 1439))
    gap = Window(minute, minute + 1)
    runs = [Run(Window(0, 1440), State.PRESENT), Run(gap, State.MISSING)]
    drawn = show.gravest(runs, Window(0, 1440), cells)
    assert drawn.count(State.MISSING) >= 1
    assert set(drawn) <= {State.MISSING, State.PRESENT}


@given(st.integers(1, 200), st.lists(st.tuples(st.integers(0, 999), st.integers(1, 300)), max_size=5))
def test_a_cell_is_blank_exactly_where_nothing_is_known(cells: int, spans: list[tuple[int, int]]):
    window = Window(0, 1000)
    runs = [Run(Window(at, at + length), State.PRESENT) for at, length in spans]
    drawn = show.gravest(runs, window, cells)
    known = {at for run in runs for at in range(run.window.start, min(run.window.end, 1000))}
    touched = {at * cells // 1000 for at in known}
    blank = {cell for cell, state in enumerate(drawn) if state is None}
    # An instant of many cells' width colours at least its first; a cell coloured without an instant is its rest.
    assert touched.isdisjoint(blank)
    assert bool(known) == (len(blank) < cells)


def test_what_is_written_by_a_venue_is_not_taken_for_markup():
    assert show.plain("[red]boo[/red]") == r"\[red]boo\[/red]"
