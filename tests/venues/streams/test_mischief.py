"""Listening while messages are doubled, late, cut short, unheard of and lost, sockets are cut and servers restart."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from qmd_platform.model.series import Series
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Window, iso
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.venues.streams import Phase
from tests.venues.streams.listeners import NOW, START, Ears, listening, series, topics, true_rows, until

SPOT = {
    "binance": "binance:BTC/USDT:1m",
    "bitfinex": "bitfinex:BTC/USD:1m",
    "bybit": "bybit:BTC/USDT:1m",
    "gate": "gate:BTC/USDT:1m",
    "kraken": "kraken:BTC/USD:1m",
    "okx": "okx:BTC/USDT:1m",
}
GREETING = ("bitfinex", "kraken")
"""Venues that answer a subscription with the newest candles: what was missed while nobody listened is told then."""

LOUD = [
    {"kind": "ws_duplicate", "share": 0.3, "seed": 1},
    {"kind": "ws_reorder", "share": 0.2, "seed": 2},
    {"kind": "ws_unknown", "share": 0.1, "seed": 3},
]
"""Nothing is lost."""

MINUTES = 15


def heard(
    venue: str, faults: list[dict[str, Any]], done: Callable[[Sandbox, Ears], bool], down: Sequence[int] = ()
) -> Ears:
    """Listen to one market for some minutes, connected at the start of each of them but those in ``down``.

    Ends when ``done``: what was sent may be on its way still.
    """
    some = series(SPOT[venue])

    async def run() -> Ears:
        async with (
            Sandbox(now=NOW, stream_seconds=5, faults=faults) as sandbox,
            listening(venue, some, sandbox.url) as ears,
        ):
            for minute in range(MINUTES):
                if minute not in down:
                    await until(lambda: ears.is_live() and topics(sandbox, venue) == 1)
                await sandbox.passing(MINUTE)
            await until(lambda: done(sandbox, ears))
        return ears

    return asyncio.run(run())


def compared(sandbox: Sandbox, ears: Ears, venue: str, minutes: int = MINUTES) -> tuple[dict[int, Any], dict[int, Any]]:
    """The true candles of the first minutes, and what was heard last of those that were heard as closed."""
    one = Series.parse(SPOT[venue])
    truth = true_rows(sandbox, one, Window(START, START + minutes * MINUTE))
    return truth, {at: row for at, row in ears.closed(one).items() if at in truth}


@pytest.mark.parametrize("venue", SPOT)
def test_messages_that_are_doubled_late_and_unheard_of_change_nothing(venue: str) -> None:
    def done(sandbox: Sandbox, ears: Ears) -> bool:
        truth, closed = compared(sandbox, ears, venue)
        return closed == truth and ears.total("unreadable") == sandbox.stats.faults["ws_unknown"] > 0

    assert heard(venue, LOUD, done).total("connects") == 1


@pytest.mark.parametrize("venue", SPOT)
def test_what_is_heard_as_closed_is_true_whatever_is_lost(venue: str) -> None:
    """Sockets are cut and messages cut short: candles may be missing, and none is wrong."""
    faults = [*LOUD, {"kind": "ws_cut", "every": 37}, {"kind": "ws_truncated", "share": 0.1, "seed": 4}]
    if venue == "kraken":  # it numbers nothing: the loss of the last message about a candle cannot be seen there
        faults.pop()

    def done(sandbox: Sandbox, ears: Ears) -> bool:
        if not any(one.open_at >= START + (MINUTES - 1) * MINUTE for one in ears.candles):
            return False
        truth, closed = compared(sandbox, ears, venue, MINUTES - 2)
        return len(closed) >= MINUTES // 2 and closed == {at: truth[at] for at in closed}

    assert heard(venue, faults, done).total("connects") > 1


@pytest.mark.parametrize("venue", SPOT)
def test_a_restart_over_the_end_of_candles_loses_only_what_was_said_meanwhile(venue: str) -> None:
    window = {"since": iso(START + 5 * MINUTE + 35_000), "until": iso(START + 7 * MINUTE + 20_000)}
    lost = set() if venue in GREETING else {START + minute * MINUTE for minute in (5, 6)}

    def done(sandbox: Sandbox, ears: Ears) -> bool:
        truth, closed = compared(sandbox, ears, venue)
        return closed == {at: row for at, row in truth.items() if at not in lost}

    ears = heard(venue, [{"kind": "ws_restart", **window}], done, down=(6,))
    assert Phase.WAITING in {state.phase for state in ears.states}
    assert ears.total("connects") >= 2


@pytest.mark.parametrize("venue", ["binance", "bybit", "gate"])
def test_a_candle_is_not_closed_before_its_end_by_the_clock_of_its_message(venue: str) -> None:
    """The venue's clock goes slow by two seconds, and its candles do not."""
    faults = [{"kind": "ws_skew", "seconds": -2, "message": "closed"}]
    ears = heard(venue, faults, lambda _, ears: ears.total("unreadable") == MINUTES)
    assert not ears.closed(Series.parse(SPOT[venue]))
    (state,) = [one for one in ears.newest.values() if one.streams]
    assert state.last_unreadable is not None
    assert "called closed before its end" in state.last_unreadable.message
