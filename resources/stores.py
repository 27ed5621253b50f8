"""The serving stores as a Dagster resource.

What lives here: opening one by its name, at the address of its setting. What does not: what is done there
(``qmd_platform.publish``). It has no fields to configure: addresses hold passwords, and the UI shows a resource's fields.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qmd_platform.publish.port import Store


class StoresResource:
    """PostgreSQL and QuestDB, where ``QMD_PUBLISH_POSTGRES_URL`` and ``QMD_PUBLISH_QUESTDB_URL`` say."""

    @contextmanager
    def open(self, name: str) -> Iterator["Store"]:
        """The store ``name``, let go of afterwards; ConfigError, which names the setting, where there is no address."""
        from qmd_platform.publish.opening import opened  # noqa: PLC0415 - only when a step runs

        store = opened(name, os.environ)
        try:
            yield store
        finally:
            store.close()
