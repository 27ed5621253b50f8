"""The collector service under load: every market of the sandbox, candles of two timeframes and all prices, for a while.

What lives here: the load, what is measured, whether the lake ends up true. ``make live-soak`` runs it for ten minutes and
prints the figures that are in docs/live.md; ``test_soak`` runs it for some seconds.

Run as ``python -m tests.live.soak [SECONDS [SPEED]]``.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from qmd_platform.cli.children import offspring
from qmd_platform.ingest.absorbed import fill_heard
from qmd_platform.ingest.asking import Asking
from qmd_platform.lake.store import Lake
from qmd_platform.live import told
from qmd_platform.live.log import FOLDER, Log
from qmd_platform.live.told import Told
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant, month_of
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.sandbox.universe import VENUES

NOW = "2026-12-01T00:00:05Z"
"""The beginning of a month: a tail has nothing to do that is older."""

STEPS = (Timeframe.M1, Timeframe.M5)
PATIENCE = 120.0
SLACK = 30_000
"""Of the sandbox's clock: a candle that closed just before the end may still have been on its way."""


@dataclass(slots=True)
class Soaked:
    """What came of it.

    Attributes:
        markets, series, perpetuals: what was listened to.
        minutes: of the sandbox's clock, in ``seconds`` of ours.
        messages: about a candle or prices, heard.
        written: records that became durable; ``appends`` writes.
        megabytes: resident memory of all collectors: when all were live, at most, at the end.
        worst_age_s: from a closed candle's arrival to its being durable.
        deepest: records that waited at most.
        dropped: closed candles dropped.
        wrong: series of which the log, or the lake after a tail, is not the truth.
        heard_share: of the closed candles since all were live, those that were heard.
        requests: candle requests of the tail, with the log.
    """

    markets: int = 0
    series: int = 0
    perpetuals: int = 0
    seconds: float = 0.0
    minutes: float = 0.0
    messages: int = 0
    written: int = 0
    appends: int = 0
    megabytes: list[float] = field(default_factory=list)
    worst_age_s: float = 0.0
    deepest: int = 0
    dropped: int = 0
    wrong: list[str] = field(default_factory=list)
    heard_share: float = 0.0
    requests: int = 0


def soak(home: Path, seconds: float, speed: float, pace: int = 2, filled: Collection[str] = VENUES) -> Soaked:
    """Run the service for ``seconds`` of real time on a clock that runs ``speed`` times as fast.

    ``pace``: seconds of that clock between two messages about a candle in progress; ``filled``: venues whose tails are run.
    """
    with serving(now=NOW, speed=speed, stream_seconds=pace) as sandbox:
        markets = _markets(sandbox)
        _write_universe(home, markets)
        found = Soaked(len(markets), len(markets) * len(STEPS))
        with _service(home, sandbox.url) as process:
            _until_live(home, markets)
            began, since = time.monotonic(), sandbox.clock.now()
            samples = [_megabytes(process.pid)]
            while time.monotonic() - began < seconds:
                time.sleep(min(1.0, seconds / 5))
                samples.append(_megabytes(process.pid))
            found.seconds = round(time.monotonic() - began, 1)
            until = sandbox.clock.now()
        found.minutes = round((until - since) / 60_000, 1)
        found.megabytes = [samples[0], max(samples), samples[-1]]
        _count(found, told.read_all(home / FOLDER))
        _listen_for_truth(found, home, sandbox, markets, Window(since, until))
        _fill(found, home, sandbox, [one for one in markets if one.venue in filled])
    return found


def _markets(sandbox: Sandbox) -> list[Market]:
    now = sandbox.clock.now()
    kinds = (sandbox.exchange.listings(venue, now, spot=spot) for venue in VENUES for spot in (True, False))
    return sorted(one.market for of_kind in kinds for one in of_kind)


def _write_universe(home: Path, markets: Sequence[Market]) -> None:
    venues = sorted({one.venue for one in markets})
    lines = ['start = "2026-12-01"', "timeframes = []"]
    for venue in venues:
        symbols = [one.symbol for one in markets if one.venue == venue]
        lines += [f"[venues.{venue}]", f"markets = {json.dumps(symbols)}", 'native = ["5m"]']
    (home / "universe.toml").write_text("\n".join(lines) + "\n", "utf-8")


@contextmanager
def _service(home: Path, url: str) -> Iterator["subprocess.Popen[bytes]"]:
    env = {**os.environ, "QMD_HOME": str(home), "QMD_VENUE_URL": url}
    env.pop("QMD_UNIVERSE", None)
    command = [sys.executable, "-c", "from qmd_platform.cli.app import app; app.main()", "live", "collect"]
    with (home / "service.log").open("wb") as log, subprocess.Popen(command, env=env, stderr=log) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


def _until_live(home: Path, markets: Sequence[Market]) -> None:
    venues = {one.venue for one in markets}
    ends = time.monotonic() + PATIENCE
    while {one.venue for one in told.read_all(home / FOLDER) if one.is_well(one.at)} < venues:
        if time.monotonic() > ends:
            states = {one.venue: one.phase(one.at) for one in told.read_all(home / FOLDER)}
            raise TimeoutError(f"not all collectors are live: {states}\n{(home / 'service.log').read_text()}")
        time.sleep(0.2)


def _megabytes(pid: int) -> float:
    """Resident memory of the children of ``pid``."""
    total = 0
    for child in offspring(pid) or ():
        status = Path(f"/proc/{child}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return round(total / 1024, 1)


def _count(found: Soaked, states: Sequence[Told]) -> None:
    put: Counter[str] = Counter()
    for one in states:
        put.update(one.queue["put"])  # type: ignore[call-overload]  # counters by kind
        found.perpetuals += one.perpetuals
        found.written += one.written
        found.appends += one.appends
        found.worst_age_s = round(max(found.worst_age_s, one.worst_age_s), 3)
        found.deepest = max(found.deepest, int(str(one.queue["deepest"])))
        found.dropped += one.dropped
    found.messages = put.total()


def _listen_for_truth(found: Soaked, home: Path, sandbox: Sandbox, markets: Sequence[Market], live: Window) -> None:
    """Compare the log with the truth: what should have been heard, and that nothing else was."""
    log, heard, true = Log(home / FOLDER), 0, 0
    for one in [Series.candles(market, step) for market in markets for step in STEPS]:
        step = one.timeframe.step
        whole = Window(live.start // step * step, live.end)
        truth, there = sandbox.truth(one.market, one.timeframe, whole), log.candles(one, whole)
        closed = _inside(truth, live, step)
        heard += len(closed & set(there.open_at.tolist()))
        true += len(closed)
        mine = truth.take(np.isin(truth.open_at, there.open_at))
        found.wrong += [] if there.equals(mine) else [f"{one} in the log"]
    found.heard_share = round(heard / true, 4) if true else 1.0


def _fill(found: Soaked, home: Path, sandbox: Sandbox, markets: Sequence[Market]) -> None:
    """Run the tails, and compare the lake with the truth."""
    month = month_of(instant(NOW))
    sandbox.reset()
    with Lake.open(home / "lake") as lake:
        for venue, step in [(venue, step) for venue in sorted({one.venue for one in markets}) for step in STEPS]:
            series = [Series.candles(one, step) for one in markets if one.venue == venue]
            asking, asked_at = Asking(tail=5, archive=False), sandbox.clock.now()
            fill_heard(lake, [Partition(one, month) for one in series], run_id="r", url=sandbox.url, asking=asking)
            # What closed while the tail was asking may be there or not.
            end = asked_at - step.step
            if end <= instant(NOW):
                continue
            for one in series:
                whole = Window(instant(NOW) // step.step * step.step, end)
                truth = sandbox.truth(one.market, step, whole)
                found.wrong += [] if lake.candles(one, whole).equals(truth) else [str(one)]
    found.requests = len(sandbox.stats.candles)


def _inside(truth: Candles, live: Window, step: int) -> set[int]:
    """The candles that began when all were live, and ended before anything was ended: those that must have been heard."""
    return {at for at in truth.open_at.tolist() if live.start <= at and at + step < live.end - SLACK}


def main(arguments: Sequence[str]) -> None:
    """Print the figures as JSON."""
    seconds, speed = (float(one) for one in (*arguments, *("600", "6")[len(arguments) :]))
    with TemporaryDirectory() as home:
        sys.stdout.write(json.dumps(asdict(soak(Path(home), seconds, speed)), indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
