"""The store in PostgreSQL: for all machines of a team. Its clock is the server's.

What lives here: everything particular to PostgreSQL. What does not: the texts in it (``account``, ``leases``), the
ledger's tables (``ledger``), with which it shares a schema and nothing else.

The table is unlogged and its changes are not waited for: after a crash of the server it is empty, which costs nothing
but another refusal of a venue that had banned us. Every answer is awaited with a deadline, also that of a server that
hangs with its sockets open; so the driver is used in its asynchronous mode.
"""

import os
import select
import threading
import time
from typing import Any

from qmd_platform.coordination.away import StoreAway, StoreBusy
from qmd_platform.coordination.port import Read
from qmd_platform.ledger.address import PostgresAddress

TIMEOUT_S = 1.0
"""How long an answer may take."""

CONNECT_S = 2.0
"""How long a new connection may take: a name is looked up, and TLS is agreed on."""

_OPTIONS = "-c default_transaction_isolation=read\\ committed -c synchronous_commit=off -c lock_timeout=900 -c statement_timeout=900"
_BUSY = {"40001", "40P01", "55P03"}
_RACED = {"23505", "42P07", "42P06", "42710"}
"""Two made the same table at once."""


class PostgresStore:
    """``port.Store`` in the table ``coordination`` of the ledger's schema."""

    is_remote = True

    def __init__(self, url: str) -> None:
        self._address = PostgresAddress.parse(url)
        self._table = f'"{self._address.schema}".coordination'
        self._lock = threading.Lock()
        self._connection: Any = None
        self._process = 0
        self.where = self._address.where

    def read(self, key: str) -> Read:
        """See Store."""
        query = f"SELECT extract(epoch FROM clock_timestamp())::float8, (SELECT text FROM {self._table} WHERE key = %s)"  # noqa: S608 - the schema's name is checked
        (now, text), _ = self._done(query, (key,))
        return Read(now, text)

    def swap(self, key: str, old: str | None, new: str) -> bool:
        """See Store."""
        if old is None:
            insert = f"INSERT INTO {self._table} (key, text) VALUES (%s, %s) ON CONFLICT (key) DO NOTHING"  # noqa: S608 - as above
            return bool(self._done(insert, (key, new))[1])
        update = f"UPDATE {self._table} SET text = %s WHERE key = %s AND text = %s"  # noqa: S608 - as above
        return bool(self._done(update, (new, key, old))[1])

    def close(self) -> None:
        """See Store."""
        with self._lock:
            self._drop()

    def _done(self, statement: str, values: tuple[str, ...]) -> tuple[Any, int]:
        """The first row of the answer, and how many rows were touched."""
        import psycopg2  # noqa: PLC0415 - only for a team

        with self._lock:
            try:
                if self._connection is None or self._process != os.getpid():
                    self._connection, self._process = self._connected(), os.getpid()
                    self._make_table()
                return self._asked(statement, values, TIMEOUT_S)
            except psycopg2.Error as error:
                if error.pgcode in _BUSY:
                    raise StoreBusy(self._said(error)) from None
                self._drop()
                raise (StoreBusy if error.pgcode in _RACED else StoreAway)(self._said(error)) from None
            except OSError as error:
                self._drop()
                raise StoreAway(f"{self.where}: {error.strerror or error}") from None

    def _connected(self) -> Any:  # noqa: ANN401 - psycopg2 has no types
        import psycopg2  # noqa: PLC0415 - as above

        given = {"application_name": "qmd coordination", "client_encoding": "utf8"} | self._address.parameters
        given["options"] = f"{given.get('options', '')} {_OPTIONS}".strip()
        connection = psycopg2.connect(**given, async_=1)
        self._wait(connection, CONNECT_S)
        return connection

    def _make_table(self) -> None:
        found, _ = self._asked(
            "SELECT to_regnamespace(%s), to_regclass(%s)", (f'"{self._address.schema}"', self._table), TIMEOUT_S
        )
        # Not IF NOT EXISTS: that asks for the right to make schemas even where there is nothing to make.
        if found[0] is None:
            self._asked(f'CREATE SCHEMA "{self._address.schema}"', (), TIMEOUT_S)
        if found[1] is None:
            columns = "key text PRIMARY KEY, text text NOT NULL"
            self._asked(f"CREATE UNLOGGED TABLE {self._table} ({columns}) WITH (fillfactor = 50)", (), TIMEOUT_S)

    def _asked(self, statement: str, values: tuple[str, ...], seconds: float) -> tuple[Any, int]:
        cursor = self._connection.cursor()
        cursor.execute(statement, values)
        self._wait(self._connection, seconds)
        return (cursor.fetchone() if cursor.description else None), cursor.rowcount

    @staticmethod
    def _wait(connection: Any, seconds: float) -> None:  # noqa: ANN401 - as above
        """Until the connection has done what it was told; TimeoutError (an OSError) if that takes too long."""
        from psycopg2 import extensions  # noqa: PLC0415 - as above

        deadline = time.monotonic() + seconds
        while (state := connection.poll()) != extensions.POLL_OK:
            ready = select.poll()
            ready.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
            if not ready.poll(max(deadline - time.monotonic(), 0) * 1000):
                raise TimeoutError(f"no answer within {seconds:g} s")

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        # What a forked child has of its parent's connection is only forgotten: the server still serves the parent.
        if connection is not None and not connection.closed and self._process == os.getpid():
            connection.close()

    def _said(self, error: Exception) -> str:
        """Why, on one line, without the password."""
        return f"{self.where}: {self._address.without_secrets(' '.join(str(error).split()))}"
