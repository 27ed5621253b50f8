"""``qmd opportunities``: hedges that were worth watching, where they stand, since when and why.

What lives here: the command, its table and JSON. What does not: the rules (``qmd_platform.arbitrage.lifecycle``), making the
episodes (``qmd_platform.ingest.opportunities``), asking for them (``qmd_platform.ledger.opportunities``).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from math import isfinite
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import durations, kit, store
from qmd_platform.errors import ConfigError, choices
from qmd_platform.model.window import Instant, instant

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake
    from qmd_platform.ledger.opportunities import KeptEpisode

SHOWN = 30

NET, EVEN = "net then", "even then"
"""Heads of figures that are as old as the change that decided, beside a state that is of now."""

STATES: Mapping[str, str] = {
    "OPEN": "green",
    "HOLD": "green",
    "WATCH": "cyan",
    "CLOSE": "yellow",
    "NONE": "dim",
}
"""Each state with its colour, in the order in which a person looks for them."""


def _since(text: str) -> Instant:
    """``24h`` ago, or the time itself."""
    what = "--since"
    if "-" in text.strip()[1:]:
        return instant(text, what)
    try:
        return kit.now() - durations.duration(text, what)
    except ConfigError as error:
        hint = f"{error.hint}; or a time: 2026-11-01 or 2026-11-01T08:30:00Z"
        raise ConfigError(error.message, hint=hint) from None


def _state(text: str) -> str:
    if text.upper() not in STATES:
        raise ConfigError(f"{text!r} is not a state", hint=choices(text.upper(), list(STATES)))
    return text.upper()


def _zone(text: str) -> tzinfo:
    from qmd_platform.funding.zones import zone_of

    return zone_of(text)


@kit.command(
    {
        "qmd opportunities": "Every one there is, those that can be acted on first.",
        "qmd opportunities --since 24h --underlying BTC": "Of one coin, those that went on in the last day.",
        "qmd opportunities --state OPEN --state HOLD --zone Asia/Seoul": "What is held, with times of Seoul.",
        "qmd opportunities --since 2026-11-01 --json": "All since a day (midnight UTC), for a program.",
    }
)
@click.option(
    "--since",
    type=kit.Parsed("time", _since),
    metavar="TIME",
    help="Only those that went on at any time since: a length of time before now (24h, 7d) or a time.",
)
@click.option("--underlying", metavar="COIN", help="Only of this coin, by its newest name: BTC.")
@click.option(
    "--state",
    "states",
    type=kit.Parsed("state", _state),
    metavar="STATE",
    multiple=True,
    help=f"Only those in this state now: {', '.join(STATES)}. May be given more than once.",
)
@click.option(
    "--zone",
    type=kit.Parsed("time zone", _zone),
    default="UTC",
    show_default=True,
    help="The zone times are shown in: UTC, +09:00, Europe/London.",
)
@click.option(
    "--limit", type=click.IntRange(1), default=SHOWN, show_default=True, help="Show at most this many; JSON has all."
)
def command(
    *,
    since: Instant | None,
    underlying: str | None,
    states: tuple[str, ...],
    zone: tzinfo,
    limit: int,
    as_json: bool,
) -> None:
    """List hedges worth watching: where they stand and why.

    A hedge sells one market and buys another. One line is one episode of one direction of a pair, from WATCH to its end. OPEN is the first event after it was
    opened, HOLD all later ones, CLOSE the time in which it is not watched again, NONE is over. Net return and
    break-even are those at the change that decided (the close, else the opening), for the hold that is expected, all
    costs paid; what they are now is in `qmd report`. Rules and thresholds: docs/opportunities.md.
    """
    from qmd_platform.ledger.opportunities import episodes

    lake = store.lake_to_read()
    coin = None if underlying is None else underlying.strip().upper()
    found = episodes(lake.ledger.database, since=since, underlying=coin, states=states)
    order = list(STATES)
    if not found and coin is not None:
        _refuse_unheld(lake, coin)
    found.sort(key=lambda one: (order.index(one.state), -(one.net_per_year or 0.0), -one.since))
    if as_json:
        kit.emit([_document(one, zone) for one in found])
    elif found:
        _draw(found, zone, limit)
    else:
        _say_why_none(lake, coin)


def _document(one: "KeptEpisode", zone: tzinfo) -> dict[str, object]:
    """Infinite is nothing in JSON: ``breaks_even`` tells it from what was not known."""
    even = one.break_even_hours
    times = {"began_at": one.began, "since": one.since, "opened_at": one.opened}
    times |= {"closed_at": one.closed, "ended_at": one.ended}
    return {
        "short_market": one.short_market,
        "long_market": one.long_market,
        "kind": one.kind,
        "underlying": one.underlying,
        "episode": one.number,
        "state": one.state,
        **{name: None if at is None else _moment(at, zone).isoformat() for name, at in times.items()},
        "reason": one.reason,
        "net_per_year": one.net_per_year,
        "best_net_per_year": one.best_net_per_year,
        "break_even_hours": even if even is not None and isfinite(even) else None,
        "breaks_even": None if even is None else isfinite(even),
        "flags": one.flags.split(),
        "rule_version": one.rule_version,
        "data_versions": one.data_versions.split(),
    }


def _moment(at: Instant, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)


def _draw(found: "Sequence[KeptEpisode]", zone: tzinfo, limit: int) -> None:
    from qmd_platform.cli import show

    columns: list[show.Column] = [("coin", "left"), ("sell", "left"), ("buy", "left"), ("state", "left")]
    columns += [(f"since ({zone})", "left"), (NET, "right"), (EVEN, "right")]
    rows = [
        [
            show.plain(one.underlying),
            show.plain(one.short_market),
            show.plain(one.long_market),
            f"[{STATES[one.state]}]{one.state}[/]",
            f"{_moment(one.since, zone):%Y-%m-%d %H:%M}",
            "" if one.net_per_year is None else f"{100 * one.net_per_year:.2f} %",
            _hours(one.break_even_hours),
            one.flags,
            show.plain(one.reason),
        ]
        for one in found[:limit]
    ]
    show.table([*columns, ("flags", "left"), ("why", "left")], rows, spare=("why", "flags"))
    if len(found) > limit:
        show.say(f"... and {show.count(len(found) - limit)} more: --limit N shows more.")
    held, watched = (sum(one.state in states for one in found) for states in (("OPEN", "HOLD"), ("WATCH",)))
    show.say(f"{show.counted(len(found), 'episode')}: {held} held, {watched} watched.")
    show.say(
        "then: net a year and break-even at the change that decided, with its flags; `qmd report` has those of now."
    )


def _hours(hours: float | None) -> str:
    if hours is None:
        return ""
    return f"{hours:,.0f} h" if isfinite(hours) else "never"


def _refuse_unheld(lake: "Lake", coin: str) -> None:
    """ConfigError if the lake has no market of the coin; an empty lake refuses none."""
    from qmd_platform.arbitrage.underlyings import underlying
    from qmd_platform.ledger.opportunities import underlyings

    markets = {one.market for one in lake.series() if one.symbol}
    held = {underlying(one.symbol.partition("/")[0], kit.now(), one.venue).name for one in markets}
    names = sorted(held | set(underlyings(lake.ledger.database)))
    if names and coin not in names:
        raise ConfigError(f"the lake has no market of {coin!r}", hint=choices(coin, names))


def _say_why_none(lake: "Lake", coin: str | None) -> None:
    """What to do where there is nothing to show."""
    from qmd_platform.cli import show
    from qmd_platform.ledger.opportunities import source, underlyings

    coins = underlyings(lake.ledger.database)
    if source(lake.ledger.database) is None:
        show.say("No opportunities were made yet: materialise arbitrage/opportunities in Dagster (`qmd dev`).")
    elif not coins:
        section = show.plain("[arbitrage.opportunities]")
        show.say(f"No hedge was ever worth watching. From when on one is, the universe file says: {section}.")
    elif coin is not None and coin not in coins:
        show.say(f"No opportunity is of {show.plain(coin)}. There are some of: {show.plain(', '.join(coins))}.")
    else:
        show.say("No opportunity is like that: leave out --state, or look further back with --since.")
