"""Parameters of a request as numbers, or the venue's own refusal.

What lives here: the checks that venues share. What does not: the words each refuses with (its wire).
"""

from qmd_platform.sandbox.exchange import Answer, Query, Refusal, whole_number


def whole(query: Query, name: str, bad: Answer) -> int | None:
    """The whole number that ``name`` gives, None where it is not given; Refusal with ``bad`` where it is another thing."""
    text = query.get(name)
    number = None if text is None else whole_number(text)
    if text is not None and number is None:
        raise Refusal(bad)
    return number


def at_most(limit: int | None, usual: int, most: int, bad: Answer) -> int:
    """The rows asked for, ``usual`` where nothing is said; Refusal with ``bad`` for none and for more than ``most``."""
    limit = usual if limit is None else limit
    if not 0 < limit <= most:
        raise Refusal(bad)
    return limit
