"""What a read that is not met says: what is lacking, why, and what may help; nothing that has just failed is told as the remedy."""

import logging
from typing import Any

import pytest

from qmd_platform.errors import ConfigError, UnknownMarket, Unmet
from qmd_platform.reader import Reason, Sla, filling, read, read_funding
from tests.reader.worlds import HANG, HOUR, NEVER, NOW, OUTAGE, SERIES, World, span

INNER = (span("11:00", "11:20"), span("11:23", "12:00"))
KRAKEN = "kraken:BTC/USD:1m"


def asked_for(home: Any, played: World, **options: Any) -> dict[str, Any]:
    return {"start": HOUR.start, "end": HOUR.end, "home": home, "now": NOW, "url": played.sandbox.url} | options


def test_what_the_venue_serves_no_more_is_told_as_that_and_not_to_be_backfilled(played: World):
    home = played.folder / "too old"
    played.fails()
    old = asked_for(home, played, start="2026-02-01", end="2026-02-01T01:00Z")
    for _ in range(2):
        with pytest.raises(Unmet, match=r"60 of the candles .*; the venue serves no candles this old") as told:
            read(KRAKEN, **old)
        assert told.value.hint is not None
        assert "begin later" in told.value.hint
        assert "backfill" not in told.value.hint


def test_what_nobody_has_asked_for_is_told_with_the_command_that_does(played: World):
    home = played.home("never asked", *INNER)
    with pytest.raises(Unmet, match=r"11:23:00Z\); nobody has asked for it \(run `qmd backfill binance:BTC/USDT"):
        read(SERIES, strategy="fail_fast", **asked_for(home, played))


def test_what_the_venue_has_just_not_given_is_not_told_to_be_asked_for(played: World):
    home = played.home("not given", *INNER)
    hole = {"kind": "hole", "market": "binance:BTC/USDT", "timeframe": "1m"}
    played.fails([hole | {"start": "2026-03-05T11:20:00Z", "end": "2026-03-05T11:23:00Z"}, {"kind": "short_page"}])
    with pytest.raises(Unmet) as told:
        read(SERIES, **asked_for(home, played))
    assert told.value.hint is not None
    assert "`qmd gaps` says when" in told.value.hint


def test_a_deadline_does_not_hide_what_the_venue_said_meanwhile(played: World):
    played.fails([{"kind": "throttle", "retry_after": NEVER}])
    for found, series in ((read, str(SERIES)), (read_funding, "binance:BTC/USDT:USDT")):
        home = played.folder / f"refused in time {found.__name__}"
        with pytest.raises(Unmet, match=f"waits {NEVER} s") as told:
            found(series, sla=Sla(backfill_s=3), **asked_for(home, played))  # type: ignore[operator]  # both take these
        assert told.value.reason == "backfill_late"
        assert told.value.hint is not None
        assert told.value.hint.startswith("read again when the venue answers")
    played.fails(HANG)
    with pytest.raises(Unmet) as told:
        read(SERIES, sla=Sla(backfill_s=0.5), **asked_for(played.folder / "hung in time", played))
    assert told.value.hint is not None
    assert told.value.hint.startswith("give it more time")


def test_a_venue_that_is_down_is_not_told_to_be_backfilled_from(played: World):
    home = played.home("down for long", *INNER)
    played.fails(OUTAGE)
    for found, series in ((read, str(SERIES)), (read_funding, "binance:BTC/USDT:USDT")):
        with pytest.raises(Unmet) as told:
            found(series, **asked_for(home, played))  # type: ignore[operator]  # both take these
        assert (told.value.reason, told.value.hint and told.value.hint[:34]) == (
            "venue_failed",
            "read again when the venue answers,",
        )


def test_partial_fill_says_that_something_lacks_and_the_next_read_that_there_is_no_such_market(played: World):
    home = played.home("in part", *INNER)
    played.fails()
    options = asked_for(home, played, strategy="partial_fill")
    for series, rows in ((str(SERIES), 57), ("binance:BTC/USDTT:1m", 0)):
        found = read(series, **options)
        assert (len(found), found.provenance.outcome.reason) == (rows, Reason.COVERAGE)
        assert found.filling is not None
        if rows:
            assert found.filling.wait(60)
            assert read(series, **options).provenance.outcome.is_met
            continue
        with pytest.raises(UnknownMarket):
            found.filling.wait(60)
        with pytest.raises(UnknownMarket, match="did you mean BTC/USDT"):
            read(series, **options)
        assert read(series, on_missing="allow", **options).provenance.outcome.is_met, "nothing was required"
        with pytest.raises(Unmet, match="60 of the candles"):
            read("okx:BTC/USDT:1m", on_missing="raise", **options)
        with pytest.raises(Unmet, match="60 of the candles"):
            read("gate:BTC/USDT:1m", sla=Sla(max_staleness_s=60), **options)


def test_a_long_fill_says_now_and_then_how_far_it_is(
    played: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(filling, "EVERY_S", 0.0)
    home = played.home("told", *INNER)
    played.fails()
    with caplog.at_level(logging.INFO, "qmd_platform.reader"):
        read(SERIES, **asked_for(home, played))
    assert "filling binance:BTC/USDT:1m [2026-03-05T11:20:00Z, 2026-03-05T11:23:00Z): " in caplog.text


def test_a_time_in_seconds_is_refused_wherever_it_is_given(played: World):
    second = HOUR.start // 1000
    for times in ({"start": second}, {"end": second}, {"now": second}):
        with pytest.raises(ConfigError, match=r"in 1970 .*looks like seconds"):
            read(SERIES, **asked_for(None, played, **times))
