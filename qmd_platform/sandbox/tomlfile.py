"""Lists of entries in a TOML file, checked key by key.

What lives here: reading ``[[name]]`` tables and refusing what is wrong with file, entry, key and choices. What
does not: what the keys mean (``replay``, ``faults``).
"""

import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from qmd_platform.errors import ConfigError, choices


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
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if unknown := sorted(content.keys() - {name}):
        raise ConfigError(f"{path}: unknown key {unknown[0]!r}", hint=f"the file holds [[{name}]] tables only")
    tables = content.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(f"{path}: {name} must be a list of tables", hint=f"write [[{name}]] above each entry")
    for number, table in enumerate(tables, 1):
        entry = Entry(f"{path}: {name} {number}", table)
        if unknown := sorted(table.keys() - set(keys)):
            raise entry.refused(f"unknown key {unknown[0]!r}", choices(unknown[0], keys))
        yield entry
