"""``qmd pin NAME``: a state of the lake gets a name, and stays readable.

What lives here: the options; how a pin is shown (``cli.pins`` and ``cli.unpin`` use it). What does not: pins
(``Ledger.pin``).
"""

from typing import TYPE_CHECKING

import click

from qmd_platform.cli import kit, store
from qmd_platform.cli.series import refuse_unheld
from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant, Window, instant, iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qmd_platform.lake.store import Lake
    from qmd_platform.ledger.records import Pin


@kit.command(
    {
        "qmd pin backtest-7": "The lake as it is now; `qmd read ... --as-of backtest-7` reads it at any time later.",
        "qmd pin q3 --at 2026-10-01 --note 'report of the third quarter'": "As it was at a time.",
        "qmd pin btc --series binance:BTC/USDT:1m --until 2027-11-01": "Only one series, for a year.",
    }
)
@click.argument("name")
@click.option("--at", metavar="SNAPSHOT", help=f"The state to keep: {kit.SNAPSHOT} (default: now).")
@click.option(
    "--series", "chosen", multiple=True, type=kit.SERIES, help="Keep only this series; may be given several times."
)
@click.option("--until", metavar="TIME", help="The pin ends then (default: never, until `qmd unpin`).")
@click.option("--note", default="", help="Why.")
def command(
    *, name: str, at: str | None, chosen: tuple[Series, ...], until: str | None, note: str, as_json: bool
) -> None:
    """Name a state of the lake and keep it readable.

    `qmd vacuum` takes nothing that a pin needs. Costs disk only for what is replaced later. Wherever a commit can
    be named, so can a pin: `qmd read --as-of NAME`, `qmd diff NAME now`. A name that is taken is refused: a pin
    never moves, and what is missing in it stays missing.
    """
    ends = None if until is None else _future(until)
    lake = store.lake_to_read()
    for series in chosen:
        refuse_unheld(lake, series)
    pin = lake.ledger.pin(name, at=at, series=chosen or None, until=ends, note=note, run_id=kit.run_id("pin"))
    if as_json:
        kit.emit(as_document(pin))
    else:
        _draw(pin)
    for line in _extent(lake, pin, is_past=at is not None):
        kit.note(line)


def _extent(lake: "Lake", pin: "Pin", *, is_past: bool) -> "Iterator[str]":
    """What it has of its series, and what it will always lack: who reads it would find out when it is too late."""
    from qmd_platform.cli import show
    from qmd_platform.coverage.plan import to_fetch
    from qmd_platform.model.spans import State

    for series in pin.series or ():
        runs = lake.ledger.view(series, as_of=pin.commit).runs
        if runs:
            held = Window(runs[0].window.start, runs[-1].window.end)
            lacking = sum(one.steps(series.timeframe.step) for one in to_fetch(held, runs))
            yield f"{series}: {held}, " + (f"without {show.counted(lacking, 'candle')}" if lacking else "whole")
    if pin.series is None and not is_past:  # of all there is, and now: one question
        gaps = lake.ledger.in_state(State.MISSING, State.QUARANTINED)
        lacking = sum(len(runs) for one, runs in gaps.items() if one.series.is_candles)
        if lacking:
            yield f"it has {show.counted(lacking, 'hole')}, and they stay: `qmd coverage` lists them"


def _future(text: str) -> Instant:
    ends = instant(text, "--until")
    if ends <= kit.now():
        raise ConfigError(f"--until {text} is over", hint=f"it is {iso(kit.now())} now")
    return ends


def as_document(pin: "Pin") -> dict[str, object]:
    """The pin for JSON; ``series`` is null for all."""
    return {
        "name": pin.name,
        "commit": pin.commit,
        "series": None if pin.series is None else [str(one) for one in pin.series],
        "until": None if pin.until is None else iso(pin.until),
        "note": pin.note,
        "made_at": iso(pin.made_at),
    }


def held(pin: "Pin") -> str:
    """What it keeps, in words."""
    return "all series" if pin.series is None else ", ".join(str(one) for one in pin.series)


def _draw(pin: "Pin") -> None:
    from qmd_platform.cli import show

    until = "" if pin.until is None else f", until {show.minute(pin.until)}"
    show.say(f"Pinned {show.plain(pin.name)}: {held(pin)} as of commit {pin.commit}{until}.")
