"""The address of a PostgreSQL database: read, checked, and shown without its password.

What lives here: ``postgresql://user:password@host:port/database?schema=qmd`` to its parts. What does not: connecting
(``ledger.postgres``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from qmd_platform.errors import ConfigError

DEFAULT_SCHEMA = "qmd"

EXAMPLE = "postgresql://qmd:password@db.example.com:5432/qmd"

_ENCODE = f"write {EXAMPLE}; in the password : / @ ? # % are written %3A %2F %40 %3F %23 %25"


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """Where the ledger, or a copy of the data, is. ``options`` are libpq's own (``sslmode``); an empty part is left to libpq's defaults."""

    host: str
    port: int | None
    database: str
    user: str
    password: str = field(repr=False)
    schema: str
    options: Mapping[str, str]

    @classmethod
    def parse(cls, text: str, schema: str = DEFAULT_SCHEMA) -> Self:
        """The address written ``text``, in ``schema`` where it names none.

        Raises:
            ConfigError: it is none. The message never shows the text, as any part of it may be a part of the password.
        """
        parts = urlsplit(text.strip())
        if parts.scheme not in {"postgresql", "postgres"}:
            raise ConfigError("the PostgreSQL address does not begin with postgresql://", hint=f"write {EXAMPLE}")
        try:
            port = parts.port
        except ValueError:
            raise ConfigError("the PostgreSQL address has a port that is no number", hint=_ENCODE) from None
        database = unquote(parts.path.removeprefix("/"))
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if parts.fragment or "/" in database or "@" in database or any("@" in name for name in options):
            raise ConfigError("the PostgreSQL address cannot be taken apart", hint=_ENCODE)
        if not database:
            raise ConfigError("the PostgreSQL address names no database", hint=f"end it with one: {EXAMPLE}")
        if "password" in options:
            raise ConfigError("the PostgreSQL address has its password after the ?", hint=f"write {EXAMPLE}")
        schema = _checked_schema(options.pop("schema", schema), schema)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(unquote(parts.hostname or ""), port, database, user, password, schema, options)

    @property
    def where(self) -> str:
        """The address as a person finds it: no password, no options but the schema."""
        return self._url(self.user and quote(self.user, safe=""), {"schema": self.schema})

    @property
    def url(self) -> str:
        """The address with its password and without the schema, as other programs (Dagster) take it. Not to be shown."""
        password = f":{quote(self.password, safe='')}" if self.password else ""
        return self._url(quote(self.user, safe="") + password, self.options)

    def _url(self, who: str, options: Mapping[str, str]) -> str:
        host = f"[{self.host}]" if ":" in self.host else quote(self.host, safe="")
        port = f":{self.port}" if self.port is not None else ""
        asked = f"?{urlencode(options, quote_via=quote)}" if options else ""
        return f"postgresql://{who}{'@' if who else ''}{host}{port}/{quote(self.database, safe='')}{asked}"

    @property
    def parameters(self) -> dict[str, str | int]:
        """What a connection is made from, by libpq's names. Not to be shown."""
        given = {"host": self.host, "port": self.port, "user": self.user, "password": self.password}
        return {name: value for name, value in given.items() if value} | {"dbname": self.database, **self.options}

    def without_secrets(self, text: str) -> str:
        """``text`` with the password, however it is written, made unreadable."""
        written = {self.password, quote(self.password, safe=""), quote(self.password)}
        for secret in sorted(written - {""}, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def _checked_schema(name: str, default: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name) or name.startswith("pg_"):
        hint = "lower-case letters, digits and _, not beginning with a digit or pg_"
        raise ConfigError("the PostgreSQL address has a ?schema= that cannot be one", hint=hint)
    if name == "public":
        hint = f"leave ?schema= out for {default!r}; Dagster keeps its own tables in public"
        raise ConfigError("qmd's tables must not be in the schema public", hint=hint)
    return name
