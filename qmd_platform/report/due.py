"""When a leg settles next, in words, at the instant of the report. Pure.

What lives here: telling what is to come from what was due. What does not: when it is due (``arbitrage.due``), how old the rest
of a market's data is (``inputs``).
"""

from qmd_platform.model.window import Instant
from qmd_platform.report import figures
from qmd_platform.report.figures import HOUR_MS
from qmd_platform.report.records import Pair

GRACE_MS = 2 * HOUR_MS
"""So long after it was due a settlement should be in the lake: funding is asked for every hour."""


def overdue_since(pair: Pair, side: str, now: Instant) -> Instant | None:
    """Since when the settlement of a leg is overdue: by the row itself, or because the row has become too old; None else."""
    at = pair.row[f"{side}_next_at"]
    return at if at is not None and (at <= pair.seen_at or now - at > GRACE_MS) else None


def words(pair: Pair, side: str, at: Instant, now: Instant) -> str:
    """``next 04:00``, ``due 04:00``, ``overdue since 11-21 04:00``: the day is left out only where it is that of ``now``."""
    is_today = figures.minute(at)[:10] == figures.minute(now)[:10]
    clock = figures.minute(at)[11:] if is_today else figures.short_minute(at)
    if overdue_since(pair, side, now) is not None:
        return f"overdue since {clock}"
    return f"{'next' if at >= now else 'due'} {clock}"
