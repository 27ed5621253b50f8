"""One pair: its figures, its risks in sentences, its pictures, its working, and where every number is kept. Pure.

What lives here: the section of a pair. What does not: the pictures (``charts``), the sums (``working``), the lists of
rows (``provenance``).
"""

from collections.abc import Iterator

from qmd_platform.arbitrage.flags import flag
from qmd_platform.model.window import Instant, Window
from qmd_platform.report import charts, due, figures, provenance
from qmd_platform.report.collecting import Entry
from qmd_platform.report.figures import bps, number, percent, yearly
from qmd_platform.report.markup import Markup, many, tag
from qmd_platform.report.working import Line


def section(entry: Entry, window: Window) -> Markup:
    """Everything about one pair."""
    pair = entry.pair
    return tag(
        "section",
        tag("h3", pair.row["underlying"], tag("span", *_legs(entry), class_="legs")),
        tag("a", "back to the board", href="#board", class_="back"),
        tag("dl", _keys(entry), class_="keys"),
        _risks(entry, window.end),
        tag("div", _pictures(entry, window), class_="pictures"),
        tag("div", _working(entry), provenance.told(entry), class_="proof"),
        id=pair.anchor,
        class_="pair",
    )


def _legs(entry: Entry) -> Iterator[Markup | str]:
    for word, leg, class_ in (("sell", entry.short, "short"), ("buy", entry.long, "long")):
        units = f" ({leg.units:,.0f} coins a unit)" if leg.units != 1 else ""
        yield tag("span", word, class_=f"side {class_}")
        yield f" {leg.market}{units} "


def _keys(entry: Entry) -> Iterator[Markup]:
    row = entry.pair.row
    told = (
        ("funding difference", f"{bps(row['funding_per_hour'])} bp/h"),
        ("a year, simple", percent(yearly(row["funding_per_hour"]))),
        ("round trip", f"{number(row['cost_bps'])} bp"),
        ("break-even", figures.hours(row["break_even_hours"])),
        ("net a year, simple, held 7 d", percent(row["net_168h_per_year"])),
        ("return on capital of 7 d", percent(row["return_168h"], 3)),
        *_life(entry),
    )
    for name, value in told:
        yield tag("div", tag("dt", name), tag("dd", value))


def _life(entry: Entry) -> Iterator[tuple[str, str]]:
    pair = entry.pair
    if pair.earns_since is not None:
        more = "before " if pair.is_older else ""
        yield "earns this way since", f"{more}{figures.short_minute(pair.earns_since)} UTC"
    for life, way in ((pair.life, ""), (pair.mirror, "the other way: ")):
        if life is not None and (life.is_held or not way):
            yield f"{way}{life.state}", life.told(figures.short_minute)


def _risks(entry: Entry, now: Instant) -> Markup:
    items = [tag("li", said) for said in _overdue(entry, now)]
    if not entry.pair.flags and not items:
        return tag("p", "No risk flag is up.", class_="calm")
    for name in entry.pair.flags:
        one = flag(name)
        chip = tag("i", name, class_=f"flag{' blocks' if one.blocks else ''}")
        items.append(
            tag("li", chip, f" {one.sentence}{'; nothing may be opened while it is up' if one.blocks else ''}")
        )
    return tag("ul", items, class_="flags")


def _overdue(entry: Entry, now: Instant) -> Iterator[str]:
    """What is overdue of each leg, in sentences."""
    for side, leg in (("short", entry.short), ("long", entry.long)):
        since = due.overdue_since(entry.pair, side, now)
        if since is not None:
            yield f"{leg.market}: overdue since {figures.minute(since)} UTC, its next settlement is not in this row."


def _pictures(entry: Entry, window: Window) -> Iterator[Markup]:
    pair = entry.pair
    short, long = (
        tag("span", leg.market.venue, class_=f"key {name}")
        for leg, name in ((entry.short, "short"), (entry.long, "long"))
    )
    steps = many("Funding per hour, in steps of each leg's interval ", short, " ", long)
    yield _figure(charts.funding(pair, entry.short, entry.long, window), steps)
    marks = many(tag("span", "opened", class_="key open"), " ", tag("span", "closed", class_="key close"))
    prices = many("Price of the short leg over the long one. ", marks if pair.life else "No row of opportunities.")
    yield _figure(charts.spread(pair, window), prices)
    yield _figure(
        charts.earned(pair, window), Markup("Funding earned in this direction, before costs, beside the round trip.")
    )


def _figure(picture: Markup, caption: Markup) -> Markup:
    return tag("figure", picture, tag("figcaption", caption))


def _working(entry: Entry) -> Markup:
    verdict = (
        tag("p", "Every line that is in the table agrees with it.", class_="agrees")
        if entry.agrees
        else tag("p", "Lines marked below differ from the table: see the warnings above.", class_="differs")
    )
    names = ("figure", "how", "comes to", "column of the table")
    head = tag("tr", [tag("th", name, scope="col", role="columnheader") for name in names], role="row")
    body = tag("tbody", [_line(line) for line in entry.lines], role="rowgroup")
    inside = (tag("caption", "The working"), tag("thead", head, role="rowgroup"), body)
    return tag("div", tag("div", tag("table", *inside, class_="working", role="table"), class_="wide"), verdict)


def _line(line: Line) -> Markup:
    same = "" if not line.column else " =" if line.agrees else f" is {line.stored!r}"
    return tag(
        "tr",
        tag("th", line.name, scope="row", role="rowheader"),
        tag("td", line.how, role="cell"),
        tag("td", line.result, class_="n", data_v=repr(line.value), role="cell"),
        tag("td", tag("code", line.column) if line.column else "", same, class_="stored", role="cell"),
        class_=None if not line.column or line.agrees else "differs",
        role="row",
    )
