"""Asking a venue for candles of mark, index and premium, spoken by ccxt.

What lives here: one page of them, or of the snapshots they are made of. What does not: sending one request
(``ccxt_client``), which pages there are and what came of them (``ingest.reference``).
"""

import hashlib
from collections.abc import Sequence

from qmd_platform.errors import BadPage
from qmd_platform.model.candles import Candles
from qmd_platform.model.reference_tables import Reference
from qmd_platform.model.series import Market
from qmd_platform.model.window import Window
from qmd_platform.venues import facts, reference_snapshots
from qmd_platform.venues.funding_asking import Asking
from qmd_platform.venues.port import Page, Traffic
from qmd_platform.venues.reference_dialects import TABLE, reference_request, snapshots_request
from qmd_platform.venues.reference_snapshots import Snapshots
from qmd_platform.venues.transport import Answer


async def reference_page(
    client: Asking, market: Market, wanted: Reference, window: Window, traffic: Traffic | None = None
) -> Page:
    """The candles of an hour of ``market``'s mark, index or premium that open in ``window``.

    Args:
        client: the venue.
        market: a perpetual.
        wanted: which of them.
        window: of no more hours than ``facts.reference_of(...).page_limit``.
        traffic: counts the requests too.

    Returns:
        candles as the venue sent them, sorted, repeats and all, the one still forming too where it is in the window; the
        volume is 0. Made of snapshots where the venue has no candles: then only hours with enough of them.

    Raises:
        ConfigError: the venue has no such candles of the market.
        BeyondHistory, UnknownMarket, Refused, Banned, VenueDown: as ``port.Venue.page``.
    """
    known = facts.reference_of(client.name, market.kind, wanted)
    counted = () if traffic is None else (traffic,)
    if known.snapshots is not None:
        return await _of_snapshots(client, market, wanted, window, counted)
    request = reference_request(client.name, wanted, await client.record(market), window)
    decode = TABLE[client.name, wanted].decode

    def read(answer: Answer) -> tuple[Candles, str]:
        return decode(client.name, answer.body), hashlib.sha256(answer.body).hexdigest()

    candles, digest = await client.asked(request, known.budget.bucket, read, counted)
    return Page(window, candles, digest, request.method)


async def _of_snapshots(
    client: Asking,
    market: Market,
    wanted: Reference,
    window: Window,
    counted: Sequence[Traffic],
) -> Page:
    """A page made of snapshots: a full answer is gone on from, a short one is the end of it."""
    known = facts.reference_of(client.name, market.kind, wanted)
    record, most, digest = await client.record(market), known.snapshots or 0, hashlib.sha256()

    def read(answer: Answer) -> tuple[Snapshots, bytes]:
        return reference_snapshots.decoded(client.name, answer.body, wanted), answer.body

    parts: list[Snapshots] = []
    rest, request = window, snapshots_request(record, window, most)
    while True:
        rows, body = await client.asked(request, known.budget.bucket, read, counted)
        digest.update(body)
        parts.append(rows)
        if len(rows) < most:
            break
        last = int(rows.at[-1])
        if last < rest.start:
            raise BadPage(client.name, "a full page of snapshots is older than what was asked for")
        if last + 1 >= rest.end:
            break
        rest = Window(last + 1, rest.end)
        request = snapshots_request(record, rest, most)
    candles = reference_snapshots.candles(Snapshots.concat(parts))
    return Page(window, candles, digest.hexdigest(), request.method)
