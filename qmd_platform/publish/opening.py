"""The serving stores of the settings.

What lives here: which settings there are, and the store each names. What does not: the stores (``postgres``, ``questdb``).

| setting | store |
|---|---|
| ``QMD_PUBLISH_POSTGRES_URL`` | ``postgresql://user:password@host/database``, in the schema ``market_data`` or ``?schema=NAME`` |
| ``QMD_PUBLISH_QUESTDB_URL`` | ``http://user:password@host:9000``, or ``https`` (``?tls_ca=FILE``): QuestDB's HTTP port |
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qmd_platform.errors import ConfigError, choices

if TYPE_CHECKING:
    from qmd_platform.publish.port import Store

SETTINGS = {"postgres": "QMD_PUBLISH_POSTGRES_URL", "questdb": "QMD_PUBLISH_QUESTDB_URL"}
"""The setting that names each store's address."""

EXAMPLES = {
    "postgres": "postgresql://qmd:password@db.example.com:5432/qmd",
    "questdb": "http://admin:password@questdb.example.com:9000",
}


def opened(name: str, environ: Mapping[str, str], url: str | None = None) -> "Store":
    """The store ``name`` at ``url``, or at the address of its setting; asks nobody yet.

    Raises:
        ConfigError: there is no such store, no address, or it is none. No message shows it, as it holds a password.
    """
    if name not in SETTINGS:
        raise ConfigError(f"there is no store {name!r}", hint=choices(name, tuple(SETTINGS)))
    setting = SETTINGS[name]
    address = url or environ.get(setting, "").strip()
    if not address:
        raise ConfigError(f"{setting} is not set", hint=f"it says where to publish: {setting}={EXAMPLES[name]}")
    try:
        return _made(name, address)
    except ConfigError as error:
        raise ConfigError(error.message if url else f"{setting}: {error.message}", hint=error.hint) from None


def is_set(name: str, environ: Mapping[str, str]) -> bool:
    """Whether there is an address for the store ``name``."""
    return bool(environ.get(SETTINGS[name], "").strip())


def _made(name: str, address: str) -> "Store":
    if name == "postgres":
        from qmd_platform.publish.postgres import PostgresStore  # noqa: PLC0415 - the one that is asked for

        return PostgresStore(address)
    from qmd_platform.publish.questdb import QuestStore  # noqa: PLC0415 - the same

    return QuestStore(address)
