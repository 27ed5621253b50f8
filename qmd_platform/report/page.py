"""The page: one HTML file that needs nothing else, with a light and a dark look, for a wide and a narrow screen.

What lives here: head, warnings, what the words mean, and the order of things. What does not: the parts (``board``,
``section``, ``freshness``).

It loads nothing: styles, pictures and the few lines of script are inside, and its own policy forbids everything else.
Without the script it says the same; the script sorts and filters.
"""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files

from qmd_platform.arbitrage.flags import Flag
from qmd_platform.model.arbitrage_tables import VENUE_SPREADS
from qmd_platform.report import figures, freshness
from qmd_platform.report.board import board
from qmd_platform.report.collecting import Board, Report
from qmd_platform.report.figures import bps, number, percent
from qmd_platform.report.markup import Markup, many, tag
from qmd_platform.report.section import section

TITLE = "Funding arbitrage"
NONE_KNOWN = "none has a known net return now"


def page(report: Report) -> str:
    """The whole document."""
    script = _kept("page.js")
    allowed = b64encode(sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{TITLE} {figures.minute(report.wanted.now)} UTC"),
        tag("style", Markup(_kept("page.css"))),
    )
    body = tag("body", _top(report), tag("main", _inside(report)), _end(report), tag("script", Markup(script)))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _kept(name: str) -> str:
    return files("qmd_platform.report").joinpath(name).read_text("utf-8")


def _inside(report: Report) -> Markup:
    if report.nothing:
        steps = [tag("li", tag("code", line)) for line in report.to_do]
        return tag("div", tag("h2", "Nothing to show"), tag("p", report.nothing), tag("ol", steps), class_="nothing")
    boards = [_board(one, report) for one in report.boards if one.entries]
    pairs = [section(entry, report.wanted.window) for entry in report.entries]
    return many(tag("div", boards, id="board"), _flags(), freshness.table(report), tag("h2", "Pair by pair"), pairs)


def _top(report: Report) -> Markup:
    wanted = report.wanted
    lasts = figures.span(wanted.window.end - wanted.window.start)
    said = [
        ("window", f"{lasts} to {figures.minute(wanted.now)} UTC"),
        ("lake", f"commit {report.commit}" + (f", {report.world}" if report.world else "")),
        *_totals(report),
    ]
    facts = tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in said], class_="facts")
    return tag("header", tag("h1", TITLE), facts, _warnings(report))


def _totals(report: Report) -> Iterator[tuple[str, str]]:
    if not report.entries:
        return
    best = report.best
    paid = [age.settled_at for age in report.ages if age.settled_at is not None]
    priced = [age.priced_at for age in report.ages if age.priced_at is not None]
    if paid:
        yield (
            "newest settlement",
            f"{figures.short_minute(max(paid))} ({figures.span(report.wanted.now - max(paid))} old)",
        )
    if priced:
        yield (
            "newest price",
            f"{figures.short_minute(max(priced))} ({figures.span(report.wanted.now - max(priced))} old)",
        )
    net = NONE_KNOWN if best is None else f"{percent(best.row['net_168h_per_year'])} a year, {best.row['underlying']}"
    yield "best, held 7 d", net


def _warnings(report: Report) -> Markup:
    said = report.warnings()
    if not said:
        return tag("p", "Nothing is overdue, missing or suspect in the data of this page.", class_="calm")
    first = tag("ul", [tag("li", words) for words in said[:_FIRST]], class_="warnings")
    if len(said) <= _FIRST:
        return first
    rest = tag("ul", [tag("li", words) for words in said[_FIRST:]], class_="warnings")
    return many(first, tag("details", tag("summary", f"{len(said) - _FIRST} more warnings about the data"), rest))


_FIRST = 5
"""Warnings that are read before the board; the others are one click away."""


def _board(one: Board, report: Report) -> Markup:
    name = "Perpetual against perpetual" if one.table is VENUE_SPREADS else "Spot against perpetual"
    shown = len(one.entries)
    more = f"the best {shown} of {one.total} pairs" if shown < one.total else f"{shown} pairs"
    order = "first those no flag blocks, then by the net return a year of a hold of 7 days"
    of = "figures are of the newest row, a state is of its own change"
    return tag(
        "section", tag("h2", name, tag("small", more)), board(one, report.wanted.now, f"{name}: {more}, {order}; {of}")
    )


def _flags() -> Markup:
    items = [
        tag(
            "div",
            tag("dt", tag("i", one.value, class_=f"flag{' blocks' if one.blocks else ''}")),
            tag("dd", one.sentence),
        )
        for one in Flag
    ]
    note = tag("p", "Outlined flags block: nothing is opened while one is up, and what is open is closed.")
    return tag("details", tag("summary", "What the risk flags mean"), note, tag("dl", items, class_="legend"))


def _end(report: Report) -> Markup:
    terms = report.rules.terms
    costs, capital = terms.costs, terms.capital
    slip, transfer = bps(costs.slippage, 2), bps(costs.transfer, 2)
    ties = f"1/{capital.short_leverage:g} + 1/{capital.long_leverage:g} + {number(capital.buffer)}"
    half = bps(report.rules.half_spread, 2)
    lines = (
        "All figures of a pair are of its newest row.",
        "Its state was decided at its change, by the figures of then: `qmd opportunities` has those.",
        "A rate is a share of the notional for one interval; longs pay it where it is positive. A year has 8,760 hours.",
        "Every return a year is simple: funding is paid in quote on a notional that stays.",
        f"Funding is measured over the trailing {terms.windows[0]:g} h: the sum of the rates by the sum of their hours.",
        "A settlement counts from when it was published and its interval was certain.",
        f"Assumed: taker fees of the base tier, slippage {slip} bp a fill, transfer {transfer} bp.",
        f"Borrowing is taken to cost {percent(costs.borrow_per_year)} a year.",
        f"Capital for a notional of 1 on each leg is {ties}; spot is paid in full.",
        f"Prices are closes of candles, with half a spread of {half} bp to each side.",
        "A hedge can lose one leg. Nothing here is advice.",
    )
    return tag("footer", tag("h2", "How to read it"), [tag("p", line) for line in lines])
