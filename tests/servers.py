"""Servers for tests: PostgreSQL, Redis, MinIO and QuestDB, really started, on loopback, in folders of their own.

What lives here: starting, killing, restarting and ending them. What does not: the fixtures that hand them out and where
their programs are (``services``).
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
import requests

from tests import guards

_INITDB = ("--username=admin", "--encoding=UTF8", "--no-locale", "--auth=scram-sha-256", "--no-sync")
"""Only the empty database is not synced; what the server does later is."""

READY_S = 60
"""A server that is not ready by then is not going to be."""

REGION = "us-east-1"


class Server(ABC):
    """A program that serves one port from one folder, which outlives it: it can be started again."""

    def __init__(self, program: Path, name: str, user: str | None = None) -> None:
        self._program = program
        self._user = pwd.getpwnam(user) if user else None
        self._process: subprocess.Popen[bytes] | None = None
        # Not below pytest's own folder: that one is closed to other users, and too deep for a Unix socket's name.
        self.folder = Path(tempfile.mkdtemp(prefix=f"qmd-{name}-"))
        self.log = self.folder / "log"
        self.log.touch()
        self._give_away(self.folder, self.log)
        self.port = free_port()

    def start(self) -> None:
        """Start it and wait until it answers. After ``kill`` the same data are served at the same address."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_ended_with_us(), *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self._environ(),
                start_new_session=True,
                **self._as_user(),
            )
        deadline = time.monotonic() + READY_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                pytest.fail(f"{self._program.name} did not start:\n{self.log.read_text()[-2000:]}", pytrace=False)
            time.sleep(0.05)

    def kill(self) -> None:
        """End it, and the processes it started, as a crash does: at once, nothing is written any more."""
        if self._process is None:
            return
        for pid in (self._process.pid, *guards.children_of(self._process.pid)):
            _signal(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """End it in good order."""
        if self._process is None:
            return
        _signal(self._process.pid, signal.SIGINT)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def close(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _is_ready(self) -> bool: ...

    def _environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}

    def _as_user(self) -> dict[str, Any]:
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}

    def _give_away(self, *paths: Path) -> None:
        for path in paths if self._user else ():
            os.chown(path, self._user.pw_uid, self._user.pw_gid)


class Postgres(Server):
    """A PostgreSQL server with its defaults for durability. Tests get a role that owns its database, no more."""

    def __init__(self, programs: Path) -> None:
        # It refuses to run as root.
        super().__init__(programs / "postgres", "postgres", "postgres" if os.geteuid() == 0 else None)
        self._password = secrets.token_hex(8)
        password_file = self.folder / "password"
        password_file.write_text(self._password)
        self._give_away(password_file)
        made = subprocess.run(
            [programs / "initdb", "-D", self.folder / "data", *_INITDB, f"--pwfile={password_file}"],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self._environ(),
            **self._as_user(),
        )
        assert made.returncode == 0, made.stderr
        self.start()
        with _asked(self._url("admin", "postgres")) as ask:
            ask(f"CREATE ROLE qmd LOGIN CREATEDB PASSWORD '{self._password}'")
            ask("CREATE DATABASE qmd OWNER qmd")

    @property
    def url(self) -> str:
        """Where a client connects, password included."""
        return self._url("qmd", "qmd")

    def _url(self, role: str, database: str) -> str:
        return f"postgresql://{role}:{self._password}@127.0.0.1:{self.port}/{database}"

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "shared_buffers": "16MB",
        }
        given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._program), "-D", str(self.folder / "data"), *given]

    def _is_ready(self) -> bool:
        asked = [self._program.parent / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0


class Redis(Server):
    """A Redis server that keeps what it has only in memory."""

    def __init__(self, program: Path) -> None:
        super().__init__(program, "redis")
        self.start()

    @property
    def url(self) -> str:
        """Where a client connects."""
        return f"redis://127.0.0.1:{self.port}/0"

    def fresh_url(self) -> str:
        """The same, with nothing kept there any more."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"FLUSHALL SYNC\r\n")
            assert connection.recv(16).startswith(b"+OK")
        return self.url

    def _command(self) -> list[str]:
        return [str(self._program), "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


class Minio(Server):
    """A MinIO server on one folder, with one bucket.

    What it has acknowledged outlives its process. It would outlive the machine with ``MINIO_FS_OSYNC=on``, which syncs
    every disk of the machine at every PUT, and which no test here can tell.
    """

    BUCKET = "lake"

    def __init__(self, program: Path) -> None:
        super().__init__(program, "minio")
        self._user_name, self._password = secrets.token_hex(8), secrets.token_hex(16)
        self.start()
        self.make_bucket(self.BUCKET)

    @property
    def endpoint(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """What a client has to know, by the names obstore gives it."""
        return {
            "endpoint_url": self.endpoint,
            "access_key_id": self._user_name,
            "secret_access_key": self._password,
            "region": REGION,
        }

    @property
    def environ(self) -> dict[str, str]:
        """The same as environment variables."""
        return {f"AWS_{name.upper()}": value for name, value in self.settings.items()}

    def fresh_url(self) -> str:
        """A folder nobody has written to."""
        return f"s3://{self.BUCKET}/{secrets.token_hex(6)}"

    def make_bucket(self, name: str) -> None:
        """Make an empty bucket."""
        import obstore
        from obstore.store import S3Store

        store = S3Store(name, **self.settings, client_options={"allow_http": True})
        address = obstore.sign(store, "PUT", "", timedelta(minutes=1))
        requests.put(address, timeout=30).raise_for_status()

    def _environ(self) -> dict[str, str]:
        return super()._environ() | {
            "MINIO_ROOT_USER": self._user_name,
            "MINIO_ROOT_PASSWORD": self._password,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }

    def _command(self) -> list[str]:
        where = ["--address", f"127.0.0.1:{self.port}", "--certs-dir", str(self.folder / "certs")]
        return [str(self._program), "server", "--quiet", "--anonymous", *where, str(self.folder / "data")]

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.endpoint}/minio/health/cluster", timeout=5).ok
        except requests.RequestException:
            return False


class QuestDB(Server):
    """A QuestDB server, which asks for a password on both of its ports and tells nobody that it runs."""

    def __init__(self, jar: Path) -> None:
        super().__init__(Path(shutil.which("java") or "java"), "questdb")
        self._jar, self._password, self._pg_port = jar, secrets.token_hex(8), free_port()
        self.start()

    @property
    def url(self) -> str:
        """Where qmd connects, password included."""
        return f"http://qmd:{self._password}@127.0.0.1:{self.port}"

    @property
    def postgres_url(self) -> str:
        """Where a PostgreSQL client connects."""
        return f"postgresql://qmd:{self._password}@127.0.0.1:{self._pg_port}/qdb"

    def fresh_url(self) -> str:
        """The same as ``url``, with no tables there any more."""
        requests.get(f"{self.url}/exec", {"query": "DROP ALL TABLES"}, timeout=30).raise_for_status()
        return self.url

    stop = Server.kill  # in good order it takes seconds, and nobody needs what it has

    def _environ(self) -> dict[str, str]:
        ports = {"HTTP_BIND_TO": f"127.0.0.1:{self.port}", "PG_NET_BIND_TO": f"127.0.0.1:{self._pg_port}"}
        users = {"HTTP_USER": "qmd", "HTTP_PASSWORD": self._password, "PG_USER": "qmd", "PG_PASSWORD": self._password}
        off = dict.fromkeys(("TELEMETRY_ENABLED", "LINE_TCP_ENABLED", "HTTP_MIN_ENABLED"), "false")
        pages = ("WRITER_DATA", "WAL_WRITER_DATA", "WRITER_DATA_INDEX_VALUE")  # a table of 3 rows is 100 MB otherwise
        small = {f"CAIRO_{name}_APPEND_PAGE_SIZE": "64k" for name in pages}
        small |= {"CAIRO_O3_COLUMN_MEMORY_SIZE": "256k", "SHARED_WORKER_COUNT": "1", "DEV_MODE_ENABLED": "true"}
        return super()._environ() | {f"QDB_{name}": value for name, value in (ports | users | off | small).items()}

    def _command(self) -> list[str]:
        program = ["-p", str(self._jar), "-m", "io.questdb/io.questdb.ServerMain", "-d", str(self.folder)]
        return [str(self._program), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", *program]

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/exec", {"query": "SELECT 1"}, timeout=5).ok
        except requests.RequestException:
            return False


def free_port() -> int:
    """A port of this machine nobody listens on, and none that an outgoing connection is given by chance."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port


def _ended_with_us() -> list[str]:
    """What a command starts with to be ended when the tests are killed, where the system can do that."""
    return ["setpriv", "--pdeathsig", "INT"] if shutil.which("setpriv") else []


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def fresh_schema(url: str) -> str:
    """``url`` with a schema nobody has made."""
    return f"{url}?schema=t_{secrets.token_hex(6)}"


def fresh_database(url: str) -> str:
    """The URL of a new, empty database on the server of ``url``."""
    name = f"t_{secrets.token_hex(6)}"
    with _asked(url) as ask:
        ask(f"CREATE DATABASE {name}")
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}", query=""))


@contextmanager
def _asked(url: str) -> Iterator[Callable[[str], None]]:
    """Send statements to a PostgreSQL server, each on its own."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        yield connection.cursor().execute
    finally:
        connection.close()
