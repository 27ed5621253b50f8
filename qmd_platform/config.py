"""Settings and the universe file: where state lives, which venues answer, what is kept.

What lives here: variables and the TOML file; a refusal names file, line, choices. Not here: whether a venue lists a symbol.

| setting | means | default |
|---|---|---|
| ``QMD_HOME`` | folder of all state: lake, ledger, Dagster's instance | ``~/.qmd`` |
| ``QMD_VENUE_URL`` | one server that answers for all venues (a sandbox) | the real venues |
| ``QMD_UNIVERSE`` | the universe file | ``universe.toml`` in QMD_HOME, else ``resources/universe.toml`` |
| ``QMD_POSTGRES_URL`` | the database of a team: the lake's ledger and Dagster's runs | SQLite files in QMD_HOME |
| ``QMD_FILES_URL`` | the object store that has the lake's files, ``s3://bucket/prefix`` | folders in QMD_HOME |
| ``QMD_PUBLISH_POSTGRES_URL``, ``QMD_PUBLISH_QUESTDB_URL`` | serving stores (``publish.opening`` reads them) | none |
| ``QMD_REDIS_URL`` | the Redis server where workers share venues' budgets and leases | the ledger's database, or a file |
| ``QMD_DAGSTER_URL`` | Dagster's UI that backfills what a read finds lacking (docs/reading.md) | the reading process |
| ``QMD_AUTOMATION`` | ``on`` or ``off``: whether what asks venues runs before a person starts it | ``on`` with QMD_VENUE_URL |
| ``QMD_GAP_SECONDS`` | how often the gap sensors look | ``30`` |
| ``QMD_ADDRESS``, ``QMD_KEEP_LIMITS`` | whose limits are kept, towards whom (docs/limits.md) | one address, real venues |
"""

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe, timeframe
from qmd_platform.model.window import Instant, instant, month_of
from qmd_platform.toml_text import Reading
from qmd_platform.venues import facts

if TYPE_CHECKING:
    from qmd_platform.arbitrage.rules import Rules
    from qmd_platform.coordination.opening import Coordination
    from qmd_platform.lake.store import Lake

DERIVED = (Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4, Timeframe.D1)
"""Timeframes made from 1m candles where the universe file does not say otherwise."""


def qmd_home() -> Path:
    """The folder of all state, made absolute. It need not exist yet."""
    return Path(os.environ.get("QMD_HOME") or "~/.qmd").expanduser().absolute()


def lake_root(home: Path | None = None) -> Path:
    """The lake's folder inside ``home``."""
    return (home or qmd_home()) / "lake"


def postgres_url(given: str | None = None) -> str | None:
    """The address of the team's database: ``given``, else ``QMD_POSTGRES_URL``, else None: SQLite files. Not to be shown."""
    from qmd_platform.ledger.address import PostgresAddress  # noqa: PLC0415 - only for a team

    return _address(given, "QMD_POSTGRES_URL", PostgresAddress.parse)


def files_url(given: str | None = None) -> str | None:
    """The object store that has the lake's files: ``given``, else ``QMD_FILES_URL``, else None: the local disk."""
    from qmd_platform.lake.objects_settings import ObjectsAddress  # noqa: PLC0415 - only for a team

    return _address(given, "QMD_FILES_URL", lambda url: ObjectsAddress.parse(url, os.environ))


def _address(given: str | None, setting: str, parse: Callable[[str], object]) -> str | None:
    url = (given or os.environ.get(setting, "")).strip() or None
    if url is None:
        return None
    try:
        parse(url)
    except ConfigError as error:
        raise ConfigError(error.message if given else f"{setting}: {error.message}", hint=error.hint) from None
    return url


def is_lake_there(home: Path | None = None) -> bool:
    """Whether there is a lake to look at. A team's is in its database, whatever is in ``home``."""
    return postgres_url() is not None or is_lake_in(home)


def is_lake_in(home: Path | None = None) -> bool:
    """Whether the folder ``home`` has a lake in it."""
    return any((lake_root(home) / name).exists() for name in ("FORMAT.json", "ledger.sqlite"))


def open_lake(home: Path | None = None, *, world: str | None = None) -> "Lake":
    """The lake of the settings, its folder inside ``home``, made if absent. ConfigError: a setting is wrong; or as ``Lake.open``."""
    from qmd_platform.lake.store import Lake  # noqa: PLC0415 - Arrow and SQL, only when there is data to touch

    return Lake.open(lake_root(home), world=world, postgres=postgres_url(), files=files_url())


def open_coordination(lake: "Lake") -> "Coordination":
    """What the workers of ``lake`` share besides its data; asks nobody yet. ConfigError: a setting is wrong."""
    from qmd_platform.coordination.opening import Settings, opened  # noqa: PLC0415 - only for who fetches

    return opened(lake.root, lake.place.lake, Settings.read(os.environ), postgres=postgres_url())


def venue_url(given: str | None = None) -> str | None:
    """The server that answers for all venues: ``given``, else ``QMD_VENUE_URL``, else None (the real venues)."""
    if not (url := given or os.environ.get("QMD_VENUE_URL")):
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        named = f"{'--venue-url' if given else 'QMD_VENUE_URL'} {url!r}"
        raise ConfigError(f"{named} is not a server's address", hint="write http://127.0.0.1:8080")
    return url.rstrip("/")


def world(url: str | None) -> str:
    """Which world data from ``url`` belongs to. A lake holds one world only."""
    return "live" if url is None else "sandbox"


@dataclass(frozen=True, slots=True)
class VenueUniverse:
    """What is kept of one venue. ``base`` and ``native`` are fetched; ``derived`` are rolled up from ``base``."""

    venue: str
    markets: tuple[Market, ...]
    base: Timeframe = Timeframe.M1
    native: tuple[Timeframe, ...] = ()
    derived: tuple[Timeframe, ...] = DERIVED

    @property
    def perpetuals(self) -> tuple[Market, ...]:
        """The markets whose settled funding is kept: all perpetuals of a venue that is asked for funding."""
        if facts.VENUES[self.venue].funding is None:
            return ()
        return tuple(market for market in self.markets if market.kind == "perpetual")


def _rules(reading: Reading | None = None, given: Mapping[str, Any] | None = None) -> "Rules":
    from qmd_platform import config_arbitrage  # noqa: PLC0415 - numpy, which only reading a universe needs

    return config_arbitrage.rules(reading or Reading(Path(), ""), given or {})


@dataclass(frozen=True, slots=True)
class Universe:
    """What is kept: markets by venue, in which timeframes, since when; and what arbitrage is judged by."""

    start: Instant
    venues: Mapping[str, VenueUniverse]
    path: Path
    arbitrage: "Rules" = field(default_factory=_rules)

    @property
    def first_month(self) -> str:
        """The oldest month partition, ``2024-01``."""
        return month_of(self.start)

    @property
    def markets(self) -> tuple[Market, ...]:
        """Every market of every venue."""
        return tuple(market for venue in self.venues.values() for market in venue.markets)


def universe_path() -> Path:
    """The universe file in force: ``QMD_UNIVERSE``, else the home's own, else the checkout's."""
    if named := os.environ.get("QMD_UNIVERSE"):
        return Path(named).expanduser().absolute()
    own = qmd_home() / "universe.toml"
    return own if own.exists() else Path(__file__).parent.parent / "resources" / "universe.toml"


class _VenueFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    markets: list[str]
    base: str = Timeframe.M1.value
    native: list[str] = []


class _UniverseFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    start: str
    venues: dict[str, dict[str, Any]]
    timeframes: list[str] = msgspec.field(default_factory=lambda: [t.value for t in DERIVED])
    arbitrage: dict[str, Any] = {}


def load_universe(path: Path | None = None) -> Universe:
    """The universe in ``path`` (default: the one in force).

    Raises:
        ConfigError: the file is absent, is not TOML, has an unknown key, venue, timeframe or a malformed market, or a
            kind of market or a fetched timeframe that its venue does not have; the message names file and line.
    """
    path = path or universe_path()
    try:
        text = path.read_text(encoding="utf-8")
        given = tomllib.loads(text)
    except OSError as error:
        hint = "QMD_UNIVERSE names another file; without it QMD_HOME/universe.toml or resources/universe.toml is read"
        raise ConfigError(f"cannot read the universe file {path}: {error.strerror}", hint=hint) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}", hint="it must be a TOML file in UTF-8") from None
    reading = Reading(path, text)
    raw = reading.shaped([], given, _UniverseFile)
    timeframes = [reading.checked(["timeframes"], text, timeframe) for text in raw.timeframes]
    return Universe(
        start=reading.checked(["start"], raw.start, lambda text: instant(text, "start")),
        venues={name: _venue(reading, name, venue, timeframes) for name, venue in raw.venues.items()},
        path=path,
        arbitrage=_rules(reading, raw.arbitrage),
    )


def _venue(reading: Reading, name: str, given: dict[str, Any], timeframes: list[Timeframe]) -> VenueUniverse:
    place = ["venues", name]
    reading.checked(place, name, facts.known_venue)
    raw = reading.shaped(place, given, _VenueFile)
    markets = tuple(
        reading.checked([*place, "markets"], symbol, lambda text: _market(name, text)) for symbol in raw.markets
    )
    repeated = next((market for market in markets if markets.count(market) > 1), None)
    if repeated is not None:
        raise reading.refusal([*place, "markets"], repeated.symbol, f"{repeated.symbol!r} is listed twice", nth=2)
    kinds = sorted({market.kind for market in markets})
    base = reading.checked([*place, "base"], raw.base, lambda text: _fetchable(name, kinds, text))
    native = {
        reading.checked([*place, "native"], text, lambda text: _fetchable(name, kinds, text)) for text in raw.native
    }
    native -= {base}
    derived = {longer for longer in timeframes if longer.step > base.step and longer.step % base.step == 0} - native
    return VenueUniverse(name, markets, base, tuple(sorted(native)), tuple(sorted(derived)))


def _market(venue: str, symbol: str) -> Market:
    """The market, if it is of a kind the venue has candles of."""
    if ":" in symbol.partition("/")[0] or "/" not in symbol:
        hint = 'here without the venue: "BTC/USDT" is spot, "BTC/USDT:USDT" is the perpetual'
        raise ConfigError(f"{symbol!r} is not a symbol", hint=hint)
    market = Market.parse(f"{venue}:{symbol}")
    facts.of(venue, market.kind)
    return market


def _fetchable(venue: str, kinds: Iterable[str], text: str) -> Timeframe:
    """The timeframe, if the venue has such candles of each of ``kinds``."""
    from qmd_platform.venues import dialects  # noqa: PLC0415 - numpy, which only reading a universe needs

    found = timeframe(text)
    for kind in kinds:
        dialects.spelling(venue, kind, found)
    return found
