"""The board: one row a pair, one figure a cell, every figure with its raw value beside it. Pure.

What lives here: the columns. What does not: how a pair came about (``section``), the rest of the page (``page``).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qmd_platform.arbitrage.flags import flag
from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.model.arbitrage_tables import HEDGE_HOLDS
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant
from qmd_platform.report import due, figures
from qmd_platform.report.collecting import Board, Entry
from qmd_platform.report.figures import NOTHING, bps, number, percent, yearly
from qmd_platform.report.markup import Markup, many, tag
from qmd_platform.report.records import Life, Pair

Value = float | str | None
Told = tuple[Markup | str, Value]
"""What a cell shows, and what it is ordered by: the table's own value."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its group, its name, what the name means, and what it shows of a pair at an instant.

    ``card`` is its name where there is no head: on a narrow page a row is a card.
    """

    group: str
    name: str
    card: str
    means: str
    tells: Callable[[Pair, Instant], Told]
    class_: str = "n"


def _of(column: str, shown: Callable[[float | None], str]) -> Callable[[Pair, Instant], Told]:
    """A column of the table as it is."""
    return lambda pair, _: (shown(pair.row[column]), pair.row[column])


def _pair(pair: Pair, now: Instant) -> Told:
    name = tag("a", pair.row["underlying"], href=f"#{pair.anchor}", class_="coin")
    reverse = tag("i", "reverse", class_="chip", title="sells borrowed spot") if pair.is_reverse else ""
    at = figures.minute(pair.seen_at)
    clock = at[11:] if abs(now - pair.seen_at) < figures.DAY_MS else at[5:]
    seen = tag(
        "span", f"seen {clock}", class_="due", title=f"the newest row is of {at} UTC; nothing in it was known later"
    )
    return many(name, " ", reverse, seen), pair.row["underlying"]


def _leg(side: str) -> Callable[[Pair, Instant], Told]:
    def tells(pair: Pair, now: Instant) -> Told:
        market = Market.parse(pair.row[f"{side}_market"])
        name = many(tag("b", market.venue), " ", market.symbol)
        return many(name, tag("span", *_due(pair, side, now), class_="due")), str(market)

    return tells


def _due(pair: Pair, side: str, now: Instant) -> Iterator[Markup | str]:
    hours, at = pair.row[f"{side}_interval_hours"], pair.row[f"{side}_next_at"]
    if hours is None and at is None:
        yield "no funding" if Market.parse(pair.row[f"{side}_market"]).kind == "spot" else "interval unknown"
        return
    yield tag("i", figures.interval(hours), class_="chip", title="funding interval")
    if at is not None:
        left = f"in {figures.span(at - now)}" if at >= now else f"was due {figures.span(now - at)} ago"
        said = due.words(pair, side, at, now)
        yield tag("time", said, datetime=figures.minute(at) + "Z", title=f"{figures.minute(at)} UTC, {left}")


def _per_year(pair: Pair, _: Instant) -> Told:
    value = yearly(pair.row["funding_per_hour"])
    return _bare(value), value


def _borrow(pair: Pair, _: Instant) -> Told:
    value = pair.row["borrow_per_hour"]
    return (percent(yearly(value), 1) if value else NOTHING), value


def _crossing(pair: Pair, _: Instant) -> Told:
    entry, exit_ = pair.row["entry_spread_bps"], pair.row["exit_spread_bps"]
    both = None if entry is None or exit_ is None else entry + exit_
    return number(both, 1), both


def _alive(pair: Pair, now: Instant) -> Told:
    if pair.earns_since is None:
        return NOTHING, 0
    lasted = now - pair.earns_since
    words = f"earns in this direction since {figures.minute(pair.earns_since)} UTC"
    more = "≥ " if pair.is_older else ""
    title = words + (", where the window of the report begins" if pair.is_older else "")
    return tag("span", f"{more}{figures.span(lasted)}", title=title), lasted


def _state(pair: Pair, now: Instant) -> Told:
    life = pair.life
    if pair.mirror is not None and pair.mirror.is_held and not (life and life.is_held):
        return many(_chip(pair.mirror, now), tag("span", "the other way", class_="due")), pair.mirror.state
    return (NOTHING, "") if life is None else (_chip(life, now), life.state)


def _chip(life: Life, now: Instant) -> Markup:
    title = f"{life.state} {life.told(figures.minute)}: {life.changes[-1].reason}"
    lasts = f"#{life.episode} {figures.span(now - life.since)}{' ago' if life.is_over else ''}"
    chip = tag("i", life.state, class_=f"chip {life.state.lower()}", title=title)
    return many(chip, tag("span", lasts, class_="due"))


def _risk(pair: Pair, now: Instant) -> Told:
    chips = [
        tag("i", name, class_=f"flag{' blocks' if flag(name).blocks else ''}", title=flag(name).sentence)
        for name in pair.flags
    ]
    if "SUSPECT_GAP" not in pair.flags and any(due.overdue_since(pair, side, now) for side in ("short", "long")):
        title = "a settlement that was due after this row is not in it: its flags are of before"
        chips.append(tag("i", "overdue", class_="chip", title=title))
    level = tag("b", pair.row["risk"], class_=f"risk {pair.row['risk'].lower()}")
    return many(level, " ", chips), {"LOW": 0, "MEDIUM": 1, "HIGH": 2}[pair.row["risk"]] * 100 + len(chips)


def _net(hold: int) -> Column:
    name = "1 d" if hold == 24 else f"{hold // 24} d"  # noqa: PLR2004 - hours of a day
    means = f"net simple return a year on one leg's notional if held {hold} h, all costs paid"
    shows = _of(f"net_{hold}h_per_year", _bare)
    return Column("Net % a year (simple), held", name, f"net {name}, % a year", means, shows, "n net")


def _bare(value: float | None) -> str:
    """Per cent without the sign: it is in the head."""
    return number(None if value is None else 100 * value, 1)


def _one(value: float | None) -> str:
    return number(value, 1)


_DIFFERENCE, _COST = "Funding difference", "Cost of the round trip, bp"
_HOURLY = f"short's funding less long's, of the trailing {Terms().windows[0]:g} h, basis points an hour"

_LIFE = (
    "of the pair's life, its episode, for how long that goes on; decided by the figures of its change, not of this row"
)

COLUMNS = (
    Column("", "Pair", "", "the coin, and of when the newest row is (UTC)", _pair, "who"),
    Column("", "Sell", "sell", "the short leg: market, funding interval, next settlement (UTC)", _leg("short"), "leg"),
    Column("", "Buy", "buy", "the long leg: market, funding interval, next settlement (UTC)", _leg("long"), "leg"),
    Column(_DIFFERENCE, "bp/h", "difference, bp/h", _HOURLY, _of("funding_per_hour", bps)),
    Column(_DIFFERENCE, "% a year", "% a year, simple", "the same times 8,760, simple", _per_year),
    Column(_DIFFERENCE, "last, bp/h", "last, bp/h", "of each leg's last settlement", _of("last_funding_per_hour", bps)),
    Column("", "Price, bp", "price, bp", "short price over long price, one coin each", _of("price_spread_bps", _one)),
    Column(_COST, "total", "cost, bp", "everything to open and to close", _of("cost_bps", _one), "n sum"),
    Column(_COST, "fees", "fees", "taker fees of four fills", _of("fees_bps", _one)),
    Column(_COST, "slip", "slippage", "slippage assumed for four fills", _of("slippage_bps", _one)),
    Column(_COST, "cross", "crossing", "crossing both books, to open and to close", _crossing),
    Column(_COST, "move", "transfer", "transfer between the venues", _of("transfer_bps", _one)),
    Column("", "Borrow", "borrow a year", "a year, simple, for a coin that is sold on spot", _borrow),
    Column(
        "",
        "Break-even",
        "break-even",
        "until funding has paid the trip",
        _of("break_even_hours", figures.hours),
        "n sum",
    ),
    *(_net(hold) for hold in HEDGE_HOLDS),
    Column("", "Alive", "earns for", "how long this direction has earned without a break", _alive),
    Column("", "State", "state", _LIFE, _state, "state"),
    Column("", "Risk", "risk", "by its flags; a flag that blocks is outlined", _risk, "risks"),
)


def board(of: Board, now: Instant, caption: str) -> Markup:
    """The table of one kind of hedge."""
    rows = [_row(entry, now) for entry in of.entries]
    head = tag("thead", tag("tr", _groups(), role="row"), tag("tr", _names(), role="row"), role="rowgroup")
    inside = (tag("caption", caption), head, tag("tbody", rows, role="rowgroup"))
    # The roles stay where a narrow page shows rows as cards, which makes browsers forget that this is a table.
    return tag("div", tag("table", *inside, class_="board", role="table"), class_="wide")


def _groups() -> Iterator[Markup]:
    place = 0
    while place < len(COLUMNS):
        group = COLUMNS[place].group
        width = next((n for n, one in enumerate(COLUMNS[place:]) if one.group != group), len(COLUMNS) - place)
        yield (
            tag("th", group, colspan=width, scope="colgroup", role="columnheader", class_="group")
            if group
            else tag("td", "", colspan=width, role="cell")
        )
        place += width


def _names() -> Iterator[Markup]:
    for one in COLUMNS:
        yield tag("th", one.name, scope="col", role="columnheader", title=one.means, class_=one.class_)


def _row(entry: Entry, now: Instant) -> Markup:
    pair = entry.pair
    cells = [_cell(one, *one.tells(pair, now)) for one in COLUMNS]
    return tag("tr", cells, role="row", data_risk=pair.row["risk"], data_coin=pair.row["underlying"])


def _cell(column: Column, shown: Markup | str, value: Value) -> Markup:
    classes = f"{column.class_} {_tint(value) if 'net' in column.class_ else ''}".strip()
    return tag("td", shown, role="cell", class_=classes, data_v=_raw(value), data_label=column.card)


def _raw(value: Value) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def _tint(value: Value) -> str:
    """How good a net return is at a glance: of both signs three steps."""
    if not isinstance(value, float) or math.isnan(value):
        return ""
    size = sum(abs(value) >= step for step in (0.0, 0.05, 0.20))
    return f"{'up' if value > 0 else 'down'}{size}"
