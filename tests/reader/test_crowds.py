"""Many reads at once, in tasks, threads and processes: none takes another one's turn, or is waited for in vain."""

import asyncio
import copy
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.errors import OutOfTime, UnknownMarket, Unmet
from qmd_platform.reader import Read, Reason, Sla, aio, read, turns
from qmd_platform.reader.sla import Phase
from qmd_platform.reader.stopping import Stop
from tests.project.tree import ROOT
from tests.reader.worlds import HOUR, NEVER, NOW, OUTAGE, SERIES, World, span

INNER = (span("11:00", "11:20"), span("11:23", "12:00"))


def asked_for(home: Path, played: World, **options: Any) -> dict[str, Any]:
    return {"start": HOUR.start, "end": HOUR.end, "home": home, "now": NOW, "url": played.sandbox.url} | options


def test_a_crowd_fills_a_few_at_a_time_and_backfills_do_not_hold_up_the_newest_candles(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "AT_ONCE", {Phase.BACKFILL: 2, Phase.LIVE: 2})
    inside, most, over = [], [], threading.Event()

    def one(number: int, venue: str = "crowded", phase: Phase = Phase.BACKFILL) -> None:
        with turns.turn(venue, phase, 60):
            inside.append(number)
            most.append(len(inside))
            over.wait(60)
            inside.remove(number)

    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(one, number) for number in range(6)]
        while len(inside) < 2:
            time.sleep(0.01)
        with turns.turn("crowded", Phase.LIVE, 60), turns.turn("empty", Phase.BACKFILL, 60):
            assert len(inside) == 2
        with pytest.raises(OutOfTime, match="2 other reads fill"), turns.turn("crowded", Phase.BACKFILL, 0.1):
            pytest.fail("it was nobody's turn")
        over.set()
        for one_ in done:
            one_.result(60)
    assert max(most) == 2
    with turns.turn("crowded", Phase.BACKFILL, 60) as left:
        assert left is not None
        assert 0 < left <= 60


def test_who_waits_for_a_turn_waits_within_the_deadline(played: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "AT_ONCE", {Phase.BACKFILL: 1, Phase.LIVE: 1})
    monkeypatch.setattr(turns, "_GATES", {})
    home = played.home("no turn", *INNER)
    played.fails()
    with turns.turn("binance", Phase.BACKFILL, None), pytest.raises(Unmet) as told:
        read(SERIES, sla=Sla(backfill_s=0.5), **asked_for(home, played))
    assert told.value.reason == "backfill_late"
    assert played.asked == 0
    assert len(read(SERIES, **asked_for(home, played))) == 60


def test_who_is_cancelled_while_he_holds_asks_the_venue_no_more(played: World):
    home = played.home("cancelled hold", *INNER)
    played.fails(OUTAGE)
    sla = Sla(total_s=NEVER, backfill_s=0.5, on_violation="hold")

    async def cancelled() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(aio.read(SERIES, sla=sla, **asked_for(home, played)), 1)

    asyncio.run(cancelled())
    began = time.monotonic()
    for thread in threading.enumerate():
        if thread.name.startswith("qmd-"):
            thread.join(NEVER)
    assert time.monotonic() - began < NEVER / 2


def test_what_is_filled_for_who_is_cancelled_ends_and_the_next_reader_need_not_wait(played: World):
    played.fails([{"kind": "hang", "seconds": 0.2, "path": "history-candles"}])
    given = asked_for(played.folder / "cancelled fill", played, start="2026-03-03T00:00Z")

    def until_asked() -> None:
        while played.asked < 8:
            time.sleep(0.01)

    async def cancelled() -> None:
        reading = asyncio.ensure_future(aio.read("okx:BTC/USDT:1m", **given))
        await asyncio.to_thread(until_asked)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    asyncio.run(cancelled())
    for thread in threading.enumerate():
        if thread.name.startswith("qmd-"):
            thread.join(NEVER)
    assert played.asked < 30, "all of it is more than 36 pages"
    played.sandbox.plan_faults(None)
    assert len(read("okx:BTC/USDT:1m", **given)) == 60 * 60


def test_what_is_interrupted_is_told_to_end_and_nothing_else():
    ends: list[str] = []
    stop = Stop()
    stop.also(lambda: ends.append("ended"))
    with pytest.raises(KeyboardInterrupt), stop:
        raise KeyboardInterrupt
    assert (stop.is_said, ends) == (True, ["ended"])
    stop.also(lambda: ends.append("too late"))
    assert ends == ["ended", "too late"]
    with pytest.raises(OutOfTime), Stop() as other:
        raise OutOfTime("binance", "late")
    assert not other.is_said


FORKING = """
import os, sys, threading
from qmd_platform.reader import filling, fillings, read

def reading():
    return read(sys.argv[1], start=sys.argv[2], end=sys.argv[3], home=sys.argv[4], now=sys.argv[5], url=sys.argv[6],
                strategy="partial_fill")

over, fill = threading.Event(), filling.fill
filling.fill = lambda *given: [] if over.wait(60) else ["nobody came"]
here = reading().filling
filling.fill = fill
child = os.fork()
if child == 0:
    there = reading().filling
    os._exit(0 if there.wait(60) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), here.is_done, fillings(sys.argv[4])[sys.argv[1]] is here)
over.set()
print(here.wait(60))
"""


def test_a_forked_process_does_not_wait_for_a_fill_it_has_not(played: World):
    home = played.home("forked", *INNER)
    played.fails()
    given = [str(SERIES), "2026-03-05T11:00Z", "2026-03-05T12:00Z", str(home), NOW, played.sandbox.url]
    done = subprocess.run(
        [sys.executable, "-c", FORKING, *given], capture_output=True, text=True, check=True, cwd=ROOT, timeout=200
    )
    assert done.stdout == "0 False True\nTrue\n", done.stderr


def test_what_was_read_in_part_and_what_was_raised_can_be_sent_to_another_process(played: World):
    home = played.home("sent in part", *INNER)
    played.fails()
    with pytest.raises(Unmet) as told:
        read(SERIES, strategy="fail_fast", **asked_for(home, played))
    again = pickle.loads(pickle.dumps(told.value))  # noqa: S301 - our own bytes
    assert (str(again), again.reason, again.hint) == (str(told.value), Reason.COVERAGE, told.value.hint)
    assert isinstance(again.read, Read)
    assert len(again.read) == 57
    venue = pickle.loads(pickle.dumps(UnknownMarket("binance", "not listed", hint="look")))  # noqa: S301 - the same
    assert (type(venue), str(venue), venue.venue) == (UnknownMarket, "binance: not listed (look)", "binance")
    found = read(SERIES, strategy="partial_fill", **asked_for(home, played))
    sent, copied = pickle.loads(pickle.dumps(found)), copy.deepcopy(found)  # noqa: S301 - the same
    assert sent.rows.equals(found.rows)
    assert copied.rows.equals(found.rows)
    assert sent.filling is None
    assert found.filling is not None
    assert found.filling.wait(60)
