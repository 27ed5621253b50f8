"""That there was nothing to do, and until when that is so: what most ticks of a gap sensor find.

What lives here: the sensor's cursor. What does not: the sensor (``sensors.gaps``).
"""

import json
from dataclasses import asdict, dataclass
from typing import Self

from qmd_platform.model.window import Instant


@dataclass(frozen=True, slots=True)
class Quiet:
    """After ``commit`` nothing was missing that could be asked for before ``until`` (epoch ms); ``why`` is for people.

    It says nothing of edits of the universe file and of what a person deletes in Dagster: ``until`` is never far.
    """

    commit: int
    until: Instant
    why: str

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """What ``text`` made; None when there is none, or it is another version's."""
        try:
            said = json.loads(text or "null")
            return cls(int(said["commit"]), int(said["until"]), str(said["why"]))
        except (ValueError, TypeError, KeyError):
            return None

    @property
    def text(self) -> str:
        """For the next tick."""
        return json.dumps(asdict(self))

    def holds(self, commit: int, now: Instant) -> bool:
        """Whether it is still so, now that ``commit`` is the lake's last."""
        return commit == self.commit and now < self.until
