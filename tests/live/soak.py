"""The collector service under load: 200 markets of the sandbox, candles of two timeframes and all prices, for a while.

What lives here: the load, what goes wrong meanwhile, what is measured, whether the lake ends up true. ``make live-soak`` runs
it for ten minutes and prints the figures that are in docs/live.md; ``test_soak`` runs it for some seconds.

Run as ``python -m tests.live.soak [SECONDS [SPEED [PACE]]] [--calm]``; calm: nothing goes wrong.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
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
from qmd_platform.live.early import UNSAID
from qmd_platform.live.log import FOLDER, Log
from qmd_platform.live.told import Told
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, instant, month_of
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.sandbox.universe import VENUES, listings
from tests.live.mischief import FAULTS, Entry

NOW = "2026-12-01T00:00:05Z"
"""The beginning of a month: a tail has nothing to do that is older."""

STEPS = (Timeframe.M1, Timeframe.M5)
PATIENCE = 120.0
MARKETS = 200
"""As many are listened to, at least: those of the sandbox, and listings that are like them."""


TAILS = 3
"""So many runs of a tail may be needed where this machine is too busy to answer within a request's deadline."""

EVERY = 10.0
"""Seconds between two entries of ``Soaked.samples``."""


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
        misheard: with ``FAULTS``, candles in the log of venues without a word for the end that are not the truth: the last
            message about them was lost. The tail asks for these whatever was heard.
        closed: candles that closed since all were live, of venues with a word for it; ``heard_share`` of them were heard.
        deaf: series of those venues of which such a candle closed and none was heard.
        inferred, inferred_share: the same of venues without a word: those that the next one had followed by then.
        tails: how many runs of one tail it took at most; ``requests``: candle requests of all of them, with the log.
        samples: every ``EVERY`` seconds: seconds since the start, megabytes, records waiting in all queues together.
        struck: how often each kind of fault struck; of stalls, messages that were kept back.
        connects, stalls, unreadable, repeated, contradicted, early: counters of all connections and collectors.
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
    misheard: int = 0
    closed: int = 0
    heard_share: float = 0.0
    deaf: list[str] = field(default_factory=list)
    inferred: int = 0
    inferred_share: float = 0.0
    requests: int = 0
    tails: int = 0
    samples: list[tuple[float, float, int]] = field(default_factory=list)
    struck: dict[str, int] = field(default_factory=dict)
    connects: int = 0
    stalls: int = 0
    unreadable: int = 0
    repeated: int = 0
    contradicted: int = 0
    early: int = 0


def soak(
    home: Path,
    seconds: float,
    speed: float,
    *,
    pace: int = 2,
    filled: Collection[str] = VENUES,
    patience: float = 30.0,
    count: int = MARKETS,
    faults: Sequence[Entry] = (),
) -> Soaked:
    """Run the service for ``seconds`` of real time on a clock that runs ``speed`` times as fast.

    ``pace``: seconds of that clock between two messages about a candle in progress; ``filled``: venues whose tails are run.
    What closed within that time is waited for, for so long: ``patience``. ``faults`` begin once all are live.
    """
    with serving(now=NOW, speed=speed, stream_seconds=pace, listings=_more(count)) as sandbox:
        markets = _markets(sandbox)
        _write_universe(home, markets)
        found = Soaked(len(markets), len(markets) * len(STEPS))
        with _service(home, sandbox.url) as process:
            _until_live(home, markets)
            sandbox.plan_faults(faults)
            began, since = time.monotonic(), sandbox.clock.now()
            samples = [_megabytes(process.pid)]
            while time.monotonic() - began < seconds:
                time.sleep(min(1.0, seconds / 5))
                samples.append(_megabytes(process.pid))
                _sample(found, home, time.monotonic() - began, samples[-1])
            found.seconds = round(time.monotonic() - began, 1)
            for one in sandbox.faults_met():
                kind = str(one["kind"])
                found.struck[kind] = found.struck.get(kind, 0) + int(str(one["struck"]))
            until = sandbox.clock.now()
            expected = _expected(sandbox, markets, Window(since, until))
            _until_heard(home, expected, time.monotonic() + patience)
            samples.append(_megabytes(process.pid))
        found.minutes = round((until - since) / 60_000, 1)
        found.megabytes = [samples[0], max(samples), samples[-1]]
        _count(found, told.read_all(home / FOLDER))
        _listen_for_truth(found, home, sandbox, markets, Window(since, sandbox.clock.now()))
        _share(found, home, expected)
        _fill(found, home, sandbox, [one for one in markets if one.venue in filled])
    return found


def _more(count: int) -> list[dict[str, object]]:
    """Listings that make the markets ``count``."""
    known = [one.market for one in listings()]
    models = [one for one in known if one.symbol.startswith("BTC/") and one.kind == "spot" and one.venue not in UNSAID]
    found: list[dict[str, object]] = []
    for number in range(count - len(known)):
        model = models[number % len(models)]
        found.append({"market": f"{model.venue}:S{number:02}/{model.symbol.partition('/')[2]}", "like": str(model)})
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


def _sample(found: Soaked, home: Path, at: float, megabytes: float) -> None:
    if at >= EVERY * len(found.samples):
        waiting = sum(int(str(one.queue["waiting"])) for one in told.read_all(home / FOLDER))
        found.samples.append((round(at, 1), megabytes, waiting))


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
        found.connects += sum(it.connects for it in one.connections)
        found.stalls += sum(it.stalls for it in one.connections)
        found.unreadable += sum(it.unreadable for it in one.connections)
        found.repeated += one.repeated
        found.contradicted += one.contradicted
        found.early += one.early
    found.messages = put.total()


def _listen_for_truth(found: Soaked, home: Path, sandbox: Sandbox, markets: Sequence[Market], live: Window) -> None:
    """Compare the log with the truth: nothing but that was heard."""
    log = Log(home / FOLDER)
    for one in [Series.candles(market, step) for market in markets for step in STEPS]:
        step = one.timeframe.step
        whole = Window(live.start // step * step, live.end)
        truth, there = sandbox.truth(one.market, one.timeframe, whole), log.candles(one, whole)
        mine = truth.take(np.isin(truth.open_at, there.open_at))
        if found.struck and one.venue in UNSAID and len(there) == len(mine):
            differs = [getattr(there, name) != getattr(mine, name) for name in COLUMNS]
            found.misheard += int(np.any(differs, axis=0).sum())
        else:
            found.wrong += [] if there.equals(mine) else [f"{one} in the log"]


def _fill(found: Soaked, home: Path, sandbox: Sandbox, markets: Sequence[Market]) -> None:
    """Run the tails, and compare the lake with the truth."""
    month = month_of(instant(NOW))
    sandbox.reset()
    with Lake.open(home / "lake") as lake:
        for venue, step in [(venue, step) for venue in sorted({one.venue for one in markets}) for step in STEPS]:
            series = [Series.candles(one, step) for one in markets if one.venue == venue]
            wrong: list[str] = []
            for tails in range(1, TAILS + 1):  # a request that found the machine too busy is the next one's
                found.tails = max(found.tails, tails)
                if not (wrong := _tailed(lake, series, month, sandbox)):
                    break
            found.wrong += wrong
    found.requests = len(sandbox.stats.candles)


def _tailed(lake: Lake, series: Sequence[Series], month: str, sandbox: Sandbox) -> list[str]:
    """Run a tail over ``series``; where the lake is not the truth then."""
    step, asked_at = series[0].timeframe, sandbox.clock.now()
    asking = Asking(tail=5, archive=False)
    fill_heard(lake, [Partition(one, month) for one in series], run_id="r", url=sandbox.url, asking=asking)
    whole = Window(
        instant(NOW) // step.step * step.step, asked_at - step.step
    )  # what closed meanwhile may be there or not
    if whole.end <= instant(NOW):
        return []
    return [
        difference
        for one in series
        for difference in _differences(str(one), lake.candles(one, whole), sandbox.truth(one.market, step, whole))
    ]


def _differences(name: str, there: Candles, truth: Candles) -> list[str]:
    if there.equals(truth):
        return []
    lacking, more = (
        np.setdiff1d(one, two) for one, two in ((truth.open_at, there.open_at), (there.open_at, truth.open_at))
    )
    return [f"{name}: {len(lacking)} are missing from {lacking[:1].tolist()} on, {len(more)} too many, of {len(truth)}"]


def _expected(sandbox: Sandbox, markets: Sequence[Market], live: Window) -> dict[Series, set[int]]:
    """The candles that closed while all were live: those that must be heard."""
    found = {}
    for one in [Series.candles(market, step) for market in markets for step in STEPS]:
        step = one.timeframe.step
        truth = sandbox.truth(one.market, one.timeframe, Window(live.start // step * step, live.end))
        # Of a venue without a word for the end only what is heard from its beginning counts.
        since = live.start if one.venue in UNSAID else live.start - step + 1
        found[one] = {at for at in truth.open_at.tolist() if since <= at and at + step <= live.end}
    return found


def _heard(log: Log, series: Series, expected: Collection[int]) -> set[int]:
    if not expected:
        return set()
    return set(expected) & set(log.candles(series, Window(min(expected), max(expected) + 1)).open_at.tolist())


def _until_heard(home: Path, expected: Mapping[Series, set[int]], until: float) -> None:
    """Wait, no longer than ``until``: on a busy machine some words are on their way for seconds."""
    log = Log(home / FOLDER)
    while time.monotonic() < until:
        if all(
            len(_heard(log, one, closed)) == len(closed) for one, closed in expected.items() if one.venue not in UNSAID
        ):
            return
        time.sleep(0.5)


def _share(found: Soaked, home: Path, expected: Mapping[Series, set[int]]) -> None:
    log = Log(home / FOLDER)
    heard = {one: len(_heard(log, one, closed)) for one, closed in expected.items()}
    said, inferred = [[one for one in expected if (one.venue in UNSAID) is is_it] for is_it in (False, True)]
    found.closed, found.inferred = (sum(len(expected[one]) for one in part) for part in (said, inferred))
    found.deaf = [str(one) for one in said if expected[one] and not heard[one]]
    found.heard_share = round(sum(heard[one] for one in said) / max(found.closed, 1), 4)
    found.inferred_share = round(sum(heard[one] for one in inferred) / max(found.inferred, 1), 4)


def main(arguments: Sequence[str]) -> None:
    """Print the figures as JSON."""
    numbers = [one for one in arguments if one != "--calm"]
    seconds, speed, pace = (float(one) for one in (*numbers, *("600", "6", "10")[len(numbers) :]))
    faults = () if "--calm" in arguments else FAULTS
    with TemporaryDirectory() as home:
        found = soak(Path(home), seconds, speed, pace=int(pace), faults=faults)
        sys.stdout.write(json.dumps(asdict(found)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
