"""How long a connection is waited for, and how it is tried again.

What lives here: our own numbers. What does not: the venues' (``habits``), acting on either (``machine``).
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endurance:
    """Our patience.

    Attributes:
        base_seconds: the first wait is at most this long, each next at most twice as long (full jitter).
        cap_seconds: no wait is longer, unless the venue asks for it.
        healthy_seconds: how long a connection must have told before its failures are forgotten.
        connect_seconds: how long opening a socket may take.
        stall_steps: steps of its timeframe after which a silent stream of candles is stalled, at venues that print candles
            without trades; where each stream beats, four beats.
        stall_cap_seconds: no stream of candles may be silent for longer, however long its step.
        mark_seconds: the same for a perpetual's prices.
        silence_seconds: how seldom streams that are silent while others speak are a reason to connect anew; not where each
            stream beats, which leaves no doubt.
        again_seconds: how often a refused subscription is asked for again.
        tell_seconds: how often the state is told while nothing but counters change.
    """

    base_seconds: float = 0.5
    cap_seconds: float = 60.0
    healthy_seconds: float = 30.0
    connect_seconds: float = 15.0
    stall_steps: int = 3
    stall_cap_seconds: float = 3600.0
    mark_seconds: float = 180.0
    silence_seconds: float = 900.0
    again_seconds: float = 300.0
    tell_seconds: float = 1.0

    def wait(self, failures: int, dice: random.Random) -> float:
        """Seconds before the next socket after ``failures`` (from 1) in a row: anything up to the doubled base.

        Full jitter, because connections that were lost together must not come back together.
        """
        return dice.uniform(0, min(self.base_seconds * 2 ** min(failures - 1, 60), self.cap_seconds))
