"""``qmd live``: what collectors hear, and the service that keeps them running.

What lives here: the view, the supervision of one process a venue. What does not: collecting (``qmd_platform.live``), what
a collector says of itself (``live.told``), starting and ending processes (``cli.services``).
"""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit
from qmd_platform.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Group

    from qmd_platform.cli.show import Column
    from qmd_platform.live.told import Told
    from qmd_platform.model.window import Instant

NOT_WELL = 3
"""Exit code of a look at collectors of which one is not well: as for a venue that does not answer."""

COLUMNS: "list[Column]" = [
    ("venue", "left"),
    ("state", "left"),
    ("series", "right"),
    ("connections", "right"),
    ("last closed", "left"),
    ("heard", "right"),
    ("to disk", "right"),
    ("waiting", "right"),
    ("dropped", "right"),
    ("reconnects", "right"),
    ("holes", "right"),
    ("written", "right"),
]

SPARE = ("to disk", "written", "waiting", "connections", "holes", "last closed", "reconnects", "heard")
"""Columns that a narrow terminal does without, in this order."""

PHASE_COLOURS = {"live": "green", "starting": "yellow", "connecting": "yellow", "ended": "dim"}


@kit.command(
    {
        "qmd live": "Watch the collectors of this home until Ctrl-C.",
        "qmd live --once": "Print how they are now; exit code 3 when one is not well: for a health check.",
        "qmd live collect": "Collect from every venue of the universe file until Ctrl-C or SIGTERM.",
        "qmd live collect --venue binance --venue okx": "Only these.",
    }
)
@click.argument("what", type=click.Choice(["show", "collect"]), default="show", metavar="[collect]")
@click.option("--once", is_flag=True, help="Print one look and end.")
@click.option("--venue", "venues", multiple=True, metavar="VENUE", help="Only this venue (repeatable).")
@kit.venue_url_option
def command(*, what: str, once: bool, venues: tuple[str, ...], venue_url: str | None, as_json: bool) -> int:
    """Watch or run the collectors of closed candles.

    A collector listens to a venue's WebSocket and writes what closes to a log in QMD_HOME, which readers look into and
    which the tails take into the lake. `collect` runs one process a venue and starts again what dies.
    """
    from qmd_platform.config import load_universe, qmd_home
    from qmd_platform.config import venue_url as settled_url
    from qmd_platform.live.child import known

    universe = load_universe()
    names = [known(universe, name).venue for name in dict.fromkeys(venues)] or list(universe.venues)
    if what == "collect":
        if once:
            raise ConfigError("--once is for the view", hint="`qmd live --once`, or `qmd live collect` without it")
        return _collect(qmd_home(), names, settled_url(venue_url), as_json=as_json)
    if once or as_json or not sys.stdout.isatty():
        return _print(qmd_home(), names, as_json=as_json)
    return watch(qmd_home(), names)


def _collect(home: Path, names: Sequence[str], url: str | None, *, as_json: bool) -> int:
    from qmd_platform.cli.children import ended_by_signals
    from qmd_platform.cli.collectors import Collectors, services
    from qmd_platform.live.lock import alone
    from qmd_platform.live.log import FOLDER

    _refuse_the_other_world(url)
    env = {**os.environ, "QMD_HOME": str(home)} | ({"QMD_VENUE_URL": url} if url else {})
    with alone(home / FOLDER / "lock", "a collector service"), ended_by_signals():
        said = {"home": str(home), "venues": list(names), "server": url}
        if as_json:
            kit.emit(said)
        kit.note(f"collecting {', '.join(names)} from {url or 'the real exchanges'} into {home / FOLDER}")
        try:
            return Collectors(services(names), env, Path.cwd(), kit.note).run()
        except KeyboardInterrupt:
            kit.note("ending the collectors ...")
            return 0


def _refuse_the_other_world(url: str | None) -> None:
    """WrongWorld if the lake beside has the other world's data: every tail would refuse what is heard, and itself with it."""
    from qmd_platform.cli import store
    from qmd_platform.config import is_lake_there, world

    if is_lake_there():
        with store.lake_to_read() as lake:
            lake.check_world(world(url))


def _looked(home: Path, names: Sequence[str]) -> "dict[str, Told | None]":
    from qmd_platform.live import told
    from qmd_platform.live.log import FOLDER

    return {name: told.read(home / FOLDER / name) for name in names}


def _print(home: Path, names: Sequence[str], *, as_json: bool) -> int:
    import msgspec

    from qmd_platform.cli import show

    looked, now = _looked(home, names), kit.now()
    if as_json:
        found = {
            name: None
            if one is None
            else {**msgspec.to_builtins(one), "phase": one.phase(now), "is_well": one.is_well(now)}
            for name, one in looked.items()
        }
        kit.emit({"at": now, "home": str(home), "venues": found})
    else:
        show.table(COLUMNS, _rows(looked, now), spare=SPARE)
        for why in _whys(looked, now):
            show.say(why)
    return 0 if all(one is not None and one.is_well(now) for one in looked.values()) else NOT_WELL


def watch(home: Path, names: Sequence[str]) -> int:
    """Draw the view anew every second until Ctrl-C or SIGTERM."""
    from rich.live import Live

    from qmd_platform.cli.children import ended_by_signals

    drawing = Live(view(home, names), auto_refresh=False)
    with suppress(KeyboardInterrupt), ended_by_signals():
        try:
            drawing.start(refresh=True)
            while True:
                time.sleep(1)
                drawing.update(view(home, names), refresh=True)
        finally:
            drawing.stop()  # also where it had only just begun: the cursor comes back
    return 0


def view(home: Path, names: Sequence[str]) -> "Group":
    """The table, as much of it as the terminal has room for, and below it why one is not well, a line a venue."""
    from rich.console import Group
    from rich.text import Text

    from qmd_platform.cli import show

    looked, now = _looked(home, names), kit.now()
    fit, left_out = show.fitting(COLUMNS, _rows(looked, now), spare=SPARE)
    below = [Text.from_markup(line) for line in [*_whys(looked, now), *([show.no_room(left_out)] if left_out else [])]]
    for line in below:
        line.no_wrap, line.overflow = True, "ellipsis"  # the view stays as high as it has venues
    return Group(fit, *below)


def _rows(looked: "Mapping[str, Told | None]", now: "Instant") -> list[list[str]]:
    return [_row(name, one, now) for name, one in looked.items()]


def _row(name: str, one: "Told | None", now: "Instant") -> list[str]:
    from qmd_platform.cli import show

    if one is None:
        return [name, "not running", *[""] * 10]
    phase = one.phase(now)
    live = sum(it.phase == "live" for it in one.connections)
    newest = max((it.open_at for it in one.closed.values()), default=None)
    return [
        name,
        f"[{PHASE_COLOURS.get(phase, 'red')}]{phase}[/]",
        _streams(one),
        f"{live}/{len(one.connections)}",
        show.minute(newest),
        "" if one.heard_at is None else show.seconds(max(now - one.heard_at, 0) / 1000),
        f"{one.age_s * 1000:.0f} ms",
        show.count(_number(one.queue, "waiting")),
        show.count(one.dropped),
        show.count(one.reconnects),
        show.count(sum(len(holes) for holes in one.holes.values())),
        show.count(one.written),
    ]


def _whys(looked: "Mapping[str, Told | None]", now: "Instant") -> list[str]:
    """Why each one is as it is, where that is known; in markup."""
    from qmd_platform.cli import show

    found = []
    for name, one in looked.items():
        if one is None:
            continue
        whys = [one.trouble, *(it.why for it in one.connections if it.phase != "live"), *one.refused]
        if why := next(filter(None, whys), ""):
            found.append(f"{name}: {one.phase(now)}: {show.plain(why)}")
    if not any(looked.values()):
        found.append("nobody listens here yet: start it with `qmd live collect`, in another terminal")
    return found


def _streams(one: "Told") -> str:
    from qmd_platform.cli import show

    deaf = [
        f"{show.count(count)} {word}"
        for count, word in ((len(one.refused), "refused"), (one.silent, "silent"))
        if count
    ]
    return show.count(one.series + one.perpetuals) + (f" ({', '.join(deaf)})" if deaf else "")


def _number(figures: Mapping[str, object], name: str) -> int:
    value = figures.get(name)
    return value if isinstance(value, int) else 0
