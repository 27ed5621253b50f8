"""Dagster's instance: the folder it is configured in, and where it keeps its runs.

What lives here: ``dagster.yaml`` made for SQLite or PostgreSQL, refused when it is for the other one, switched when
the runs have been moved. What does not: moving them (``resources.moving``), starting Dagster (``cli.dev``).

One setting, ``QMD_POSTGRES_URL``, moves the lake's ledger and Dagster's storage. Dagster gets its own spelling of it,
``DAGSTER_POSTGRES_URL``, because the two read it differently (``dagster_url``).
"""

import re
from dataclasses import replace
from pathlib import Path

from qmd_platform.errors import ConfigError
from qmd_platform.ledger.address import PostgresAddress

SETTING = "QMD_POSTGRES_URL"
DERIVED = "DAGSTER_POSTGRES_URL"
"""What the shipped ``dagster.postgres.yaml`` names."""

FILE = "dagster.yaml"
ADDED = "dagster.postgres.yaml"
"""What is put at the end of ``dagster.yaml`` for PostgreSQL."""

_STORAGE = re.compile(r"^(storage|run_storage|event_log_storage|schedule_storage)\s*:", re.MULTILINE)


def dagster_url(url: str) -> str:
    """The ``DAGSTER_POSTGRES_URL`` that belongs to a ``QMD_POSTGRES_URL``. Not to be shown: it has the password.

    Three things differ. ``schema`` is the ledger's own parameter. The driver is named, because SQLAlchemy 2.1 takes
    another one by default than dagster-postgres brings. And the search path is ``public``, where Dagster keeps its
    tables: PostgreSQL's default prefers a schema that has the user's name, and for a user ``qmd`` that is the ledger's.
    Who gives ``options`` of their own chooses the path there.

    Raises:
        ConfigError: it is not the address of a PostgreSQL database.
    """
    address = PostgresAddress.parse(url)
    options = {"options": "-c search_path=public", **address.options}
    return replace(address, options=options).url.replace("postgresql:", "postgresql+psycopg2:", 1)


def dagster_home(home: Path, source: Path, postgres: str | None) -> Path:
    """The folder of Dagster's instance inside ``home``; its ``dagster.yaml`` is made when there is none.

    Args:
        home: folder of all state.
        source: the checkout, whose ``resources`` hold the files to copy.
        postgres: the value of ``QMD_POSTGRES_URL``, None for SQLite.

    Raises:
        ConfigError: the folder cannot be written, or its ``dagster.yaml`` keeps runs elsewhere than the setting says.
    """
    folder = home / "dagster"
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(_template(source, postgres), encoding="utf-8")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot keep Dagster's instance in {folder}: {error.strerror}") from error
    _refuse_other(path, text, postgres)
    return folder


def switch(folder: Path, source: Path) -> bool:
    """Make the ``dagster.yaml`` in ``folder`` one for PostgreSQL by adding to its end; whether that was needed."""
    path = folder / FILE
    text = path.read_text(encoding="utf-8")
    if _STORAGE.search(text):
        return False
    added = (source / "resources" / ADDED).read_text(encoding="utf-8")
    new = path.with_suffix(".yaml.new")
    new.write_text(f"{text.rstrip()}\n\n{added}", encoding="utf-8")
    new.replace(path)
    return True


def kept_in(folder: Path, postgres: str | None) -> str:
    """Where the instance in ``folder`` keeps its runs, in words."""
    text = (folder / FILE).read_text(encoding="utf-8")
    if postgres and DERIVED in text:
        return PostgresAddress.parse(postgres).where.partition("?")[0]
    return f"as {folder / FILE} says" if _STORAGE.search(text) else f"SQLite in {folder}"


def _template(source: Path, postgres: str | None) -> str:
    names = [FILE, ADDED] if postgres else [FILE]
    return "\n".join((source / "resources" / name).read_text(encoding="utf-8") for name in names)


def _refuse_other(path: Path, text: str, postgres: str | None) -> None:
    """ConfigError when the file and the setting contradict each other. A ``storage`` a person wrote is their choice."""
    if postgres is None and DERIVED in text:
        raise ConfigError(
            f"{path} keeps Dagster's runs in PostgreSQL, but {SETTING} is not set",
            hint=f"set {SETTING}; or delete `storage` from the file, to begin a new history in SQLite",
        )
    if postgres is not None and not _STORAGE.search(text):
        raise ConfigError(
            f"{SETTING} is set, but {path} keeps Dagster's runs in SQLite",
            hint="`qmd migrate-dagster` moves the runs to PostgreSQL and changes the file; `storage: {sqlite: ...}` in "
            "it says that they are to stay",
        )
