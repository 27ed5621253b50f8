"""Jobs side by side: all of their results, or what went wrong.

What lives here: one function. What does not: the jobs.
"""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def all_or_raise(results: Sequence[T | BaseException]) -> list[T]:
    """All results of ``asyncio.gather(..., return_exceptions=True)``.

    Raises:
        BaseException: the first error if there is any, with the others noted on it.
    """
    errors = [result for result in results if isinstance(result, BaseException)]
    if errors:
        for other in errors[1:]:
            errors[0].add_note(str(other))
        raise errors[0]
    return [result for result in results if not isinstance(result, BaseException)]
