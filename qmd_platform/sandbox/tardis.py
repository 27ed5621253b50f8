"""Tardis.dev in the sandbox: data sets of a day, the API that says what there is, and a tardis-machine, on one port.

What lives here: paths, who may have what, files. What does not: rows (``tardis_rows``), replays (``tardis_machine``), messages of a
minute (``tardis_feed``), sockets (``service``). Sources, read on 2026-11-21: docs.tardis.dev/downloadable-csv-files/api and /api/http-api-reference.

Facts: files of a day are there from 06:00 of the next; the first day of a month is free, others need a key (here ``KEY``);
what is not there is 404; a day on which nothing came in is an empty packed file.
"""

import gzip
import re
from contextlib import suppress
from dataclasses import dataclass

from qmd_platform.errors import ConfigError
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, instant, iso
from qmd_platform.sandbox import tardis_feed, tardis_machine, tardis_rows
from qmd_platform.sandbox.exchange import Answer, Exchange, Query, as_json
from qmd_platform.sandbox.universe import Listing

NAME = "tardis"
"""What the counters call it."""
PREFIXES = ("/v1/", "/replay-normalized")
"""Where its paths begin."""
KEY = "TD.sandbox"
"""The key that reaches every day."""

_DAY = Timeframe.D1.step
_AFTER = 6 * Timeframe.H1.step
_FILE = re.compile(r"/v1/([a-z-]+)/([a-z_]+)/(\d{4})/(\d\d)/(\d\d)/([^/]+)\.csv\.gz")
_KINDS = {
    "binance": ("binance", True),
    "binance-futures": ("binance", False),
    "gate-io": ("gate", True),
    "gate-io-futures": ("gate", False),
    "bitfinex": ("bitfinex", True),
    "bitfinex-derivatives": ("bitfinex", False),
    "okex": ("okx", True),
    "okex-swap": ("okx", False),
    "bybit": ("bybit", False),
    "bybit-spot": ("bybit", True),
    "kraken": ("kraken", True),
}
_OLD_NAMES = {"BTC": "XBT", "DOGE": "XDG"}
_NEW_NAMES_SINCE = instant("2026-07-01T00:00:00Z")
"""From here on Kraken's coins are called as everywhere (tardis-node, src/mappers/kraken.ts)."""
_REPORTED = 10 * Timeframe.M1.step
"""Times away from here on are reported as incidents."""
_LEVEL = 1
_FREE = "01"
"""The day of a month."""


@dataclass(frozen=True, slots=True)
class _File:
    exchange: str
    type: str
    day: Window
    symbol: str
    listing: Listing


class Tardis:
    """All of it. ``away`` are times at which its own connections were broken; it may be changed while it serves."""

    def __init__(self, exchange: Exchange) -> None:
        self.away: list[Window] = []
        self._exchange = exchange

    def answer(self, path: str, query: Query, now: Instant) -> Answer:
        """What goes back for ``path``."""
        if path.startswith("/replay-normalized"):
            return self._replay(query, now)
        if path == "/v1/exchanges":
            return Answer(as_json([self._listed(one) for one in _KINDS]))
        found = path.removeprefix("/v1/exchanges/")
        if found in _KINDS and found != path:
            return Answer(as_json(self._details(found, now)))
        found = path.removeprefix(tardis_feed.PREFIX)
        if found in _KINDS and found != path:
            return tardis_feed.answer(found, query, self._feed, now)
        file = self._file(path)
        if file is None or file.day.end + _AFTER > now:
            return Answer(as_json({"code": 404, "message": f"There is no {path}"}), 404)
        return Answer(
            gzip.compress(self._csv(file, now), _LEVEL, mtime=0), headers={"Content-Type": "application/gzip"}
        )

    def replayed(self, options: str, now: Instant) -> list[str]:
        """The messages of a replay; ConfigError where it is not asked for as it must be."""
        return tardis_machine.replayed(options, self._feed, now)

    def _replay(self, query: Query, now: Instant) -> Answer:
        try:
            lines = self.replayed(query.get("options", ""), now)
        except ConfigError as error:
            return Answer(as_json({"message": str(error)}), 400)
        headers = {"Content-Type": "application/x-json-stream"}
        return Answer("".join(f"{line}\n" for line in lines).encode(), headers=headers, rows=len(lines))

    def _feed(self, exchange: str, symbol: str, window: Window) -> tardis_machine.Feed:
        listing = self._of(exchange, symbol, window.start)
        if listing is None:
            raise ConfigError(f"{exchange} has no {symbol!r}")
        return tardis_machine.Feed(exchange, symbol, listing, self.away)

    def _csv(self, file: _File, now: Instant) -> bytes:
        if file.type == "derivative_ticker":
            rows = tardis_rows.states(file.exchange, file.listing, file.day, self.away)
            return tardis_rows.ticker_csv(file.exchange, file.symbol, rows) if rows else b""
        found = tardis_rows.trades(file.listing, file.day, now, self.away)
        has_ids = file.listing.market.venue != "kraken" or file.day.start >= _NEW_NAMES_SINCE
        return tardis_rows.trades_csv(file.exchange, file.symbol, found, has_ids=has_ids) if len(found) else b""

    def _file(self, path: str) -> _File | None:
        found = _FILE.fullmatch(path)
        if found is None or found[1] not in _KINDS:
            return None
        exchange, type_, *date, dataset = found.groups()
        try:
            start = instant("-".join(date))
        except ConfigError:
            return None
        listing = self._of(exchange, dataset, start)
        if listing is None or type_ not in _types(exchange) or start + _DAY <= listing.listed_at:
            return None
        return _File(exchange, type_, Window(start, start + _DAY), _symbol(listing, start), listing)

    def _of(self, exchange: str, symbol: str, at: Instant) -> Listing | None:
        wanted = _dataset(symbol)
        return next((one for one in self._listings(exchange) if _dataset(_symbol(one, at)) == wanted), None)

    def _listings(self, exchange: str) -> list[Listing]:
        if exchange not in _KINDS:
            return []
        venue, is_spot = _KINDS[exchange]
        return [one for one in self._exchange.every(venue, spot=is_spot) if one.character is not None]

    @staticmethod
    def _listed(exchange: str) -> dict[str, object]:
        since = "2019-01-01T00:00:00.000Z"
        return {"id": exchange, "name": exchange, "enabled": True, "availableSince": since, "supportsDatasets": True}

    def _details(self, exchange: str, now: Instant) -> dict[str, object]:
        until = (now - _AFTER) // _DAY * _DAY
        symbols = [
            entry
            for one in self._listings(exchange)
            for entry in _entries(one, _types(exchange), until)
            if one.listed_at < until
        ]
        incidents = [
            {"from": iso(one.start), "to": iso(one.end), "status": "resolved", "details": "no data collected"}
            for one in self.away
            if one.end - one.start >= _REPORTED
        ]
        datasets = {
            "formats": ["csv"],
            "exportedFrom": "2019-01-01T00:00:00.000Z",
            "exportedUntil": iso(until),
            "symbols": symbols,
        }
        return {**self._listed(exchange), "datasets": datasets, "incidentReports": incidents}


def unauthorised(path: str, query: Query, authorization: str) -> Answer | None:
    """The refusal of a file or a minute that the key does not reach; None where it may be had."""
    found = _FILE.fullmatch(path)
    day = found[5] if found else _FREE
    if path.startswith(tardis_feed.PREFIX):
        with suppress(ConfigError):  # a question that is none is refused later, as that
            day = iso(tardis_feed.window_of(query).start)[8:10]
    if day == _FREE or authorization == f"Bearer {KEY}":
        return None
    said = "Unauthorized: only the first day of each month is available without an API key."
    return Answer(as_json({"code": 401, "message": said}), 401)


def endpoint(path: str) -> str:
    """The path with what varies left out, so that counters stay few."""
    found = _FILE.fullmatch(path)
    return path if found is None else f"/v1/{found[1]}/{found[2]}/{{file}}"


def _types(exchange: str) -> tuple[str, ...]:
    return ("trades",) if _KINDS[exchange][1] else ("trades", "derivative_ticker")


def _entries(listing: Listing, types: tuple[str, ...], until: Instant) -> list[dict[str, object]]:
    """A listing's data sets: Kraken's under both names of a coin, each until or from the day on which it changed."""
    since = listing.listed_at // _DAY * _DAY
    ends = [_NEW_NAMES_SINCE] if listing.market.venue == "kraken" and since < _NEW_NAMES_SINCE < until else []
    found: dict[str, dict[str, object]] = {}
    for start, end in zip([since, *ends], [*ends, None], strict=True):
        name = _dataset(_symbol(listing, start))
        entry = found.setdefault(name, {"id": name, "type": "spot" if listing.is_spot else "perpetual"})
        entry.setdefault("availableSince", iso(start))
        entry["dataTypes"] = types
        entry.pop("availableTo", None)
        if end is not None:
            entry["availableTo"] = iso(end)
    return list(found.values())


def _symbol(listing: Listing, at: Instant) -> str:
    if listing.market.venue == "kraken":
        base = _OLD_NAMES.get(listing.base, listing.base) if at < _NEW_NAMES_SINCE else listing.base
        return f"{base}/{listing.quote}"
    if listing.market.venue == "bitfinex":
        return listing.wire[1:].upper()
    return listing.wire.upper()


def _dataset(symbol: str) -> str:
    return symbol.replace(":", "-").replace("/", "-").upper()
