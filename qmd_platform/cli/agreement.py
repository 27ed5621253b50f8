"""The doctor's look at what workers agree on: is the store there, and does a venue refuse us for now.

What lives here: the checks. What does not: budgets and leases themselves (``coordination``).
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from qmd_platform import config
from qmd_platform.cli import show
from qmd_platform.cli.check import Check, failed
from qmd_platform.coordination.account import Halt
from qmd_platform.coordination.away import StoreAway
from qmd_platform.coordination.opening import Coordination
from qmd_platform.coordination.settings import ANY_ADDRESS
from qmd_platform.errors import QmdError, VenueError
from qmd_platform.lake.store import Lake


def checks(lake: Lake, venues: Iterable[str], url: str | None) -> Iterator[Check]:
    """The store, and the penalties in force for each venue."""
    try:
        with config.open_coordination(lake) as coordination:
            yield from _looked(coordination, venues, url)
    except QmdError as error:
        yield failed("coordination", error)


def _looked(coordination: Coordination, venues: Iterable[str], url: str | None) -> Iterator[Check]:
    store = coordination.store
    if not store.is_remote and not Path(store.where).exists():
        yield Check("coordination", "ok", f"{store.where} (made by the first fetch)")
        return
    try:
        halts = {venue: coordination.halt(venue, url) for venue in venues}
    except StoreAway as error:
        todo = "mend it; until then each worker asks venues slowly, by itself, and nothing is lost"
        yield Check("coordination", "warn", f"budgets and leases are not shared: {error}", todo)
        return
    named = coordination.settings.address
    address = "" if named == ANY_ADDRESS else f", for the address {named}"
    yield Check("coordination", "ok", f"budgets and leases in {store.where}{address}")
    for venue, halt in halts.items():
        yield from _halted(venue, halt)


def _halted(venue: str, halt: Halt) -> Iterator[Check]:
    if halt.banned_s:
        said = f"has banned this address, for {show.seconds(halt.banned_s)} more: {halt.why}"
        yield Check(f"{venue} ban", "warn", said, "wait: asking earlier makes it longer", VenueError.exit_code)
    elif halt.blocked_s:
        yield Check(f"{venue} pause", "ok", f"asked us to wait, {show.seconds(halt.blocked_s)} more")
