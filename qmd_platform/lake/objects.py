"""Blobs in a bucket of an S3-compatible store (AWS, MinIO, Ceph), by obstore.

What lives here: the client and its settings. What does not: what a blob store promises (``lake.blobs``), which stores
a lake has (``lake.files``), what a failure means to a person (``lake.objects_errors``).

A PUT is durable when the server has answered. "If absent" is the server's own test (``If-None-Match: *``). A request
whose answer is lost is sent again; each put signs its object with a word drawn for it, so that a name found taken is
known to be taken by the very same put. ``replace`` names the bytes it replaces (``If-Match``), so that a request given
up and carried out late cannot undo what came after it.
"""

import errno
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from types import ModuleType
from typing import TypeVar

from qmd_platform.errors import ConfigError, LakeError
from qmd_platform.lake.blobs import Found
from qmd_platform.lake.objects_errors import Unanswered, is_about_the_file, refusal
from qmd_platform.lake.objects_settings import ObjectsAddress
from qmd_platform.lake.parallel import side_by_side
from qmd_platform.model.window import Instant

T = TypeVar("T")

PATIENCE_S = 20.0
"""How long to go on trying. One request may take as long, so that a call takes about twice this time at worst, and a put,
which may have to find out what became of it, five times."""

_SIGNATURE = "writer"
_PAUSE_S = 0.2
_NOTHING = "nothing was committed"
_RUNTIME: dict[str, int] = {}
"""``pid``: the process that used a store first. obstore's threads are its, and do not follow into a forked child."""


class ObjectBlobs:
    """Blobs as objects below ``s3://bucket/prefix``.

    The settings are the usual environment variables (``ObjectsAddress``). Nothing is sent before the first call. Not
    for a process forked after its parent used an object store: every call there is refused.

    Raises:
        ConfigError: obstore is not installed, the address or a setting cannot be used, or credentials are missing.
    """

    def __init__(self, url: str, *, patience_s: float = PATIENCE_S) -> None:
        self._address = ObjectsAddress.parse(url, os.environ)
        self._api = _obstore()
        self._patience_s = patience_s
        self._store = _client(self._api, self._address, timedelta(seconds=patience_s))

    def at(self, folder: str) -> "ObjectBlobs":
        """The blobs below ``folder``, by the same connections."""
        below = object.__new__(ObjectBlobs)
        vars(below).update(vars(self), _address=self._address.at(folder))
        return below

    def put(self, path: str, data: bytes) -> None:
        """See BlobStore."""
        if not self.put_if_absent(path, data):
            raise LakeError(
                f"cannot write {self.where(path)}: it exists", hint=f"a file is never overwritten; {_NOTHING}"
            )

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Keep ``data`` under ``path`` unless that is taken; whether it was kept."""
        signature = secrets.token_hex(8)

        def attempt() -> bool | None:
            if self._sent(path, data, "create", signature):
                return True
            owner = self._signature(path)
            return None if owner is None else owner == signature

        return self._patiently(path, attempt)

    def put_many(self, files: Mapping[str, bytes]) -> None:
        """See BlobStore."""
        made: list[str] = []

        def put(path: str) -> None:
            self.put(path, files[path])
            made.append(path)

        try:
            side_by_side(put, files)
        except Unanswered:
            raise  # the rest would not be deleted either, and is named by no commit
        except LakeError:
            with suppress(LakeError):
                side_by_side(self.delete, made)
            raise

    def replace(self, path: str, data: bytes) -> None:
        """See BlobStore."""

        def attempt() -> bool | None:
            return self._sent(path, data, self._state(path)) or None

        self._patiently(path, attempt)

    def read(self, path: str) -> bytes:
        """See BlobStore."""
        return self._call("read", path, lambda s3, key: bytes(s3.get(self._store, key).bytes()))

    def exists(self, path: str) -> bool:
        """See BlobStore."""
        try:
            self._call("look for", path, lambda s3, key: s3.head(self._store, key))
        except FileNotFoundError:
            # An answer to HEAD has no body: it may mean that there is no such bucket. GET tells.
            return self._signature(path) is not None
        return True

    def listing(self) -> Iterator[Found]:
        """See BlobStore."""
        prefix = self._address.prefix
        pages = self._call("list", "", lambda s3, key: s3.list(self._store, key or None))
        while (page := self._call("list", "", lambda s3, key: next(pages, None))) is not None:
            for one in page:
                modified = int(one["last_modified"].timestamp() * 1000)
                yield Found(one["path"].removeprefix(prefix), one["size"], modified)

    def paths(self) -> Iterator[str]:
        """See BlobStore."""
        return (found.path for found in self.listing())

    def sweep(self, before: Instant) -> None:
        """See BlobStore. A put that was stopped leaves nothing in an object store."""

    def delete(self, path: str) -> None:
        """See BlobStore."""
        with suppress(FileNotFoundError):
            self._call("delete", path, lambda s3, key: s3.delete(self._store, key))

    def where(self, path: str) -> str:
        """See BlobStore."""
        return self._address.where(path)

    def _patiently(self, path: str, attempt: Callable[[], bool | None]) -> bool:
        """What ``attempt`` gives once it gives something and the server answers; the last failure after a while."""
        late = time.monotonic() + self._patience_s
        while True:
            try:
                done = attempt()
            except Unanswered:
                if time.monotonic() > late:
                    raise
            else:
                if done is not None:
                    return done
                if time.monotonic() > late:
                    raise LakeError(f"cannot write {self.where(path)}: others do all the time", hint=_NOTHING)
            time.sleep(_PAUSE_S)

    def _sent(self, path: str, data: bytes, mode: str | dict[str, str], signature: str = "") -> bool:
        """PUT once; False where the server finds that ``mode`` (absent, or what is there) does not hold."""
        named = {"mode": mode, "attributes": {_SIGNATURE: signature}, "use_multipart": False}
        try:
            self._call("write", path, lambda s3, key: s3.put(self._store, key, data, **named))
        except (self._api.exceptions.AlreadyExistsError, self._api.exceptions.PreconditionError):
            return False
        return True

    def _state(self, path: str) -> str | dict[str, str]:
        """What is at ``path`` now, as ``_sent`` takes it."""
        try:
            return {"e_tag": self._call("write", path, lambda s3, key: s3.head(self._store, key)["e_tag"])}
        except FileNotFoundError:
            return "create"

    def _signature(self, path: str) -> str | None:
        """Who put ``path``; "" for another program, None if it is not there (any more)."""
        try:
            there = self._call("look for", path, lambda s3, key: s3.get(self._store, key).attributes)
        except FileNotFoundError:
            return None
        return str(there.get(_SIGNATURE, ""))

    def _call(self, verb: str, path: str, ask: Callable[[ModuleType, str], T]) -> T:
        """What ``ask`` gives for obstore and the key of ``path``.

        What it raises about this one file goes on; all else becomes a LakeError that names no secret.
        """
        if _RUNTIME.setdefault("pid", os.getpid()) != os.getpid():
            hint = "start workers by spawn or forkserver, not by fork"
            raise LakeError("an object store cannot be used in a process forked from one that used it", hint=hint)
        try:
            return ask(self._api, self._address.prefix + path)
        except FileNotFoundError as error:
            if is_about_the_file(str(error)):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.where(path)) from None
            raise refusal(verb, self._address, path, str(error)) from None
        except self._api.exceptions.BaseError as error:
            conditions = (self._api.exceptions.AlreadyExistsError, self._api.exceptions.PreconditionError)
            if isinstance(error, conditions) and is_about_the_file(str(error)):
                raise
            raise refusal(verb, self._address, path, str(error)) from None


def _client(api: ModuleType, address: ObjectsAddress, patience: timedelta) -> object:
    try:
        return api.store.S3Store(
            address.bucket,
            conditional_put="etag",
            disable_bulk_delete=True,  # not every store has it
            client_options={
                "allow_http": address.is_plain_http,
                "connect_timeout": min(patience, timedelta(seconds=5)),
                "timeout": patience,
            },
            retry_config={
                "max_retries": 30,
                "retry_timeout": patience,
                "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=2), "base": 2},
            },
        )
    except api.exceptions.BaseError:
        hint = "look at all variables of the environment that begin with AWS_"
        raise ConfigError("the object store's settings cannot be used", hint=hint) from None


def _obstore() -> ModuleType:
    try:
        import obstore.exceptions  # noqa: PLC0415 - an extra, and 20 ms
        import obstore.store  # noqa: PLC0415 - as above
    except ImportError:
        hint = "pip install 'qmd-platform[s3]'"
        raise ConfigError("files on an object store need the package obstore, which is missing", hint=hint) from None
    return obstore
