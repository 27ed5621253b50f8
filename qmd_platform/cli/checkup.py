"""The doctor's checks: one function a thing that can be wrong.

What lives here: looking at the installation, QMD_HOME, the universe, the venues, Dagster's instance; what to do about
each finding. What does not: the lake's own health (``cli.upkeep``), what workers share (``cli.agreement``), serving stores
(``cli.serving``), mending anything.
"""

import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from qmd_platform import config
from qmd_platform.cli import agreement, serving, show, store, upkeep
from qmd_platform.cli.check import Check, failed
from qmd_platform.cli.checkout import AROUND
from qmd_platform.config import Universe
from qmd_platform.errors import ConfigError, QmdError, VenueError, choices
from qmd_platform.lake.store import Lake
from qmd_platform.model.window import iso, month_window
from qmd_platform.venues import facts
from qmd_platform.venues.reach import Reach, ping

PACKAGES = ("qmd-platform", "dagster", "dagster-webserver", "ccxt", "pyarrow", "pandas", "great-expectations")

OLDEST_PYTHON = (3, 11)

SKEW_MS = 2_000
"""A clock further off than this makes times in logs confusing; what is stored goes by the venue's clock."""

LITTLE_SPACE = 1_000_000_000
"""Bytes free below which the doctor warns."""


def checks(venue_url: str | None) -> Iterator[Check]:
    """All checks in the order a person mends things; each is made when it is asked for."""
    yield _python()
    yield _packages()
    home = config.qmd_home()
    yield _home(home)
    lake, found = _lake(home)
    yield found
    if lake is not None:
        yield from upkeep.checks(lake)
        yield from serving.checks(lake, os.environ)
    try:
        url, refused = config.venue_url(venue_url), None
    except ConfigError as error:
        url, refused = None, error
    universe, found = _universe(lake)
    yield found if universe is None or url else _since(universe, found)
    yield from _markets(lake, universe)
    if refused:
        yield failed("venues", refused)
        return
    if lake is not None and lake.world == "sandbox" and url is None:
        yield Check("venues", "ok", "not asked: this home is a sandbox's, and QMD_VENUE_URL names none", _SANDBOX_TODO)
        yield _dagster(home)
        return
    yield from _world(lake, url)
    venues = sorted(universe.venues) if universe else sorted(facts.VENUES)
    if lake is not None:
        yield from agreement.checks(lake, venues, url)
    yield from _venues(venues, url)
    yield _dagster(home)


def _python() -> Check:
    said = f"{platform.python_version()} in {sys.prefix}"
    if sys.version_info < OLDEST_PYTHON:
        return Check("python", "fail", said, "install Python 3.11 or newer")
    return Check("python", "ok", said)


def _packages() -> Check:
    found, absent = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            absent.append(name)
    if absent:
        return Check("packages", "fail", f"not installed: {', '.join(absent)}", "run `make setup` in the checkout")
    return Check("packages", "ok", ", ".join(found))


def _home(home: Path) -> Check:
    try:
        store.refuse_unmakeable(home)
    except ConfigError as error:
        return failed("QMD_HOME", error)
    if not home.exists():
        return Check("QMD_HOME", "ok", f"{home} (made by the first command that writes)")
    free = shutil.disk_usage(home).free
    said = f"{home}, {show.size(free)} free"
    if free < LITTLE_SPACE:
        return Check("QMD_HOME", "warn", said, "make room, or move the folder and set QMD_HOME")
    return Check("QMD_HOME", "ok", said)


def _lake(home: Path) -> tuple[Lake | None, Check]:
    try:
        if not config.is_lake_there(home):
            return None, Check("lake", "ok", "none yet (made by the first command that writes)")
        lake = config.open_lake(home)
        states = lake.states()
        world = lake.world
    except QmdError as error:
        return None, failed("lake", error)
    held = f"{len({state.partition.series for state in states})} series in {len(states)} partitions"
    size = show.size(sum(state.bytes for state in states))
    where = f", ledger in {lake.ledger.database.where}" if config.postgres_url() else ""
    return lake, Check("lake", "ok", f"{held}, {size}, {world or 'no'} data{where}")


def _universe(lake: Lake | None) -> tuple[Universe | None, Check]:
    try:
        universe = config.load_universe()
    except ConfigError as error:
        return None, failed("universe", error)
    said = f"{universe.path}: {len(universe.markets)} markets of {len(universe.venues)} venues since {universe.first_month}"
    if universe.start != month_window(universe.first_month).start:
        said += f" (the whole of {universe.first_month} is kept)"
    own, shared = config.qmd_home() / "universe.toml", AROUND / "resources" / "universe.toml"
    if universe.path == own and shared.exists():
        said += "; resources/universe.toml is not used for this home"
        # Without its own file a demo's home would go by the markets of real data.
        is_demo = lake is not None and lake.world == "sandbox"
        return universe, Check(
            "universe", "ok", said, f"edit {own}{'' if is_demo else f', or delete it to go by {shared}'}"
        )
    return universe, Check("universe", "ok", said)


def _since(universe: Universe, found: Check) -> Check:
    """A failure when the universe starts later than now; only for the real venues, a sandbox may have its own clock."""
    if universe.start <= time.time() * 1000:
        return found
    said = f"{universe.path}: start {iso(universe.start)} is in the future"
    return Check("universe", "fail", said, "write the oldest month to keep")


def _markets(lake: Lake | None, universe: Universe | None) -> Iterator[Check]:
    """Are the markets of the universe listed, as far as the lake knows what the venues list?"""
    from qmd_platform.ingest.instruments import instruments

    if universe is None:
        yield Check("markets", "warn", "symbols not checked: there is no valid universe file")
        return
    unknown = []
    for venue, kept in universe.venues.items():
        try:
            listed = instruments(lake, venue) if lake else {}
        except QmdError as error:
            yield failed(f"{venue} instruments", error)
            continue
        wrong = [market.symbol for market in kept.markets if market.symbol not in listed] if listed else []
        if wrong:
            hint = "; ".join(f"{symbol}: {choices(symbol, listed)}" for symbol in wrong)
            yield Check(f"{venue} markets", "fail", f"not listed: {', '.join(wrong)}", f"{hint}; edit {universe.path}")
        elif listed:
            yield Check(
                f"{venue} markets", "ok", f"{len(kept.markets)} of {len(kept.markets)} are listed ({len(listed)} known)"
            )
        else:
            unknown.append(venue)
    if unknown:
        said = f"symbols not checked yet: the lake has no instruments of {', '.join(unknown)}"
        yield Check(
            "markets",
            "warn",
            said,
            "the instruments assets fetch them, and so does `qmd backfill` of any of their markets",
        )


def _world(lake: Lake | None, url: str | None) -> Iterator[Check]:
    """Would a fetch be refused because it mixes sandbox and real data?"""
    if lake is None or lake.world is None or lake.world == config.world(url):
        return
    said = f"the lake takes real data, and QMD_VENUE_URL is {url}"
    yield Check("world", "warn", said, "unset QMD_VENUE_URL, or set QMD_HOME to another folder")


_SANDBOX_TODO = (
    f"start `qmd sandbox --port {store.SANDBOX.rpartition(':')[2]}` in another terminal and add --venue-url {store.SANDBOX} "
    "(or set QMD_VENUE_URL), or set QMD_HOME to another folder for real data"
)


def _venues(names: list[str], url: str | None) -> Iterator[Check]:
    with ThreadPoolExecutor(len(names) or 1) as pool:
        reached = list(pool.map(lambda name: ping(name, url), names))
    yield from map(_reached, reached)
    if reached and url is None and all(reach.latency_ms is None for reach in reached):
        todo = "connect it, or try `qmd demo`, which needs no network"
        yield Check("network", "warn", "no venue is reachable: this machine seems to be offline", todo)


def _reached(reach: Reach) -> Check:
    if not reach.is_reachable or reach.latency_ms is None:
        todo = f"check the network, a proxy or a firewall: curl -i {reach.url}"
        return Check(reach.venue, "fail", f"not reachable: {reach.error}", todo, VenueError.exit_code)
    said = f"answers at {reach.url} in {reach.latency_ms:.0f} ms"
    skew = reach.clock_skew_ms
    if skew is not None and abs(skew) > SKEW_MS:
        return Check(
            reach.venue, "warn", f"{said}; its clock is {skew / 1000:+.1f} s off ours", "set this clock by NTP"
        )
    return Check(reach.venue, "ok", said)


def _dagster(home: Path) -> Check:
    named = os.environ.get("DAGSTER_HOME")
    ours = home / "dagster"
    if named and Path(named).expanduser().absolute() != ours:
        return Check("dagster", "warn", f"DAGSTER_HOME is {named}", f"unset it: `qmd dev` uses {ours}")
    if not (ours / "dagster.yaml").exists():
        return Check("dagster", "ok", f"no instance yet (`qmd dev` makes {ours})")
    return Check("dagster", "ok", f"instance at {ours}")
