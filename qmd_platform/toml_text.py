"""A TOML file being read: every refusal of a value names the file, the line and what to do.

What lives here: finding the line of a value, refusing what has the wrong shape. What does not: what the file is to
say (``config``).
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from qmd_platform.errors import ConfigError, choices

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

_REMEDIES = {
    "str": "put it in quotes",
    "array": 'write a list, as ["1h"]',
    "object": "write a table, as [venues.gate]",
    "float": "write a number; a share is a fraction: 10 % is 0.10, 5 basis points are 0.0005",
    "int": "write a whole number",
}
"""What to do about a value of the wrong type, by the type that is wanted."""


class Reading:
    """The text being read: turns a place in the data (``["venues", "gate", "native"]``) into a line."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def shaped(self, place: list[str], given: dict[str, Any], kind: type[S]) -> S:
        """``given`` as a ``kind``; an unknown key, a missing one or a value of the wrong type is refused."""
        try:
            return msgspec.convert(given, kind)
        except msgspec.ValidationError as error:
            why, _, where = str(error).partition(" - at `$")
        unknown = re.search(r"unknown field `(.*)`", why)
        if unknown:
            key = unknown.group(1)
            raise self.refusal(place, key, f"unknown key {key!r}", choices(key, kind.__struct_fields__))
        place = [*place, *re.findall(r"[a-z_]+", where)]
        expected = re.search(r"[Ee]xpected `(\w+)`", why)
        hint = _REMEDIES.get(expected.group(1)) if expected else "see resources/universe.toml for a whole one"
        raise self.refusal(place, "", f"{'.'.join(place) or 'the file'}: {why[0].lower()}{why[1:]}", hint)

    def checked(self, place: list[str], text: str, parse: Callable[[str], T]) -> T:
        """``parse(text)``, its refusal made to name file and line."""
        try:
            return parse(text)
        except ConfigError as error:
            why = error.message if text in error.message else f"{text!r}: {error.message}"
            raise self.refusal(place, text, why, error.hint) from None

    def refusal(self, place: list[str], text: str, why: str, hint: str | None = None, *, nth: int = 1) -> ConfigError:
        """The error for the ``nth`` value or key ``text`` at ``place``."""
        return ConfigError(f"{self._path}, line {self._line(place, text, nth)}: {why}", hint=hint)

    def _line(self, place: list[str], text: str, nth: int) -> int:
        """The line, counted from 1, of ``text`` as a key or in quotes; of the table or key ``place`` if there is none."""
        at = 0
        for depth, name in enumerate(place):
            header = ".".join([*place[:depth], name])
            pattern = re.compile(rf"\s*(\[{re.escape(header)}\]|{re.escape(name)}\s*=)")
            at = next((i for i in range(at, len(self._lines)) if pattern.match(self._lines[i])), at)
        wanted = re.compile(rf"""^\s*{re.escape(text)}\s*=|(["']){re.escape(text)}\1""")
        found = [i for i in range(at, len(self._lines)) for _ in wanted.finditer(self._lines[i])]
        return (found[nth - 1] if len(found) >= nth else at) + 1
