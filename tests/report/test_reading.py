"""Which pairs are on the board: the newest row of each, and where in the lake it is."""

from itertools import groupby
from operator import itemgetter

import numpy as np
import pytest

from qmd_platform.lake.segments import table_of
from qmd_platform.lake.store import Lake
from qmd_platform.model.arbitrage_tables import CASH_AND_CARRY, VENUE_SPREADS
from qmd_platform.model.columns import Table
from qmd_platform.report.reading import Snapshot, found, record
from qmd_platform.report.records import Pair
from tests.ingest.fundedlake import Row, rows
from tests.report.conftest import NOW, wanted

BOTH = (VENUE_SPREADS, CASH_AND_CARRY)


def markets_of(row: Row) -> tuple[str, ...]:
    return tuple(sorted((row["short_market"], row["long_market"])))


def by_pair(lake: Lake, table: Table, since: int) -> dict[tuple[str, ...], list[Row]]:
    """The rows of the window by pair, oldest first, told apart one by one."""
    inside = [row for row in rows(lake, table.name) if since <= row["seen_at"] <= NOW]
    inside.sort(key=lambda row: (markets_of(row), row["seen_at"]))
    return {pair: list(group) for pair, group in groupby(inside, key=markets_of)}


def kept(lake: Lake, pair: Pair) -> Row:
    """The row that is in the file, at the place, that the pair names."""
    series = pair.origin.partition.series
    (file,) = [one for one in lake.ledger.segments(series) if one.path == pair.origin.path]
    return record(table_of(pair.table, lake.blobs.data, [file]).select(list(pair.row)), pair.origin.row)


@pytest.mark.parametrize("table", BOTH, ids=lambda table: table.name)
def test_the_newest_row_of_every_pair_is_there_as_the_table_has_it(lake: Lake, table: Table):
    shown = found(Snapshot.of(lake), table, wanted()).pairs
    newest = {pair: group[-1] for pair, group in by_pair(lake, table, wanted().window.start).items()}
    assert {markets_of(dict(one.row)): one.row for one in shown} == newest
    assert shown, "a lake without a pair proves nothing"


@pytest.mark.parametrize("table", BOTH, ids=lambda table: table.name)
def test_each_row_is_in_the_file_and_at_the_place_it_is_said_to_be(lake: Lake, table: Table):
    for one in found(Snapshot.of(lake), table, wanted(days=60)).pairs:
        assert kept(lake, one) == one.row
        state = lake.state(one.origin.partition)
        assert state is not None
        assert (one.origin.version, one.origin.data_version) == (state.version, state.data_version)


def test_pairs_come_by_their_return_those_that_are_blocked_or_old_at_the_end(lake: Lake):
    shown = found(Snapshot.of(lake), VENUE_SPREADS, wanted()).pairs
    last = [(one.row["risk"] == "HIGH", -one.row["net_168h_per_year"]) for one in shown]
    assert last == sorted(last)
    assert len({net for _, net in last}) > 1


def test_only_the_best_are_shown_and_all_are_counted(lake: Lake):
    every = found(Snapshot.of(lake), VENUE_SPREADS, wanted())
    two = found(Snapshot.of(lake), VENUE_SPREADS, wanted(top=2))
    assert [one.row for one in two.pairs] == [one.row for one in every.pairs[:2]]
    assert two.total == every.total == len(every.pairs) == 6


def test_one_underlying_leaves_out_the_others_and_all_are_known(lake: Lake):
    one = found(Snapshot.of(lake), VENUE_SPREADS, wanted(underlying="DOGE"))
    assert {pair.row["underlying"] for pair in one.pairs} == {"DOGE"}
    assert one.underlyings == ("BTC", "DOGE")


def test_a_pair_that_is_older_than_the_window_is_not_there(lake: Lake):
    nothing = found(Snapshot.of(lake), VENUE_SPREADS, wanted(days=2, now=NOW + 10 * 86_400_000))
    assert (nothing.pairs, nothing.total) == ((), 0)


@pytest.mark.parametrize("days", [10, 45])
def test_it_earns_since_the_first_row_of_its_last_unbroken_run(lake: Lake, days: int):
    groups = by_pair(lake, VENUE_SPREADS, wanted(days=days).window.start)
    for one in found(Snapshot.of(lake), VENUE_SPREADS, wanted(days=days)).pairs:
        since = None
        group = groups[markets_of(dict(one.row))]
        for row in reversed(group):
            if row["short_market"] != one.row["short_market"] or not row["funding_per_hour"] > 0:
                break
            since = row["seen_at"]
        assert one.earns_since == since
        assert one.is_older == (since == group[0]["seen_at"])


def test_the_past_of_a_pair_is_told_in_the_direction_of_now(lake: Lake):
    (one,) = found(Snapshot.of(lake), VENUE_SPREADS, wanted(top=1)).pairs
    group = by_pair(lake, VENUE_SPREADS, wanted().window.start)[markets_of(dict(one.row))]
    turn = [1 if row["short_market"] == one.row["short_market"] else -1 for row in group]
    assert set(turn) == {1, -1}, "a pair that never turned proves nothing"
    told = zip(map(itemgetter("cumulative_difference"), group), turn, strict=True)
    assert one.history.earned.tolist() == pytest.approx([value * way for value, way in told])
    assert np.array_equal(one.history.at, [row["seen_at"] for row in group])


def test_what_is_committed_later_is_not_in_the_snapshot(lake: Lake):
    snapshot = Snapshot(lake, commit=1)
    assert found(snapshot, VENUE_SPREADS, wanted()).pairs == ()
