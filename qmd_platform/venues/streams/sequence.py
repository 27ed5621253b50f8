"""Sequence numbers of one connection: whether messages are missing.

What lives here: the arithmetic. What does not: what is done about it (``machine``).
"""

TOLERANCE = 16
"""So many later messages may come before a missing one. TCP keeps order; this is for what stands between."""


class Sequencer:
    """Follows numbers that grow by one."""

    def __init__(self) -> None:
        self._highest: int | None = None
        self._missing: dict[int, int] = {}

    def is_whole(self, number: int) -> bool:
        """Whether nothing is missing for sure, now that ``number`` came."""
        if self._highest is None:
            self._highest = number
            return True
        if number <= self._highest:
            self._missing.pop(number, None)  # late or twice
        else:
            if number - self._highest > TOLERANCE:
                return False
            self._missing |= dict.fromkeys(range(self._highest + 1, number), number)
            self._highest = number
        return all(self._highest - gap < TOLERANCE for gap in self._missing)
