"""Where a lake under test is kept: which ledger, which files.

What lives here: ``Backend``, a lake's address that can be handed to another process, opened, copied and robbed of its
ledger. What does not: the servers (``tests.services``), which tests run on which backend (``conftest``).
"""

import os
import secrets
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from qmd_platform.lake.store import Lake

SQLITE_DISK = "sqlite+disk"
POSTGRES_DISK = "postgres+disk"
POSTGRES_MINIO = "postgres+minio"


@dataclass(frozen=True)
class Backend:
    """One lake. ``postgres`` names its ledger's server and schema, ``files`` its object store; None: on disk."""

    name: str
    root: Path
    postgres: str | None = None
    files: str | None = None

    def open(self) -> Lake:
        """The lake, made if absent. For the process that calls it."""
        return Lake.open(self.root, postgres=self.postgres, files=self.files)

    def fresh(self) -> "Backend":
        """A lake beside this one that is not there yet."""
        word = secrets.token_hex(4)
        return replace(
            self,
            root=self.root.with_name(f"{self.root.name}-{word}"),
            postgres=self.postgres and self.postgres.partition("?")[0] + f"?schema=qmd_{word}",
            files=self.files and f"{self.files}-{word}",
        )

    def without_ledger(self) -> "Backend":
        """A copy of the files alone: what is left when the ledger is lost. Nobody may write meanwhile."""
        copy = self.fresh()
        shutil.copytree(self.root, copy.root, ignore=shutil.ignore_patterns("ledger.sqlite*"))
        if self.files and copy.files:
            _copy_objects(self.files, copy.files)
        return copy

    def wipe(self) -> None:
        """Remove what is on disk; what is on a server goes with the server."""
        shutil.rmtree(self.root, ignore_errors=True)


def _copy_objects(source: str, target: str) -> None:
    import obstore
    from obstore.store import S3Store

    options = {"client_options": {"allow_http": True}, "endpoint": os.environ["AWS_ENDPOINT_URL"]}
    ours, theirs = (S3Store.from_url(url, **options) for url in (source, target))
    for page in obstore.list(ours):
        for one in page:
            obstore.put(theirs, one["path"], obstore.get(ours, one["path"]).bytes())
