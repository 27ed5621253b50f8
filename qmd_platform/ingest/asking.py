"""What a backfill is to ask for besides what the lake lacks, and how long it may take.

What lives here: the request, and the windows of a month that follow from it; the clock that dates the questions. What
does not: what is a gap and when one is due again (``coverage``), asking (``ingest.months``).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from qmd_platform.coverage.causes import TOO_OLD
from qmd_platform.coverage.gaps import gaps
from qmd_platform.coverage.plan import to_fetch
from qmd_platform.errors import ConfigError
from qmd_platform.model.evidence import Attempt
from qmd_platform.model.spans import Run, State, in_state, intersected, subtracted, united
from qmd_platform.model.window import Instant, Window

SHORT = 250
"""Candles of an edge up to which it is asked for whole: with its tail it fits into a page of every venue."""

AROUND = 10
"""Held candles on each side of a verified absence that are read with it: an answer without them could not speak about it."""

Clock = Callable[[], Instant]
"""Tells the time, epoch ms."""


def machine_clock() -> Instant:
    """This machine's time."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long things may take, in seconds; whatever came in time is kept.

    Attributes:
        request_s: one request, from connecting to the last byte. It is tried again.
        partition_s: one month of one series, its waits for other workers and for the venue's budget included.
        run_s: all of a backfill. Months that have not begun by then are not asked for.
    """

    request_s: float = 15
    partition_s: float = 600
    run_s: float = 3300

    def __post_init__(self) -> None:
        for name in ("request_s", "partition_s", "run_s"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"the deadline {name} is {getattr(self, name)}", hint="give seconds above 0")


@dataclass(frozen=True, slots=True)
class Asking:
    """What to ask for besides what is unsettled.

    Attributes:
        tail: so many closed candles before the newest gap are read again with it: venues correct their last candles.
        recheck: ask again for candles that are verified empty and due (``coverage.recheck``), with held ones around them.
        patient: leave what was asked for in vain until it is due again: for what asks by itself, every few minutes.
        again: windows to read again whatever the lake holds of them.
        archive: take whole months and days from the venue's archive where that is cheaper.
        deadlines: how long things may take.
        clock: dates the questions, and so says which are due again. In a simulated world it is that world's; leases,
            budgets and deadlines go by real time there too.
    """

    tail: int = 0
    recheck: bool = False
    patient: bool = False
    again: tuple[Window, ...] = ()
    archive: bool = True
    deadlines: Deadlines = field(default_factory=Deadlines)
    clock: Clock = machine_clock

    def windows(
        self,
        part: Window,
        held: Sequence[Run],
        step: int,
        *,
        edge: Window | None = None,
        attempts: Sequence[Attempt] = (),
        now: Instant = 0,
    ) -> list[Window]:
        """What to ask for of ``part``, oldest first.

        Args:
            part: on the grid of ``step``.
            held: what is known of it.
            step: length of a candle in ms.
            edge: the newest gap, reaching up to the last closed candle; None when there is none.
            attempts: how often what is not there was asked for.
            now: the time of ``clock``, which ``attempts`` go by.
        """
        again = list(self.again)
        lacking = unsettled = to_fetch(part, held)
        if self.is_by_time:
            due = [gap for gap in gaps([part], held, attempts, now, step) if gap.is_due(now)]
            looks = [gap.window for gap in due if self.recheck and gap.state is State.VERIFIED_EMPTY]
            around = [Window(one.start - AROUND * step, one.end + AROUND * step) for one in looks]
            again += [*looks, *intersected(united(around), in_state(held, State.PRESENT))]
            if self.patient:
                lacking = [gap.window for gap in due if gap.state is not State.VERIFIED_EMPTY]
        if edge is not None and edge.steps(step) <= SHORT and intersected([edge], lacking):
            # What was asked for in vain before costs no request more, and the candles before it show where they end.
            too_old = [run.window for run in held if run.cause == TOO_OLD]
            lacking = [*lacking, *subtracted(intersected([edge], unsettled), too_old)]
        # An edge in this month that is not lacking any more has been asked for by another worker, its tail included. One
        # whose beginning waits is not read up to: its tail would be a page of its own.
        waits = edge is not None and _begins(unsettled, edge) and not _begins(lacking, edge)
        if self.tail and edge is not None and (edge.start >= part.end or intersected([edge], lacking)) and not waits:
            tail = Window(edge.start - self.tail * step, edge.start)
            again += intersected([tail], in_state(held, State.PRESENT))
        wanted = subtracted(intersected(again, [part]), in_state(held, State.UNLISTED))
        return united([*lacking, *wanted])

    @property
    def is_by_time(self) -> bool:
        """Whether it matters when what is not there was asked for last."""
        return self.recheck or self.patient


def _begins(windows: Sequence[Window], edge: Window) -> bool:
    """Whether the first candle of ``edge`` is in one of ``windows``."""
    return any(window.contains(edge.start) for window in windows)
