"""What Tardis says it has: exchanges, data sets with their days, and when its recording is known to be wrong.

What lives here: ``/v1/exchanges`` and ``/v1/exchanges/:exchange``. What does not: files (``downloads``). Source:
docs.tardis.dev/api/http-api-reference, read on 2026-11-21. No key is needed.
"""

import zlib
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import msgspec

from qmd_platform.errors import BadPage, UnknownMarket, choices
from qmd_platform.model.window import Instant, Window, iso
from qmd_platform.venues.retry import Meter
from qmd_platform.venues.tardis.exchanges import NAME
from qmd_platform.venues.tardis.messages import instant
from qmd_platform.venues.tardis.wire import Wire

if TYPE_CHECKING:
    import aiohttp

HOST = "https://api.tardis.dev"

T = TypeVar("T")
_ENDLESS: Instant = 1 << 42
"""The year 2109."""
_MOST = 64 << 20
"""Bytes an answer may have; Deribit's list of options has some megabytes."""


class Listed(msgspec.Struct, frozen=True, rename="camel"):
    """One exchange in the list of all."""

    id: str
    name: str
    enabled: bool = True
    available_since: datetime | None = None
    supports_datasets: bool = False


class Dataset(msgspec.Struct, frozen=True, rename="camel"):
    """The data sets of one symbol: of which types, and from when until when."""

    id: str
    available_since: datetime
    available_to: datetime | None = None
    data_types: tuple[str, ...] = ()


class Datasets(msgspec.Struct, frozen=True, rename="camel"):
    """All data sets of an exchange; whole days before ``exported_until`` are there."""

    exported_from: datetime
    exported_until: datetime
    symbols: tuple[Dataset, ...] = ()


class Incident(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """A time of which Tardis says that its recording is incomplete; without an end while it lasts."""

    from_: datetime
    to: datetime | None = None
    status: str = ""
    details: str = ""

    @property
    def window(self) -> Window:
        """The same in ms; a moment at least."""
        start = instant(self.from_)
        return Window(start, _ENDLESS if self.to is None else max(instant(self.to), start + 1))


class Details(msgspec.Struct, frozen=True, rename="camel"):
    """What Tardis has of one exchange."""

    id: str
    name: str
    available_since: datetime
    datasets: Datasets | None = None
    incident_reports: tuple[Incident, ...] = ()

    @property
    def exported_until(self) -> Instant:
        """Files of days that end by then are there, epoch ms."""
        return 0 if self.datasets is None else instant(self.datasets.exported_until)

    def dataset(self, name: str, type_: str) -> Dataset:
        """The data sets called ``name``.

        Raises:
            UnknownMarket: there are none of them, or not of ``type_``.
        """
        symbols = () if self.datasets is None else self.datasets.symbols
        found = next((one for one in symbols if one.id.upper() == name), None)
        if found is None:
            hint = choices(name, [one.id for one in symbols])
            raise UnknownMarket(NAME, f"{self.id} has no data sets of {name!r}", hint=hint)
        if type_ not in found.data_types:
            hint = choices(type_, found.data_types)
            raise UnknownMarket(NAME, f"{self.id} has no {type_} of {name}", hint=hint)
        return found

    def incidents(self, window: Window) -> list[Incident]:
        """The incidents that touch ``window``."""
        return [one for one in self.incident_reports if one.window.intersection(window)]


def span_of(dataset: Dataset, exported_until: Instant) -> Window:
    """The days of which there are files.

    Raises:
        UnknownMarket: none yet.
    """
    start = instant(dataset.available_since)
    end = min(exported_until, exported_until if dataset.available_to is None else instant(dataset.available_to))
    if start >= end:
        raise UnknownMarket(NAME, f"has no file of {dataset.id} yet", hint=f"the first day is {iso(start)}")
    return Window(start, end)


async def exchanges(wire: Wire) -> list[Listed]:
    """All exchanges. Raises as ``Wire.asked``, and BadPage."""
    return await _asked(wire, "/v1/exchanges", list[Listed])


async def details(wire: Wire, exchange: str) -> Details:
    """One exchange. Raises as ``exchanges``."""
    return await _asked(wire, f"/v1/exchanges/{exchange}", Details)


async def _asked(wire: Wire, path: str, kind: type[T]) -> T:
    async def read(answer: "aiohttp.ClientResponse", meter: Meter) -> T:
        body = await answer.content.read()
        meter.answer(len(body))
        try:
            if answer.headers.get("Content-Encoding") == "gzip":
                body = zlib.decompressobj(31).decompress(body, _MOST)
            return msgspec.json.decode(body, type=kind)
        except (msgspec.MsgspecError, zlib.error) as error:
            raise BadPage(NAME, f"{path} is not as documented: {error}", sample=body) from None

    return await wire.asked(HOST + path, read)
