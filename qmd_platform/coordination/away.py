"""What a store says when it cannot answer.

What lives here: the two errors, which never leave this room. What does not: what is done then (``link``).
"""


class StoreAway(Exception):
    """The store gives no answer: unreachable, full, damaged, too slow. Says why."""


class StoreBusy(StoreAway):
    """Others are at the store right now; worth another try at once."""
