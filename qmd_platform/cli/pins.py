"""``qmd pins``: the states of the lake that have a name.

What lives here: the table. What does not: making and forgetting pins (``cli.pin``, ``cli.unpin``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qmd_platform.cli import kit, store
from qmd_platform.cli.pin import as_document, held

if TYPE_CHECKING:
    from qmd_platform.ledger.records import Pin


@kit.command({"qmd pins": "All pins.", "qmd pins --json": "The same, for a program."})
def command(*, as_json: bool) -> None:
    """List the pins.

    One whose time is over counts no more; `qmd vacuum` forgets it.
    """
    pins = store.lake_to_read().ledger.pins()
    if as_json:
        kit.emit([as_document(pin) for pin in pins])
    else:
        _draw(pins)


def _draw(pins: "Sequence[Pin]") -> None:
    from qmd_platform.cli import show

    if not pins:
        show.say("There are no pins. `qmd pin NAME` makes one of the lake as it is now.")
        return
    rows = [
        [
            show.plain(pin.name),
            str(pin.commit),
            held(pin),
            _until(pin),
            show.minute(pin.made_at),
            show.plain(pin.note),
        ]
        for pin in pins
    ]
    columns: list[show.Column] = [("pin", "left"), ("commit", "right"), ("keeps", "left")]
    show.table([*columns, ("until", "left"), ("made", "left"), ("note", "left")], rows, spare=("made",))


def _until(pin: "Pin") -> str:
    from qmd_platform.cli import show

    if pin.until is None:
        return "unpinned"
    return f"[yellow]{show.minute(pin.until)}, over[/]" if pin.until <= kit.now() else show.minute(pin.until)
