"""How fresh the data of each market on the page is, as a table. Pure.

What lives here: that table. What does not: finding it out (``inputs``), the warnings made of it (``collecting``).
"""

from qmd_platform.report import figures
from qmd_platform.report.collecting import Report
from qmd_platform.report.legs import Age
from qmd_platform.report.markup import Markup, tag

_NAMES = (
    "market",
    "last settlement",
    "interval",
    "age",
    "seem missing",
    "interval unknown",
    "newest price",
    "age",
    "candles missing",
)


def table(report: Report) -> Markup:
    """One row a market."""
    head = tag("thead", tag("tr", [tag("th", name, scope="col") for name in _NAMES]))
    rows = [_row(age, report.wanted.now) for age in report.ages]
    summary = tag("summary", f"The data of the {len(rows)} markets on this page: how old, what is missing")
    inside = tag("table", head, tag("tbody", rows), class_="ages")
    return tag("details", summary, tag("div", inside, class_="wide"))


def _row(age: Age, now: int) -> Markup:
    cells = (
        (figures.minute(age.settled_at), False),
        (figures.interval(age.interval_hours), False),
        (figures.NOTHING if age.settled_at is None else figures.span(now - age.settled_at), age.is_overdue),
        (str(age.suspects), age.suspects > 0),
        (str(age.unknown), age.unknown > 0),
        (figures.minute(age.priced_at), age.priced_at is None),
        (figures.NOTHING if age.priced_at is None else figures.span(now - age.priced_at), False),
        (f"{age.missing:,}", age.missing > 0),
    )
    told = [tag("td", words, class_="n bad" if is_bad else "n") for words, is_bad in cells]
    return tag("tr", tag("th", str(age.market), scope="row"), told)
