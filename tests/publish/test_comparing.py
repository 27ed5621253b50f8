"""What a store lacks, since when it lacks it, and which of it is nobody's fault."""

import pytest

from qmd_platform.lake.store import Lake, Write
from qmd_platform.publish.comparing import Comparison, Difference, compare
from qmd_platform.publish.loading import publish
from tests.publish.serving import HOURS, MINUTES, OF_SPOT, PostgresTarget, candles, put
from tests.servers import fresh_database

NOON = 1_760_000_000_000


def difference(
    *, lake: str = "b", store: str = "a", rows: tuple[int, int, int | None] = (3, 2, 2), since: int | None = NOON
):
    in_lake, there, loaded = rows
    return Difference(MINUTES, lake, store, in_lake, there, loaded, since)


@pytest.mark.parametrize(
    ("one", "is_excused"),
    [
        (difference(), True),
        (difference(since=NOON - 2), False),
        (difference(since=None), False),  # the lake has it no more, or nobody knows
        (difference(rows=(3, 1, 2)), False),  # a row that was loaded is gone
        (difference(rows=(3, 1, None)), True),  # a load was stopped a moment ago
        (difference(store="", rows=(3, 0, 0)), True),  # a new month
        (difference(lake="a", rows=(2, 3, 2)), False),  # somebody wrote there
    ],
)
def test_a_change_of_a_moment_ago_is_excused_and_nothing_else(
    one: Difference,
    is_excused: bool,  # noqa: FBT001 - of the table above
):
    assert one.is_excused(after=NOON - 1) is is_excused


def compared(lake: Lake, target: PostgresTarget) -> Comparison:
    store = target.store()
    (found,) = compare(lake, store, ["candles_1m"])
    store.close()
    return found


@pytest.mark.postgres
def test_a_store_is_behind_since_the_first_change_it_lacks(lake: Lake, postgres: str):
    target = PostgresTarget(fresh_database(postgres))
    first = {str(one.partition): one.since for one in compared(lake, target).differences}
    (began,) = set(first.values())
    assert began == lake.ledger.committed_at(1)
    publish(lake, target.store())
    for price in (1.5, 2.5, 3.5):
        put(lake, Write(MINUTES, candles(MINUTES, [0], price).to_arrow()))
    put(lake, Write(HOURS, candles(HOURS, [0], 1.5).to_arrow()))
    (one,) = compared(lake, target).differences
    last = lake.ledger.last_commit()
    assert (one.since, lake.ledger.committed_at(last - 3)) == (lake.ledger.committed_at(last - 3), one.since)
    assert (one.store_rows, one.loaded_rows, one.is_spoilt) == (45, 45, False)


@pytest.mark.postgres
def test_a_row_that_vanished_is_told_while_the_store_is_behind_too(lake: Lake, postgres: str):
    target = PostgresTarget(fresh_database(postgres))
    publish(lake, target.store())
    put(lake, Write(OF_SPOT, candles(OF_SPOT, [100, 101], 1.5).to_arrow()))
    with target.asked() as cursor:
        cursor.execute("DELETE FROM market_data.candles_1m WHERE venue = 'gate' AND open_at = '2026-02-01Z'")
    (one,) = compared(lake, target).differences
    assert (one.is_stale, one.is_spoilt, one.lake_rows, one.store_rows, one.loaded_rows) == (True, True, 13, 10, 11)
