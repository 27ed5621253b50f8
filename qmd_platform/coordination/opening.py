"""Opening what workers agree on: which store, under which names.

What lives here: ``Coordination``, and the choice of its store. What does not: reading settings (``config``).
"""

import os
import secrets
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from qmd_platform.coordination.account import Account
from qmd_platform.coordination.leases import Leases
from qmd_platform.coordination.link import RETRY_S, Link
from qmd_platform.coordination.port import Halt, Store
from qmd_platform.coordination.settings import Settings
from qmd_platform.coordination.sharing import SharedSpending
from qmd_platform.coordination.sqlite import SqliteStore

__all__ = ["Coordination", "Settings", "opened"]

FILE = "coordination.sqlite"


class Coordination:
    """What the workers of one lake share beside its data. Safe to share between threads."""

    def __init__(self, store: Store, lake: str, settings: Settings, *, retry_s: float = RETRY_S) -> None:
        """As ``opened``."""
        self.store = store
        self.settings = settings
        self._link = Link(store, retry_s=retry_s)
        self.leases = Leases(self._link, f"lease|{lake}|")
        self._worker = f"{os.getpid()}-{secrets.token_hex(3)}"

    def budgets(self, venue: str, url: str | None = None) -> SharedSpending:
        """The budgets of ``venue``, for ``venues.client(venue, venue_url=url, spending=...)``.

        With ``url`` a server answers in the venue's place: it has its own penalties, and no budgets unless limits are
        to be kept there too.
        """
        keeps = url is None or self.settings.keep_limits
        return SharedSpending(self._link, self._key(venue, url), self._worker, keeps_budgets=keeps)

    def halt(self, venue: str, url: str | None = None) -> Halt:
        """The penalties in force for ``venue``, asked of the store now.

        Raises:
            StoreAway: it gives no answer.
        """
        return self._link.changed_now(
            self._key(venue, url), lambda read: (None, Account.parse(read.text).halt(read.now))
        )

    def _key(self, venue: str, url: str | None) -> str:
        return f"budget|{venue}|{self.settings.address if url is None else urlsplit(url).netloc}"

    def close(self) -> None:
        """Give back the store's connection."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def opened(root: Path, lake: str, settings: Settings | None = None, *, postgres: str | None = None) -> Coordination:
    """What the workers of ``lake`` share. Opening it asks nobody yet.

    Args:
        root: the lake's folder, on a disk of this machine; has the SQLite file when no server is named.
        lake: the lake's id; its leases are its own. Budgets are shared by all lakes of one store.
        settings: how; without any, budgets are kept for real venues, and all workers have one address.
        postgres: the address of the ledger's database.

    Raises:
        ConfigError: an address is not one.
    """
    settings = settings or Settings()
    return Coordination(_store(root, postgres, settings.redis), lake, settings)


def _store(root: Path, postgres: str | None, redis: str | None) -> Store:
    if redis is not None:
        from qmd_platform.coordination.redis import RedisStore  # noqa: PLC0415 - an extra

        return RedisStore(redis)
    if postgres is not None:
        from qmd_platform.coordination.postgres import PostgresStore  # noqa: PLC0415 - only for a team

        return PostgresStore(postgres)
    return SqliteStore(root / FILE)
