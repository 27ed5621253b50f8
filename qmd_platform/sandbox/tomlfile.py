"""Lists of entries in a TOML file, checked key by key.

What lives here: reading ``[[name]]`` tables and refusing what is wrong with file, entry, key and choices. What
does not: what the keys mean (``replay``, ``faults``).
"""

import json
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from qmd_platform.errors import ConfigError, choices
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe, timeframe
from qmd_platform.model.window import Instant, Window, instant


@dataclass(frozen=True, slots=True)
class Entry:
    """One ``[[name]]`` table. ``where`` says which, for messages."""

    where: str
    values: dict[str, object]

    def refused(self, why: str, hint: str | None = None) -> ConfigError:
        """The error that says what is wrong with this entry."""
        return ConfigError(f"{self.where}: {why}", hint=hint)

    def text(self, key: str) -> str:
        """The text under ``key``; refused when it is absent, not text, or empty."""
        value = self.values.get(key)
        if not isinstance(value, str) or not value:
            raise self.refused(f"{key} must be text" if key in self.values else f"the key {key} is missing")
        return value

    def choice(self, key: str, valid: Collection[str]) -> str:
        """The text under ``key``, which must be one of ``valid``."""
        value = self.text(key)
        if value not in valid:
            raise self.refused(f"unknown {key} {value!r}", choices(value, valid))
        return value

    def number(self, key: str, least: float = 0) -> float | None:
        """The number under ``key``, at least ``least``; None when absent."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= least:
            raise self.refused(f"{key} must be a number of at least {least:g}, not {value!r}")
        return value

    def flag(self, key: str) -> bool:
        """Whether ``key`` is true; absent is false."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.refused(f"{key} must be true or false, not {value!r}")
        return value

    def moment(self, key: str) -> Instant | None:
        """The time under ``key``: text, or a TOML date and time with a zone, or epoch ms. None when absent."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | str | datetime):
            raise self.refused(f"{key} {value!s} is not a time", "write 2026-11-01T08:30:00Z")
        try:
            return instant(value, key)
        except ConfigError as error:
            raise self.refused(error.message, error.hint) from None

    def window(self) -> Window:
        """The window from ``start`` to ``end``; both must be there."""
        start, end = self.moment("start"), self.moment("end")
        if start is None or end is None:
            raise self.refused(f"the key {'start' if start is None else 'end'} is missing")
        if start >= end:
            raise self.refused("start must be before end")
        return Window(start, end)

    def market(self, key: str = "market") -> Market:
        """The market under ``key``."""
        try:
            return Market.parse(self.text(key))
        except ConfigError as error:
            raise self.refused(error.message, error.hint) from None

    def timeframe(self, key: str = "timeframe") -> Timeframe:
        """The timeframe under ``key``."""
        try:
            return timeframe(self.text(key))
        except ConfigError as error:
            raise self.refused(error.message, error.hint) from None

    def whole(self, key: str, least: int = 0) -> int | None:
        """The whole number under ``key``, at least ``least``; None when absent."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.refused(f"{key} must be a whole number of at least {least}, not {value!r}")
        return value


def entries(path: Path, name: str, keys: Collection[str]) -> Iterator[Entry]:
    """The ``[[name]]`` tables of the file ``path``, in order.

    Raises:
        ConfigError: the file cannot be read, is not TOML, holds anything else than ``[[name]]`` tables, or a table
            has a key that is not in ``keys``.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: {error}") from None
    return tables(parsed(text, str(path)), str(path), name, keys)


def parsed(text: str, where: str) -> dict[str, object]:
    """What TOML ``text`` holds, or JSON where it begins as an object does; ``where`` it is from, for messages."""
    try:
        return json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f"{where}: {error}") from None


def tables(content: Mapping[str, object], where: str, name: str, keys: Collection[str]) -> Iterator[Entry]:
    """The tables under ``name``; ConfigError as of ``entries``."""
    if unknown := sorted(content.keys() - {name}):
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}", hint=f"the file holds [[{name}]] tables only")
    listed = content.get(name, [])
    if not isinstance(listed, Sequence) or not all(isinstance(table, Mapping) for table in listed):
        raise ConfigError(f"{where}: {name} must be a list of tables", hint=f"write [[{name}]] above each entry")
    for number, table in enumerate(listed, 1):
        entry = Entry(f"{where}: {name} {number}", dict(table))
        if unknown := sorted(table.keys() - set(keys)):
            raise entry.refused(f"unknown key {unknown[0]!r}", choices(unknown[0], keys))
        yield entry
