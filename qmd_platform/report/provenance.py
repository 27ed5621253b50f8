"""Where a pair's numbers are kept: table, partition, version, data version, file and row. Pure.

What lives here: that, written down. What does not: looking it up (``inputs``, ``reading``).

A file is named once and has a number; a row says the number and its place in the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from qmd_platform.arbitrage.carry import DELAY_MS
from qmd_platform.report import figures
from qmd_platform.report.collecting import Entry
from qmd_platform.report.figures import bps
from qmd_platform.report.legs import Leg, Used
from qmd_platform.report.markup import Markup, many, tag
from qmd_platform.report.records import Origin

_SHOWN = 12
"""Letters of a data version: enough to tell two apart. The whole of it is its title."""


@dataclass(slots=True)
class _Files:
    """The files named so far, each with one row's origin."""

    known: dict[str, Origin] = field(default_factory=dict)

    def row(self, origin: Origin | None) -> str:
        """``f2 row 17``."""
        if origin is None:
            return "not in the lake"
        self.known.setdefault(origin.path, origin)
        return f"f{list(self.known).index(origin.path) + 1} row {origin.row:,}"

    def list(self) -> Iterator[Markup]:
        """What each number stands for."""
        for place, (path, origin) in enumerate(self.known.items(), 1):
            name, version = origin.partition, tag("span", origin.data_version[:_SHOWN], title=origin.data_version)
            about = many(f"{name.series} {name.month}, version {origin.version}, data ", version)
            when = f", committed {figures.minute(origin.committed_at)} UTC"
            yield tag("li", tag("b", f"f{place}"), " ", about, when, tag("br"), tag("code", path))


def told(entry: Entry) -> Markup:
    """Everything the pair's figures were made from."""
    files, pair = _Files(), entry.pair
    items = [
        tag(
            "li",
            "The pair's row: ",
            tag("code", pair.table.name),
            f" of {figures.minute(pair.seen_at)} UTC, ",
            files.row(pair.origin),
        ),
        *(_price(leg, files) for leg in (entry.short, entry.long)),
    ]
    lists = [_settled(leg, files) for leg in (entry.short, entry.long) if not leg.is_spot]
    kept = tag("ol", files.list(), class_="files")
    fees = [_fee(leg) for leg in (entry.short, entry.long)]
    return tag(
        "div",
        tag("h4", "Where every number is from"),
        tag("ul", items, fees),
        lists,
        tag("h4", "Files"),
        kept,
        class_="origins",
    )


def _price(leg: Leg, files: _Files) -> Markup:
    if leg.price is None:
        return tag("li", f"No price of {leg.market} was known.")
    one = leg.price
    ended = f"of the candle that ended {figures.minute(one.known_at)} UTC, "
    return tag("li", f"Price of {leg.market}: close {figures.price(one.close)} ", ended, files.row(one.origin))


def _fee(leg: Leg) -> Markup:
    fee = leg.fee
    said = f"Fee of {leg.market.venue} {leg.market.kind}: {bps(fee.taker, 2)} bp a fill, taker; "
    return tag("li", said, fee.source, f", {fee.as_of}" if fee.as_of else "")


def _settled(leg: Leg, files: _Files) -> Markup:
    names = ("settled (UTC)", "rate", "for", "proven by", "bp/h", "counts only since", "kept in")
    rows = [_row(one, files) for one in leg.used]
    total = tag(
        "tr",
        tag("th", f"{len(leg.used)} settlements", scope="row"),
        tag("td", figures.rate(leg.rates)),
        tag("td", f"{leg.hours:g} h"),
        tag("td"),
        tag("td", bps(leg.per_hour)),
        tag("td"),
        tag("td"),
    )
    head = tag("thead", tag("tr", [tag("th", name, scope="col") for name in names]))
    table = tag("table", head, tag("tbody", rows), tag("tfoot", total), class_="settled")
    summary = tag("summary", f"{len(leg.used)} settlements of {leg.market} in the trailing window")
    return tag("details", summary, tag("div", table, class_="wide"))


def _row(one: Used, files: _Files) -> Markup:
    """As short as can be: of hourly legs there are 144."""
    later = figures.short_minute(one.known_at) if one.known_at > one.settled_at + DELAY_MS else ""
    cells = (figures.rate(one.rate), f"{one.hours:g} h", one.evidence, bps(one.rate / one.hours), later)
    first = tag("th", figures.short_minute(one.settled_at), scope="row")
    return tag("tr", first, [tag("td", words) for words in (*cells, files.row(one.origin))])
