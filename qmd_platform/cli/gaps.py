"""``qmd gaps``: the agenda of the lake's gaps for a person, and doing it now, without Dagster.

What lives here: the command, the progress, the exit code. What does not: how an agenda is shown (``cli.gaps_told``), which
gaps are asked for when, and why (``qmd_platform.coverage.agenda``), asking (``qmd_platform.ingest.candles``). Dagster's
sensors do the same by themselves.
"""

import time
from typing import TYPE_CHECKING

import click

from qmd_platform.cli import gaps_told, kit, store
from qmd_platform.errors import ConfigError, CoverageError, VenueError, choices
from qmd_platform.model.series import Series
from qmd_platform.model.window import Window, month_window

if TYPE_CHECKING:
    from qmd_platform.coverage.agenda import Agenda
    from qmd_platform.coverage.ranges import Range
    from qmd_platform.ingest.receipt import Receipt
    from qmd_platform.ingest.shared import OnProgress, Progress
    from qmd_platform.lake.store import Lake

ROUNDS = 3
"""Agendas done one after the other: what is fetched in one can be rolled up in the next."""

NO_LIMIT = 1_000_000_000


@kit.command(
    {
        "qmd gaps": "What would be asked for next, and why; what waits until when; what no API has.",
        "qmd gaps binance --budget 300": "One venue, as its sensor would go about it with 300 requests a tick.",
        "qmd gaps --fill": "Ask for all that is due, now.",
        "qmd gaps bitfinex:SOL/USD:1m --json": "One series, for a program.",
    }
)
@click.argument("of", required=False, metavar="[VENUE|SERIES]", type=kit.VENUE_OR_SERIES)
@click.option("--fill", "fills", is_flag=True, help="Ask for what is due now, without Dagster.")
@click.option(
    "--budget",
    type=click.IntRange(1),
    metavar="REQUESTS",
    help="Requests for each venue (default: as many as it takes).",
)
@click.option("--all", "every", is_flag=True, help="List every range, not the first 20 of each kind.")
@kit.venue_url_option
def command(
    *, of: Series | str | None, fills: bool, budget: int | None, every: bool, venue_url: str | None, as_json: bool
) -> int | None:
    """Show which gaps are asked for next, and why.

    A gap is what the universe file wants and the lake lacks; also shown is which ones wait, and which no API has. What was asked for in vain is asked again after 1, 4, 16 ...
    minutes, at most a day apart, and never given up; what two answers agree is empty, five times more. Neighbouring months and
    markets are asked for together. With --fill all that is due is fetched and rolled up, and so are the candles of the last
    minutes, which are otherwise left to the tail schedules; exits with 5 when candles of it stay missing.
    """
    lake = store.lake_to_write() if fills else store.lake_to_read()
    agenda = _planned(lake, of, budget, fresh=fills)
    if not fills:
        if as_json:
            kit.emit(gaps_told.document(agenda))
        else:
            gaps_told.draw(agenda, store.asking(lake, "qmd gaps --fill"), every=every)
        return None
    began = time.monotonic()
    receipts = _filled(lake, of, agenda, budget, venue_url)
    if as_json:
        from qmd_platform.cli.receipts import as_document

        kit.emit([as_document(receipt) for receipt in receipts])
    else:
        gaps_told.draw_filled(receipts, time.monotonic() - began)
    return None if all(receipt.is_complete for receipt in receipts) else CoverageError.exit_code


def _planned(lake: "Lake", of: Series | str | None, budget: int | None, *, fresh: bool) -> "Agenda":
    from qmd_platform.config import load_universe
    from qmd_platform.coverage.agenda import agenda
    from qmd_platform.ingest.agenda import lacking

    universe, now = load_universe(), kit.now()
    venue = of.venue if isinstance(of, Series) else of
    if venue is not None and venue not in universe.venues:
        raise ConfigError(f"the universe {universe.path} has nothing of {venue}", hint=choices(venue, universe.venues))
    found = lacking(lake, universe, now=now, venues=None if venue is None else {venue}, fresh=fresh)
    if isinstance(of, Series):
        names = [str(one.series) for one in found]
        found = [one for one in found if one.series == of]
        if not found:
            raise ConfigError(f"the universe {universe.path} does not want {of}", hint=choices(str(of), names))
    order = sorted(universe.markets, key=lambda market: market.slug)
    return agenda(found, now=now, budget=budget or NO_LIMIT, order=order)


def _filled(
    lake: "Lake", of: Series | str | None, agenda: "Agenda", budget: int | None, venue_url: str | None
) -> "list[Receipt]":
    """Do the agenda, and what follows from it; what a venue refuses does not stop the others."""
    from qmd_platform.cli.progress import progress
    from qmd_platform.config import venue_url as settled_url
    from qmd_platform.config import world

    url = settled_url(venue_url)
    lake.check_world(world(url))
    done: dict[str, Receipt] = {}
    errors: list[VenueError] = []
    asked: set[str] = set()
    with progress("candle") as tell:

        def on_progress(at: "Progress") -> None:
            tell(str(at.market), at.done, at.total)

        for round_ in range(ROUNDS):
            ranges = [one for one in agenda.ranges if one.key not in asked and (not round_ or not one.requests)]
            for one in ranges:
                asked.add(one.key)
                kit.note(one.sentence)
                try:
                    done |= {str(receipt.partition): receipt for receipt in _one(lake, one, url, on_progress)}
                except VenueError as error:
                    errors.append(error)
            agenda = _planned(lake, of, budget, fresh=True)
    if errors:
        for other in errors[1:]:
            errors[0].add_note(str(other))
        raise errors[0]
    return [done[name] for name in sorted(done)]


def _one(lake: "Lake", one: "Range", url: str | None, on_progress: "OnProgress") -> "list[Receipt]":
    """One range, fetched or rolled up."""
    from qmd_platform.config import load_universe
    from qmd_platform.ingest.asking import Asking
    from qmd_platform.ingest.candles import backfill
    from qmd_platform.ingest.partitions import derive

    universe = load_universe()
    if not one.requests:
        base = universe.venues[one.venue].base
        return derive(lake, one.partitions, base=base, run_id=kit.run_id("gaps"))
    return backfill(
        lake,
        one.markets,
        one.timeframe,
        Window(max(month_window(one.months[0]).start, universe.start), month_window(one.months[-1]).end),
        run_id=kit.run_id("gaps"),
        url=url,
        on_progress=on_progress,
        asking=Asking(recheck=True, patient=True),
    )
