"""When to ask again for a candle that is not there. Pure.

Each wait is four times the one before: two bits more.

What lives here: the back-off, one rule for each state and cause. What does not: how often a candle was asked for
(``model.evidence``), which of the due ones are asked now (``coverage.agenda``).
"""

from qmd_platform.coverage.causes import OMITTED, TOO_OLD
from qmd_platform.model.spans import State
from qmd_platform.model.window import Instant

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

RECHECKS = 5
"""How often a verified absence is looked at again: 1, 4, 16, 64 and 256 hours after the question before."""

_CAPPED_AFTER = 6
"""Questions after which a missing candle waits a day: 4^6 minutes are more than that."""


def next_ask(state: State, cause: str, asks: int, last_at: Instant) -> Instant | None:
    """When the candle is to be asked for (again), epoch ms; None when it is not.

    What is missing or quarantined is asked for as long as it is not explained: a minute after the first question,
    then 4, 16, ... minutes, at most a day apart. Only what no API has is left. What two answers agree is empty is
    looked at ``RECHECKS`` times more, because venues repair their history; what a venue leaves out by habit is not.

    Args:
        state: of the candle, as coverage has it.
        cause: the same.
        asks: how often it was asked for. What is missing without a question is due at once; a verified absence without
            one is from a time when questions were not counted, and is left.
        last_at: when it was asked last, epoch ms.
    """
    if state in {State.MISSING, State.QUARANTINED}:
        return None if cause == TOO_OLD else last_at + _missing_wait(asks)
    if state is State.VERIFIED_EMPTY and cause != OMITTED and 1 <= asks <= RECHECKS:
        return last_at + (HOUR_MS << 2 * (asks - 1))
    return None


def _missing_wait(asks: int) -> int:
    if not asks:
        return 0
    return min(MINUTE_MS << 2 * min(asks - 1, _CAPPED_AFTER), DAY_MS)
