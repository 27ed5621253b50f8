"""Errors of predictions in the lake: exactly what the sandbox's predictions are off by, and nothing of the future."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from qmd_platform.funding.predictions import LEADS_HOURS, NEAR_LEAD
from qmd_platform.ingest.columnar import columnar
from qmd_platform.ingest.prediction_error import derive_prediction_error, of_each_lead
from qmd_platform.ingest.snapshot_rows import by_month
from qmd_platform.lake.buffers import column
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.snapshot_tables import FUNDING_PREDICTIONS
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.funding import settlements_truth
from qmd_platform.sandbox.snapshots import predictions_truth
from tests.ingest.fundedlake import HOUR, put_funding

WHOLE = Window.of("2026-03-30", "2026-04-10T00:00:00Z")
BTC, DOGE, ETH = (Market("gate", f"{coin}/USDT:USDT") for coin in ("BTC", "DOGE", "ETH"))
LOOKS = np.arange(WHOLE.start, WHOLE.end, 15 * MINUTE) + 10 * MINUTE
SERIES = Series("prediction_error", "gate")


def put(lake: Lake, markets: Sequence[Market], until: int = WHOLE.end) -> None:
    """What was settled and predicted until then, as it would have been captured every quarter of an hour."""
    looks = LOOKS[until > LOOKS]
    parts = []
    for market in markets:
        put_funding(lake, market, settlements_truth(market, WHOLE, until))
        next_at, rates = predictions_truth(market, looks)
        unsaid = dict.fromkeys(("accrued_rate", "interval_hours", "mark", "index_price"), np.full(len(looks), np.nan))
        texts = {"market": [str(market)] * len(looks), "source": ["test"] * len(looks)}
        seen = {"seen_at": looks, "next_settlement_at": next_at, "predicted_rate": rates}
        parts.append(columnar(FUNDING_PREDICTIONS, texts | seen | unsaid))
    months = by_month(parts, FUNDING_PREDICTIONS, "seen_at")
    series = Series("funding_predictions", "gate")
    writes = [Write(Partition(series, month), rows) for month, rows in months.items()]
    lake.commit(writes, run_id="put", source="sandbox:test")


def derived(lake: Lake, *markets: Market) -> None:
    derive_prediction_error(lake, "gate", markets, ["2026-03", "2026-04"], run_id="r")


def expected(market: Market) -> list[tuple[int, float, int, float, float]]:
    """Settled at, lead, seen at, predicted, settled: by the closed form, one settlement after the other."""
    paid = settlements_truth(market, WHOLE, WHOLE.end)
    rates = dict(zip(LOOKS.tolist(), predictions_truth(market, LOOKS)[1].tolist(), strict=True))
    found = []
    for at, rate, before in zip(
        paid.settled_at.tolist(), paid.rate.tolist(), [0, *paid.settled_at.tolist()], strict=False
    ):
        for lead in sorted(LEADS_HOURS):
            target = at - round(lead * 60) * MINUTE
            near = [one for one in LOOKS.tolist() if before <= one < at and abs(one - target) <= NEAR_LEAD]
            if near:
                seen = min(near, key=lambda one: (abs(one - target), one))
                found.append((at, lead, seen, rates[seen], rate))
    return found


@pytest.mark.parametrize("market", [BTC, DOGE], ids=str)
def test_every_error_is_what_the_closed_form_says(market: Market, lake: Lake):
    put(lake, [market])
    derived(lake, market)
    rows = lake.read(SERIES)
    names = ("settled_at", "lead_hours", "seen_at", "predicted_rate", "rate")
    told = list(zip(*(column(rows, name).tolist() for name in names), strict=True))
    assert told == expected(market)
    assert column(rows, "error").tolist() == [predicted - rate for *_, predicted, rate in told]
    assert set(column(rows, "lead_hours").tolist()) == (set(LEADS_HOURS) if market is BTC else {1.0, 1 / 12})


def test_a_prediction_of_a_settlement_the_venue_never_listed_has_no_error(lake: Lake):
    put(lake, [ETH])
    derived(lake, ETH)
    missed = instant("2026-04-08T16:00:00Z")
    announced = column(lake.read(Series("funding_predictions", "gate")), "next_settlement_at")
    settled = set(column(lake.read(SERIES), "settled_at").tolist())
    assert missed in set(announced.tolist())
    assert missed not in settled
    assert {missed - 8 * HOUR, missed + 8 * HOUR} <= settled


def test_shift_what_comes_later_changes_no_row_that_could_be_known_before(lake: Lake, tmp_path: Path):
    cut = instant("2026-04-05T12:00:00Z")
    put(lake, [BTC])
    derived(lake, BTC)
    with Lake.open(tmp_path / "past") as past:
        put(past, [BTC], until=cut)
        derived(past, BTC)
        whole = [row for row in lake.read(SERIES).to_pylist() if row["available_at"].timestamp() * 1000 <= cut]
        assert past.read(SERIES).to_pylist() == whole
        assert len(whole) > 40


def test_made_again_of_the_same_data_nothing_changes(lake: Lake):
    put(lake, [BTC])
    derived(lake, BTC)
    before = lake.states()
    receipts = derive_prediction_error(lake, "gate", [BTC], ["2026-03", "2026-04"], run_id="again")
    assert [(one.new, one.changed) for one in receipts] == [(0, 0), (0, 0)]
    assert lake.states() == before


def test_the_sum_says_that_predictions_get_better_the_nearer_the_settlement_is(lake: Lake):
    put(lake, [BTC])
    derived(lake, BTC)
    told = of_each_lead(lake, "gate", ["2026-03", "2026-04"])
    assert [one.lead_hours for one in told] == sorted(LEADS_HOURS, reverse=True)
    errors = [one.mean_absolute for one in told]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 10 * errors[-1]


def test_without_predictions_there_are_no_rows_and_no_error(lake: Lake):
    put_funding(lake, BTC, settlements_truth(BTC, WHOLE, WHOLE.end))
    derived(lake, BTC)
    assert len(lake.read(SERIES)) == 0
    assert of_each_lead(lake, "gate", ["2026-04"]) == []
