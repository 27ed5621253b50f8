"""Settled funding read as candles are: out of the lake, filled first where that is asked for, never a prediction."""

from pathlib import Path
from typing import Any

import pytest

from qmd_platform.errors import ConfigError, CoverageError, Unmet, VenueDown
from qmd_platform.model.series import Market
from qmd_platform.model.window import Window, instant
from qmd_platform.reader import Read, Sla, Source, funding, read_funding
from tests.reader.worlds import HANG, NOW, OUTAGE, World

BTC = Market("binance", "BTC/USDT:USDT")
GATE_ETH = Market("gate", "ETH/USDT:USDT")
WINDOW = Window.of("2026-02-05", NOW)
ANSWERED = Window(WINDOW.start, instant(NOW) - 600_000)
"""What a venue can have answered for: a settlement may be listed ten minutes late."""


def reading(home: Path, played: World, **options: Any) -> Read:
    given = {"start": WINDOW.start, "end": WINDOW.end, "home": home, "now": NOW, "url": played.sandbox.url}
    return read_funding(str(BTC), **(given | options))


@pytest.fixture(scope="module")
def filled(played: World) -> tuple[Path, Read]:
    played.fails()
    home = played.folder / "funded"
    return home, reading(home, played)


def test_what_the_lake_lacks_is_fetched_and_every_settlement_is_there(filled: tuple[Path, Read], played: World):
    _, found = filled
    true = played.sandbox.settlements_truth(BTC, WINDOW)
    assert found.arrow["settled_at"].cast("int64").to_pylist() == true.settled_at.tolist()
    assert found.arrow["rate"].to_pylist() == true.rate.tolist()
    (only,) = found.provenance.ranges
    assert (only.window, only.source, only.rows) == (ANSWERED, Source.BACKFILL, len(true))
    assert found.provenance.outcome.is_met


def test_what_was_answered_is_not_asked_again(filled: tuple[Path, Read], played: World):
    home, before = filled
    played.fails()
    again = reading(home, played)
    assert played.asked == 0
    assert [one.source for one in again.provenance.ranges] == [Source.LAKE]
    assert again.provenance.data_version == before.provenance.data_version
    frame = funding(str(BTC), "2026-03-01", "2026-03-02", home=home, now=NOW)
    assert [str(at) for at in frame["settled_at"]] == [f"2026-03-01 {hour:02}:00:00+00:00" for hour in (0, 8, 16)]
    assert len(funding(str(BTC), "2026-03-01", "2026-03-02", home=home, now=NOW, as_="arrow")) == 3


def test_what_was_settled_after_the_time_that_is_given_is_not_read(filled: tuple[Path, Read], played: World):
    home, _ = filled
    early = Window(WINDOW.start, instant("2026-03-04T12:00Z"))
    found = reading(home, played, strategy="fail_fast", now=early.end)
    true = played.sandbox.settlements_truth(BTC, early)
    assert found.arrow["settled_at"].cast("int64").to_pylist() == true.settled_at.tolist()
    assert [(one.window, one.rows) for one in found.provenance.ranges] == [(early, len(true))]
    none = reading(home, played, strategy="fail_fast", now=WINDOW.start)
    assert (len(none), none.provenance.ranges, none.provenance.outcome.is_met) == (0, (), True)


def test_fail_fast_names_what_nobody_has_asked_for(filled: tuple[Path, Read], played: World):
    home, _ = filled
    alone: Any = {"strategy": "fail_fast", "home": home, "now": NOW}
    with pytest.raises(
        Unmet, match=r"nobody has asked for the settlements of \[2026-01-01T00:00:00Z, 2026-02-01"
    ) as told:
        funding(str(BTC), "2026-01-01", "2026-03-01", **alone)
    assert told.value.reason == "coverage"
    assert len(funding(str(BTC), "2026-01-01", "2026-03-01", on_missing="allow", **alone)) == 84


def test_a_venue_that_is_down_or_hangs_is_told_by_its_code(played: World):
    played.fails(HANG)
    with pytest.raises(Unmet) as told:
        reading(played.folder / "hung", played, sla=Sla(backfill_s=0.5))
    assert told.value.reason == "backfill_late"
    played.fails(OUTAGE)
    found = reading(played.folder / "behind", played, strategy="partial_fill")
    assert (len(found), found.provenance.outcome.coverage) == (0, 0.0)
    assert found.filling
    with pytest.raises(VenueDown):
        found.filling.wait(60)


def test_the_venues_clock_says_what_it_can_have_answered_for(played: World):
    played.fails([{"kind": "clock_skew", "seconds": -90}])
    found = reading(played.folder / "behind ours", played, start="2026-03-01", sla=Sla(max_staleness_s=60))
    assert found.provenance.outcome.is_met
    assert found.provenance.outcome.coverage == 1.0
    assert found.provenance.ranges[-1].window.end == ANSWERED.end - 90_000
    assert found.provenance.outcome.staleness_s == 0, (
        "settlements are listed up to ten minutes late, which is not stale"
    )


def test_a_settlement_that_seems_to_be_missing_is_told_in_coverage(played: World):
    played.fails()
    window = Window.of("2026-02-07", "2026-02-10")
    home = played.folder / "suspect"
    found = read_funding(str(GATE_ETH), window.start, window.end, home=home, now=NOW, url=played.sandbox.url)
    (suspect,) = (run for run in found.provenance.runs if run.state.value == "missing")
    assert suspect.window.contains(instant("2026-02-08T16:00Z"))
    assert "SUSPECT_GAP" in suspect.cause
    assert found.provenance.outcome.is_met, "the venue has answered; asking again would not bring it"


def test_what_has_no_funding_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="no perpetual"):
        funding("binance:BTC/USDT", "2026-01-01", "2026-02-01", home=tmp_path)
    with pytest.raises(CoverageError, match="there is no lake"):
        funding(str(BTC), "2026-01-01", "2026-02-01", strategy="fail_fast", home=tmp_path)
