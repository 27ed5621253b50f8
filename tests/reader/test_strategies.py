"""Four strategies x seven conditions: exactly which rows, exactly which refusal, exactly how many requests."""

import threading
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.errors import Unmet, VenueDown, VenueError
from qmd_platform.ingest.candles import backfill
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.reader import Read, Sla, Source, candles, filling, fillings, read
from tests.reader.worlds import HANG, HANG_ONCE, HOUR, MARKET, NEW, NOW, OUTAGE, World, at, span

FAIL_FAST, AUTO, PARTIAL, SEAMLESS = "fail_fast", "auto_backfill", "partial_fill", "seamless"
TRIES = 6
"""Attempts at a request that finds nobody (``venues.retry.Patience``)."""


@dataclass(frozen=True)
class Condition:
    """What the lake holds, what is asked for and how the venue is, in words of the window's candles."""

    held: tuple[Window, ...]
    asked: Window = HOUR
    market: Market = MARKET
    faults: list[dict[str, Any]] | None = None
    sla: dict[str, Any] = field(default_factory=dict)


INNER = (span("11:00", "11:20"), span("11:23", "12:00"))
EDGE = (span("11:00", "11:57"),)
CONDITIONS = {
    "complete": Condition((HOUR,)),
    "inner gap": Condition(INNER),
    "edge gap": Condition(EDGE),
    "before listing": Condition((span("11:15", "12:00"),), market=NEW),
    "future end": Condition((HOUR,), span("11:00", "13:00")),
    "exchange down": Condition(INNER, faults=OUTAGE),
    "exchange hung": Condition(INNER, faults=HANG, sla={"backfill_s": 6}),
}


@dataclass(frozen=True)
class Expected:
    """What a read must come to: rows, or the code of the refusal; requests; rows by source, where it is not the lake."""

    rows: int | str
    requests: int = 0
    sources: dict[Source, int] = field(default_factory=dict)


GAP, DOWN, LATE = "coverage", "venue_failed", "backfill_late"
FILLED = {Source.BACKFILL: 3}
# Of a gap that is filled: the venue's time, and a page. Of one before the listing besides: its oldest candle.
TABLE = {
    "complete": {name: Expected(60) for name in (FAIL_FAST, AUTO, PARTIAL, SEAMLESS)},
    "inner gap": {
        FAIL_FAST: Expected(GAP),
        AUTO: Expected(60, 2, FILLED),
        PARTIAL: Expected(57, 2),
        SEAMLESS: Expected(60, 2, FILLED),
    },
    "edge gap": {
        FAIL_FAST: Expected(GAP),
        AUTO: Expected(60, 2, FILLED),
        PARTIAL: Expected(57, 2),
        SEAMLESS: Expected(60, 2, {Source.LIVE: 3}),
    },
    "before listing": {
        FAIL_FAST: Expected(GAP),
        AUTO: Expected(50, 3, {Source.BACKFILL: 5}),
        PARTIAL: Expected(45, 3),
        SEAMLESS: Expected(50, 3, {Source.BACKFILL: 5}),
    },
    "future end": {name: Expected(60) for name in (FAIL_FAST, AUTO, PARTIAL, SEAMLESS)},
    "exchange down": {
        FAIL_FAST: Expected(GAP),
        AUTO: Expected(DOWN, TRIES),
        PARTIAL: Expected(57, TRIES),
        SEAMLESS: Expected(DOWN, TRIES),
    },
    "exchange hung": {
        FAIL_FAST: Expected(GAP),
        AUTO: Expected(LATE, 1),
        PARTIAL: Expected(57, 2),
        SEAMLESS: Expected(LATE, 1),
    },
}
DOWN_AT_THE_EDGE = Condition(EDGE, faults=OUTAGE)
CELLS = [(name, strategy) for name, row in TABLE.items() for strategy in row]


def run(played: World, home: Path, condition: Condition, strategy: Any) -> Read:
    sla = Sla(**condition.sla) if condition.sla and strategy != PARTIAL else None
    window = condition.asked
    return read(
        str(condition.market),
        "1m",
        window.start,
        window.end,
        strategy=strategy,
        sla=sla,
        home=home,
        now=NOW,
        url=played.sandbox.url,
    )


@pytest.mark.parametrize(("name", "strategy"), CELLS, ids=[f"{name}-{strategy}" for name, strategy in CELLS])
def test_every_strategy_in_every_condition(name: str, strategy: str, played: World):
    condition, expected = CONDITIONS[name], TABLE[name][strategy]
    home = played.home(f"{name}-{strategy}", *condition.held, market=condition.market)
    played.fails(HANG_ONCE if (name, strategy) == ("exchange hung", PARTIAL) else condition.faults)
    if isinstance(expected.rows, str):
        with pytest.raises(Unmet) as told:
            run(played, home, condition, strategy)
        assert told.value.reason == expected.rows
        assert str(missing(condition)) in told.value.message
        assert isinstance(told.value.read, Read)
        found = told.value.read
    else:
        found = run(played, home, condition, strategy)
        assert len(found) == expected.rows
    finish(found, played)
    assert played.asked == expected.requests
    assert_true(found, condition, played)
    assert sources(found) == expected.sources


def test_seamless_gives_what_the_lake_holds_of_the_newest_gap_while_the_exchange_is_down(played: World):
    home = played.home("down at the edge", *EDGE)
    played.fails(OUTAGE)
    with pytest.raises(Unmet, match="the venue did not answer or refused") as told:
        run(played, home, DOWN_AT_THE_EDGE, SEAMLESS)
    assert told.value.reason == DOWN
    assert str(missing(DOWN_AT_THE_EDGE)) in told.value.message
    found = told.value.read
    assert isinstance(found, Read)
    assert len(found) == 57
    assert played.asked == TRIES
    assert_true(found, DOWN_AT_THE_EDGE, played)
    assert sources(found) == {}


def test_one_fill_a_series_goes_on_in_the_background_and_is_found_again(
    played: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    home = played.home("again and again", *INNER)
    over, begun = threading.Event(), []

    def hanging(errand: filling.Errand, *_: object) -> list[str]:
        begun.append(errand)
        assert over.wait(60)
        return ["the venue is gone"]

    monkeypatch.setattr(filling, "fill", hanging)
    condition = CONDITIONS["inner gap"]
    reads = [run(played, home, condition, PARTIAL) for _ in range(5)]
    frame = candles(
        str(MARKET), "1m", HOUR.start, HOUR.end, strategy="partial_fill", home=home, now=NOW, url=played.sandbox.url
    )
    assert len(frame) == 57
    only = fillings(home)["binance:BTC/USDT:1m"]
    assert all(one.filling is only for one in reads)
    over.set()
    with pytest.raises(VenueError, match="the venue is gone"):
        only.wait(60)
    assert len(begun) == 1
    assert "filling binance:BTC/USDT:1m in the background failed: binance: the venue is gone" in caplog.text
    assert run(played, home, condition, PARTIAL).filling is not only, "it has ended, and what lacks is tried again"
    assert fillings(played.folder / "elsewhere") == {}


def test_what_another_one_has_filled_meanwhile_is_told_as_the_lakes(played: World, monkeypatch: pytest.MonkeyPatch):
    home = played.home("by another", *INNER)

    def another(*_: object) -> list[str]:
        with Lake.open(home / "lake") as lake:
            backfill(lake, [MARKET], Timeframe.M1, HOUR, run_id="somebody else", url=played.sandbox.url)
        raise VenueDown("binance", "refused to us")

    monkeypatch.setattr(filling, "fill", another)
    found = run(played, home, CONDITIONS["inner gap"], SEAMLESS)
    assert len(found) == 60
    assert {one.source for one in found.provenance.ranges} == {Source.LAKE}
    assert found.provenance.outcome.failures == ("binance: refused to us",)


def missing(condition: Condition) -> Window:
    """The one gap of the condition."""
    if condition.market == NEW:
        return span("11:00", "11:15")
    return span("11:57", "12:00") if condition.held == EDGE else span("11:20", "11:23")


def finish(found: Read, played: World) -> None:
    """Wait for what fills in the background; it ends well, but where the venue is down."""
    if found.filling is None:
        return
    if played.sandbox.faults.faults and played.sandbox.faults.faults[0].kind == "outage":
        with pytest.raises(VenueDown):
            found.filling.wait(60)
    else:
        assert found.filling.wait(60)
    assert found.filling.is_done


def assert_true(found: Read, condition: Condition, played: World) -> None:
    """Every row is the venue's, none of them of a candle that forms; the ranges fill what is expected of the window."""
    true = played.truth(HOUR, condition.market)
    rows = found.rows
    assert set(rows.open_at.tolist()) <= set(true.open_at.tolist())
    for one in found.provenance.ranges:
        if one.source is not Source.NOWHERE:
            assert rows.within(one.window).equals(true.within(one.window)), one
    windows = [one.window for one in found.provenance.ranges]
    assert windows[0].start == HOUR.start
    assert windows[-1].end == at("12:00")
    assert all(one.end == other.start for one, other in pairwise(windows))
    assert sum(one.rows for one in found.provenance.ranges) == len(found)


def sources(found: Read) -> dict[Source, int]:
    """Rows by source, but for what the lake held before."""
    counts: dict[Source, int] = {}
    for one in found.provenance.ranges:
        if one.source in {Source.BACKFILL, Source.LIVE}:
            counts[one.source] = counts.get(one.source, 0) + one.rows
    return counts
