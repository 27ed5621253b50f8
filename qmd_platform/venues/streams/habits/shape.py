"""The shape of what is known about an address.

What lives here: the dataclass. What does not: any fact (one module a venue beside this one).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Habits:
    """One address of one venue.

    Attributes:
        url: the venue's own.
        sandbox: path of the same at a sandbox, below its base.
        streams: the most subscriptions a connection carries.
        batch: the most subscriptions in one request.
        sends_per_second: the most messages we send on one connection.
        connects: so many new connections in so many seconds, of one address of ours.
        ping_seconds: how often we say that we are there.
        quiet_seconds: a connection that says nothing at all for so long is dead.
        beat_seconds: a stream without data beats this often; None where streams have no beats of their own.
        talks: whether a stream of candles speaks without trades too, so that its silence means something.
        greets: whether every subscription is answered with candles at once, so that one that is not is dead.
        sources: of every field, where it is from.
    """

    url: str
    sandbox: str
    streams: int
    batch: int
    sends_per_second: float
    connects: tuple[int, float]
    ping_seconds: float
    quiet_seconds: float
    beat_seconds: float | None
    talks: bool
    greets: bool
    sources: Mapping[str, str] = field(repr=False)
