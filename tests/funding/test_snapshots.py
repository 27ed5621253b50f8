"""Bitfinex' status snapshots: the right positions, one settlement an event, predictions apart."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import BadPage
from qmd_platform.funding.predictions import prediction_errors
from qmd_platform.funding.snapshots import predictions_of, settlements_of, statuses
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import instant
from tests.funding.making import HOUR, START

STEP = 8 * HOUR
EVENTS = 12
KEYED: list[Any] = [
    "tBTCF0:USTF0",
    1691166585000,
    None,
    "29288.681009995",
    "29270.5",
    None,
    "36950860.76",
    None,
    "1691193600000",
]
KEYED += ["0.00003959", "573", None, "0.00014548", None, None, "29269.19", None, None, "9636.01345523"]
"""A public sample, 29 minutes and 45 seconds into its eight hours."""


def rate(event: int) -> float:
    """Rate of the event at START + event * STEP."""
    return round(1e-4 * np.sin(event) + 5e-5, 8)


def row(at: int) -> list[float | None]:
    """What Bitfinex says at an instant: what was paid at the last event, what has accrued for the next."""
    event, gone = divmod(at - START, STEP)
    fields: list[float | None] = [None] * 23
    fields[0], fields[2], fields[3], fields[7] = at, 99.0, 100.0, START + (event + 1) * STEP
    fields[8], fields[11], fields[14], fields[17] = rate(event + 1) * gone / STEP, rate(event), 101.0, 5.0
    return fields


def expected(first: int, last: int) -> Settlements:
    return Settlements.of(
        [START + event * STEP for event in range(first, last)], [rate(one) for one in range(first, last)]
    )


def test_mistake_27_every_field_is_read_from_its_own_position():
    found = statuses([KEYED])
    assert (found.seen_at[0], found.next_at[0]) == (1691166585000, 1691193600000)
    assert (found.perp[0], found.spot[0], found.mark[0]) == (29288.681009995, 29270.5, 29269.19)
    assert (found.accrued[0], found.current[0], found.open_interest[0]) == (0.00003959, 0.00014548, 9636.01345523)


def test_the_index_is_the_spot_price_not_the_contracts_own():
    found = statuses([KEYED])
    assert 1e4 * (found.mark[0] / found.spot[0] - 1) == pytest.approx(-0.45, abs=0.01)
    assert 1e4 * (found.mark[0] / found.perp[0] - 1) < -6, "the mistake: the price at position 2 taken for the index"


def test_rows_with_the_contracts_key_and_without_are_the_same():
    with_key, without = statuses([KEYED]), statuses([KEYED[1:]])
    assert [getattr(with_key, name)[0] for name in with_key.__slots__] == [
        getattr(without, name)[0] for name in without.__slots__
    ]


def test_what_has_accrued_is_not_the_settled_rate():
    found = statuses([KEYED])
    settled = settlements_of(found)
    assert settled.rate.tolist() == [0.00014548]
    assert settled.settled_at.tolist() == [instant("2023-08-04T16:00:00Z")]


@pytest.mark.parametrize(
    ("seconds", "accrued", "whole"),
    [(259, 0.00000527, 0.000586), (694, 0.00001449, 0.000601), (1785, 0.00003959, 0.000639)],
)
def test_a_prediction_is_what_has_accrued_over_the_share_of_time_gone(seconds: int, accrued: float, whole: float):
    fields = row(START + seconds * 1000)
    fields[8] = accrued
    found = predictions_of(statuses([fields]))
    assert found.rate[0] == pytest.approx(whole, abs=5e-7)
    assert found.settles_at[0] == START + STEP


@given(st.sets(st.integers(0, EVENTS * 480 - 1), min_size=1, max_size=60), st.randoms())
def test_however_many_snapshots_there_are_each_event_is_one_settlement(minutes: set[int], order: Any):
    rows: list[Sequence[Any]] = [row(START + minute * MINUTE + 500) for minute in minutes]
    order.shuffle(rows)
    found = settlements_of(statuses(rows))
    seen = sorted({minute // 480 for minute in minutes if minute % 480})
    whole = expected(0, EVENTS)
    assert found.settled_at.tolist() == whole.settled_at[seen].tolist()
    assert found.rate.tolist() == whole.rate[seen].tolist()


def test_a_snapshot_a_minute_gives_all_settlements_with_their_marks():
    found = settlements_of(statuses([row(at) for at in range(START, START + 3 * STEP, MINUTE)]))
    assert found.rate.tolist() == expected(0, 3).rate.tolist()
    assert found.mark.tolist() == [101.0] * 3
    assert np.isnan(settlements_of(statuses([row(START + 2 * HOUR)])).mark).all()


def test_a_snapshot_that_still_carries_the_older_rate_does_not_count():
    early, late = row(START + STEP + 20_000), row(START + STEP + 10 * MINUTE)
    early[11] = rate(0)
    assert settlements_of(statuses([early, late])).rate.tolist() == [rate(1)]
    assert len(settlements_of(statuses([early]))) == 0


def test_a_snapshot_after_the_event_it_still_waits_for_does_not_count():
    stale = row(START + HOUR)
    stale[0] = START + STEP + 5_000
    stale[11] = 0.5
    assert settlements_of(statuses([row(START + HOUR), stale])).rate.tolist() == [rate(0)]
    assert np.isnan(predictions_of(statuses([stale])).rate).all()


def test_shift_snapshots_to_come_change_no_settlement_of_an_event_that_is_over():
    rows = [row(at) for at in range(START, START + 5 * STEP, 7 * MINUTE)]
    whole = settlements_of(statuses(rows))
    for cut in range(1, 5):
        past = settlements_of(statuses([one for one in rows if (one[0] or 0) < START + cut * STEP]))
        assert past.take(slice(0, cut)).equals(whole.take(slice(0, cut)))


def test_rows_that_name_no_event_are_left_out_and_no_rows_are_no_settlements():
    nothing = row(START)
    nothing[7] = None
    assert len(settlements_of(statuses([nothing]))) == 0
    assert len(statuses([])) == len(predictions_of(statuses([]))) == 0


@pytest.mark.parametrize("bad", [[1, 2, 3], ["tBTCF0:USTF0", *range(17)], [START, None, "x", *range(20)]])
def test_a_row_of_another_shape_is_refused(bad: list[Any]):
    with pytest.raises(BadPage, match="status row"):
        statuses([bad])


def test_predictions_are_judged_by_the_settlement_they_were_about():
    found = predictions_of(statuses([row(at) for at in range(START + HOUR, START + 3 * STEP, HOUR)]))
    errors = prediction_errors(found, expected(0, 3))
    assert np.abs(errors.error).max() < 1e-15
    assert set(errors.settled_at.tolist()) == {START + STEP, START + 2 * STEP}
    assert errors.hours_ahead.min() == 1
    assert errors.hours_ahead.max() == 7


def test_a_prediction_whose_settlement_is_missing_is_judged_by_no_other():
    found = predictions_of(statuses([row(START + 7 * HOUR)]))
    assert len(prediction_errors(found, expected(0, 3))) == 1
    assert len(prediction_errors(found, expected(2, 3))) == 0
    assert len(prediction_errors(found, Settlements.empty())) == 0


def test_the_recorded_status_rows_are_read_alike(shared_data: Path):
    page = json.loads((shared_data / "rest_samples_xchange/example-status-data.json").read_text())
    found = statuses(page)
    assert found.spot.tolist() == [8418.2, 162.25]
    assert found.mark.tolist() == [8413.376666666667, 162.16]
    assert found.current.tolist() == [0.0, 0.0]
    assert set(settlements_of(statuses(page[:1])).settled_at.tolist()) == {instant("2020-01-23T08:00:00Z")}


@pytest.mark.parametrize(
    ("name", "mark", "settled"),
    [
        ("GetDerivativesStatus.txt", 0.7664, "2020-07-30T16:00:00Z"),
        ("GetDerivativesStatusHistory.txt", 8192.823333333334, "2019-10-08T16:00:00Z"),
    ],
)
def test_the_documented_samples_are_read_alike(shared_data: Path, name: str, mark: float, settled: str):
    text = (shared_data / "docsamples_bitfinex" / name).read_text()
    found = statuses(json.loads(text[text.index("[") :]))
    assert found.mark.tolist() == [mark]
    assert found.next_at[0] - STEP == instant(settled)


def test_the_documented_message_of_the_stream_is_read_alike(shared_data: Path):
    text = (shared_data / "docsamples_bitfinex/DerivStatus.txt").read_text()
    message = json.loads(re.split(r"^= *$", text, flags=re.MULTILINE)[1])
    assert statuses(message[1:]).mark.tolist() == [0.7664]
