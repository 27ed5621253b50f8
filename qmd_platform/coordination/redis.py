"""The store in Redis: for many machines that ask venues often. Its clock is the server's.

What lives here: everything particular to Redis. What does not: the texts in it (``account``, ``leases``).

Everything goes away by itself a week after it was last changed. A server that forgets (a restart without persistence, a
failover) costs what a crash of the others costs: see ``coordination.postgres``.
"""

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from qmd_platform.coordination.away import StoreAway, StoreBusy
from qmd_platform.coordination.port import Read
from qmd_platform.errors import ConfigError

T = TypeVar("T")

EXAMPLE = "redis://:password@redis.example.com:6379/0"

TIMEOUT_S = 1.0
"""How long an answer may take."""

KEPT_S = 7 * 86_400

_SWAP = """
local found = redis.call('GET', KEYS[1])
if (found or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""


def checked(url: str) -> str:
    """``url`` itself; ConfigError if it cannot be an address. The message never shows it: it may hold a password."""
    parts = urlsplit(url)
    try:
        is_one = parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise ConfigError("the Redis address cannot be read", hint=f"write {EXAMPLE}")
    return url


class RedisStore:
    """``port.Store`` in the database of ``url``, under keys that begin with ``qmd:``."""

    is_remote = True

    def __init__(self, url: str) -> None:
        parts = urlsplit(checked(url))
        self._url = url
        self._lock = threading.Lock()
        self._client: Any = None
        self._process = 0
        self.where = f"{parts.scheme}://{parts.hostname}:{parts.port or 6379}{parts.path}"

    def read(self, key: str) -> Read:
        """See Store."""

        def asked(client: Any) -> Read:  # noqa: ANN401 - redis is an extra
            (seconds, micros), found = client.pipeline(transaction=False).time().get(f"qmd:{key}").execute()
            return Read(seconds + micros / 1e6, found)

        return self._done(asked)

    def swap(self, key: str, old: str | None, new: str) -> bool:
        """See Store."""
        return bool(self._done(lambda client: client.eval(_SWAP, 1, f"qmd:{key}", old or "", new, KEPT_S)))

    def close(self) -> None:
        """See Store."""
        with self._lock:
            client, self._client = self._client, None
            if client is not None and self._process == os.getpid():
                client.close()

    def _done(self, work: Callable[[Any], T]) -> T:
        redis = _driver()
        with self._lock:
            if self._client is None or self._process != os.getpid():
                self._client, self._process = self._connected(redis), os.getpid()
            try:
                return work(self._client)
            except redis.exceptions.BusyLoadingError as error:
                raise StoreAway(f"{self.where}: {error}") from None
            except redis.exceptions.TryAgainError as error:
                raise StoreBusy(f"{self.where}: {error}") from None
            except (redis.RedisError, OSError) as error:
                raise StoreAway(f"{self.where}: {error}") from None

    def _connected(self, redis: Any) -> Any:  # noqa: ANN401 - as above
        from redis.backoff import NoBackoff  # noqa: PLC0415 - an extra
        from redis.retry import Retry  # noqa: PLC0415 - an extra

        return redis.Redis.from_url(
            self._url,
            decode_responses=True,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
            client_name="qmd",
        )


def _driver() -> Any:  # noqa: ANN401 - an extra, perhaps absent
    try:
        import redis  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigError(
            "QMD_REDIS_URL is set, and redis is not installed", hint="pip install 'qmd-platform[redis]'"
        ) from None
    return redis
