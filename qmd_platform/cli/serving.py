"""The doctor's look at the serving stores.

What lives here: whether those that are set can be used by this lake. What does not: what they were loaded with
(``qmd publish STORE --check``).
"""

from collections.abc import Iterator, Mapping

from qmd_platform.cli.check import Check, failed
from qmd_platform.errors import QmdError
from qmd_platform.lake.store import Lake
from qmd_platform.publish.opening import SETTINGS, is_set, opened


def checks(lake: Lake, environ: Mapping[str, str]) -> Iterator[Check]:
    """One for each store that has an address; nothing is made or changed in it."""
    for name in SETTINGS:
        if is_set(name, environ):
            yield _looked(lake, name, environ)


def _looked(lake: Lake, name: str, environ: Mapping[str, str]) -> Check:
    try:
        store = opened(name, environ)
        try:
            store.claim(lake.place.lake, make=False)
        finally:
            store.close()
    except QmdError as error:
        return failed(f"publish {name}", error)
    return Check(
        f"publish {name}", "ok", f"{store.where} can be used; `qmd publish {name} --check` says if it is up to date"
    )
