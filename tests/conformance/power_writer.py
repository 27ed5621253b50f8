"""A writer whose every call is recorded: ``python -m tests.conformance.power_writer FOLDER RECORD SCENARIO``,
under the shim.

What lives here: its steps, and the marks that say between the calls of the record which commit was begun and which
acknowledged. What does not: what a crash leaves of it (``power``), what must hold then (``test_power_loss``).
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qmd_platform.lake.sealing import seal
from qmd_platform.lake.store import Lake
from qmd_platform.lake.vacuum import vacuum
from tests.conformance import oldlake
from tests.conformance.shim import Shim
from tests.conformance.shimmed import LATER, MINUTES, ROWS, batch, commit, holds, write

Step = Callable[[Lake], object]


def _tail(month: str, first: int, price: float) -> Step:
    return lambda lake: commit(lake, [write(MINUTES, month, first, price, 5)])


@dataclass(frozen=True)
class Scenario:
    """What the writer does. ``before`` puts something into the lake's folder first, which is safe."""

    world: str
    steps: tuple[Step, ...]
    before: Callable[[Path], None] | None = None

    def enter(self, root: Path) -> Lake:
        """The lake in ``root``."""
        return Lake.open(root, world=self.world)

    def expected(self, root: Path) -> list[object]:
        """What a lake holds before the first step and after each, from a lake where nothing goes wrong."""
        if self.before:
            self.before(root)
        seen = []
        with self.enter(root) as lake:
            seen.append(holds(lake))
            for step in self.steps:
                step(lake)
                seen.append(holds(lake))
        return seen


WRITER = Scenario(
    "live",
    (
        lambda lake: commit(lake, batch(1.0)),
        lambda lake: commit(lake, batch(2.0, ROWS // 2)),
        _tail("2026-02", 3 * ROWS, 3.0),
        lambda lake: commit(lake, batch(4.0, 5), idem_key="once"),
        Lake.close,  # the ledger's log goes into its file, and begins anew
        _tail("2026-02", 3 * ROWS + 5, 5.0),
        lambda lake: lake.ledger.pin("kept", at=2),
        lambda lake: seal(lake, run_id="test", now=LATER),
        lambda lake: vacuum(lake, run_id="test", now=LATER, keep_ms=0, grace_ms=0),
        lambda lake: commit(lake, batch(6.0, 10)),
    ),
)

UPGRADE = Scenario("sandbox", (_tail("2026-02", 0, 3.0),), oldlake.unpacked)
"""A lake of the first format is brought up to date, and written to."""

SCENARIOS = {"writer": WRITER, "upgrade": UPGRADE}


def main(folder: Path, record: Path, scenario: Scenario) -> None:
    """Do the steps in the lake below ``folder``, in which only ``before`` is yet."""
    shim = Shim()
    shim.watch(folder)
    shim.record(record)
    lake = scenario.enter(folder / "lake")
    for number, step in enumerate(scenario.steps, 1):
        shim.mark(f"begin {number}")
        step(lake)
        shim.mark(f"done {number}")
    shim.record(None)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), SCENARIOS[sys.argv[3]])
