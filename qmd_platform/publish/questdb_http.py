"""QuestDB over HTTP: questions in SQL, rows by its own client (ILP). One port serves both.

What lives here: the address, the answers, errors as ours, waiting until what was accepted can be seen. What does not: what
is asked and sent (``questdb``, ``questdb_sql``).
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from qmd_platform.errors import ConfigError, StoreError
from qmd_platform.publish.opening import EXAMPLES, SETTINGS
from qmd_platform.publish.shape import REMAKE

if TYPE_CHECKING:
    import pandas as pd
    import requests
    from questdb import Sender

SETTING = SETTINGS["questdb"]
EXAMPLE = EXAMPLES["questdb"]
ENCODE = f"write {EXAMPLE}; in the password : / @ ? # % are written %3A %2F %40 %3F %23 %25"
EXTRA = "pip install 'qmd-platform[questdb]'"

PORT = 9000
ANSWER_S = 120.0
"""How long a question may take: a count over all rows of a table is one."""

FIRST_S = 10.0
"""How long the first and shortest question may take: another port than HTTP's takes it, and never answers."""

RETRY_MS = 10_000
"""How long the client tries again when the server is away: a restart is not noticed."""

STALLED_S = 120.0
"""Accepted rows of which none became visible for so long: something is wrong with the server."""


@dataclass(frozen=True, slots=True)
class QuestAddress:
    """Where QuestDB's HTTP port is, and who asks. ``authorities``: the file with those who may have signed its certificate, or "".

    Without one they are those that public servers have. Nothing of the environment is heeded (proxies, .netrc, other files of
    authorities): questions and rows go the same way, and QuestDB's client heeds none of it.
    """

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    authorities: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The address written ``text``; ConfigError, which never shows the text, if it is none."""
        parts = urlsplit(text.strip())
        if parts.scheme not in {"http", "https"}:
            hint = f"write {EXAMPLE}: its HTTP port, not 8812 or 9009"
            raise ConfigError("the QuestDB address does not begin with http:// or https://", hint=hint)
        try:
            port = parts.port or PORT
        except ValueError:
            raise ConfigError("the QuestDB address has a port that is no number", hint=ENCODE) from None
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        authorities = options.pop("tls_ca", "")
        if not parts.hostname or parts.path not in {"", "/"} or options or parts.fragment:
            raise ConfigError("the QuestDB address cannot be taken apart", hint=ENCODE)
        if authorities and (parts.scheme != "https" or not Path(authorities).is_file()):
            hint = "write https://...?tls_ca=/path/to/ca.pem, or leave it out for a certificate that is publicly known"
            raise ConfigError(
                "the QuestDB address has a ?tls_ca= that is no file, or that http has no use for", hint=hint
            )
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.scheme, parts.hostname, port, user, password, authorities)

    @property
    def where(self) -> str:
        """The address without the password."""
        who = f"{quote(self.user, safe='')}@" if self.user else ""
        return f"{self.scheme}://{who}{self._place}"

    @property
    def base(self) -> str:
        """The address without user and password."""
        return f"{self.scheme}://{self._place}"

    @property
    def client(self) -> str:
        """The address as QuestDB's client takes it."""
        return f"{self.scheme}::addr={self._place};"

    @property
    def _place(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def without_secrets(self, text: str) -> str:
        """``text`` with the password made unreadable."""
        for secret in sorted({self.password, quote(self.password, safe="")} - {""}, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def client() -> "type[Sender]":
    """QuestDB's own client; ConfigError where its package is missing."""
    try:
        from questdb import Sender  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigError("QuestDB needs the package questdb, which is missing", hint=EXTRA) from None
    return Sender


class Quest:
    """A QuestDB server: ``ask`` it in SQL, ``send`` it rows. Every failure is a StoreError."""

    def __init__(self, address: QuestAddress) -> None:
        self.address = address
        self._session: requests.Session | None = None
        self._sender: Sender | None = None
        self._is_reached = False

    def ask(self, query: str) -> list[list[Any]]:
        """The rows of the answer; none for a statement that has no answer."""
        if not self._is_reached:
            self._asked("SELECT 1", FIRST_S, _FIRST)
            self._is_reached = True
        return self._asked(query, ANSWER_S, _CHECK)

    def _asked(self, query: str, seconds: float, hint: str) -> list[list[Any]]:
        import requests  # noqa: PLC0415 - only for who serves from QuestDB

        if self._session is None:
            self._session = requests.Session()
            self._session.auth = (self.address.user, self.address.password) if self.address.user else None
            self._session.trust_env = False
            self._session.verify = self.address.authorities or True
        try:
            answer = self._session.get(f"{self.address.base}/exec", params={"query": query}, timeout=(10, seconds))
            said: dict[str, Any] = (
                answer.json() if "json" in answer.headers.get("Content-Type", "") else {"error": answer.text}
            )
        except requests.exceptions.SSLError as error:
            raise self.failed("cannot be reached", _why(error), _TRUST) from None
        except (requests.RequestException, ValueError) as error:
            raise self.failed("cannot be reached", _why(error), hint) from None
        if answer.status_code in {401, 403}:
            raise self.failed("does not let this user in", str(said.get("error", "")), _USER)
        if "error" in said:
            why = str(said["error"])
            raise self.failed("refused a question", why, REMAKE if "Invalid column" in why else None)
        rows: list[list[Any]] = said.get("dataset", [])
        return rows

    def send(self, table: str, rows: "pd.DataFrame", symbols: list[str], at: str) -> None:
        """Upsert ``rows``, all or none of them; they are durable as the server's settings say, and not visible yet."""
        from questdb import QuestDBError  # noqa: PLC0415 - an extra

        try:
            with self._connected().transaction(table) as transaction:
                transaction.dataframe(rows, symbols=symbols, at=at)
        except QuestDBError as error:
            self._let_go()
            raise self._refusal(error) from None

    def wait(self, table: str) -> None:
        """Until all that was accepted for ``table`` so far can be seen."""
        target, seen, since, pause = None, -1, time.monotonic(), 0.002
        name = table.replace("'", "''")
        query = f"SELECT sequencerTxn, writerTxn, suspended, errorMessage FROM wal_tables() WHERE name = '{name}'"
        while True:
            rows = self.ask(query)
            if not rows:
                raise self.failed(f"has no table {table}", "it was there a moment ago", "load it again")
            accepted, visible, suspended, why = rows[0]
            if suspended:
                hint = f"mend the cause, then tell QuestDB: ALTER TABLE {table} RESUME WAL"
                raise self.failed(f"has stopped taking rows into {table}", str(why), hint)
            target = accepted if target is None else target
            if visible >= target:
                return
            since = time.monotonic() if visible > seen else since
            seen = max(seen, visible)
            if time.monotonic() - since > STALLED_S:
                raise self.failed(f"does not show new rows of {table}", f"for {STALLED_S:g} s", "look into its log")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)

    def close(self) -> None:
        """Let go of the server."""
        self._let_go()
        if self._session is not None:
            self._session.close()
            self._session = None

    def failed(self, what: str, said: str, hint: str | None) -> StoreError:
        """A StoreError about this server; no password in it."""
        text = self.address.without_secrets(" ".join(said.split()))
        return StoreError(f"QuestDB at {self.address.where} {what}: {text}", hint=hint)

    def _connected(self) -> "Sender":
        if self._sender is None:
            user, password = self.address.user or None, self.address.password if self.address.user else None
            trusted = Path(self.address.authorities) if self.address.authorities else None
            sender = client().from_conf(
                self.address.client,
                username=user,
                password=password,
                tls_roots=trusted,
                auto_flush=False,
                retry_timeout=RETRY_MS,
            )
            sender.establish()  # type: ignore[no-untyped-call] # its stub leaves the annotation out
            self._sender = sender
        return self._sender

    def _refusal(self, error: Exception) -> StoreError:
        code = getattr(getattr(error, "code", None), "name", "")
        if code in {"AuthError", "HttpNotSupported"} or "401" in str(error):
            return self.failed("does not let this user in", str(error), _USER)
        if code in {"SocketError", "ProtocolVersionError", "CouldNotResolveAddr", "TlsError"}:
            return self.failed("cannot be reached", str(error), _CHECK)
        hint = REMAKE if "cast error" in str(error) else "nothing of them was kept; look into its log, and load again"
        return self.failed("did not take rows", str(error), hint)

    def _let_go(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close(flush=False)


def _why(error: Exception) -> str:
    """The cause alone: requests puts the question before it."""
    return str(getattr(error.args[0], "reason", error) if error.args else error)


_CHECK = f"check {SETTING}, and that the server runs and can be reached from here; loading again goes on"
_FIRST = f"check {SETTING}: it is the HTTP port (9000), not 8812 or 9009; and that the server runs and can be reached from here"
_TRUST = f"its certificate is not signed by one that is publicly known: end {SETTING} with ?tls_ca=/path/to/ca.pem"
_USER = f"check user and password in {SETTING} (in the password : / @ ? # % are written %3A %2F %40 %3F %23 %25)"
