"""The settings of what workers share: read and checked.

What lives here: ``QMD_REDIS_URL``, ``QMD_ADDRESS``, ``QMD_KEEP_LIMITS``. What does not: all other settings (``config``),
making use of these (``opening``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from qmd_platform.coordination.redis import checked
from qmd_platform.errors import ConfigError

LEASE_S = 60.0
"""How long a lease stays with a holder that is not heard of any more: so long may a stopped machine keep others waiting."""

ANY_ADDRESS = "shared"
"""The address of workers that name none: all of one store are taken for one address, which is never too fast."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How workers agree.

    Attributes:
        redis: the address of a Redis server, which comes before all other stores; not to be shown.
        address: a name of the address venues see these workers come from.
        keep_limits: keep budgets towards a server that answers in a venue's place, too.
        lease_s: seconds a lease is given for, and renewed for.
    """

    redis: str | None = None
    address: str = ANY_ADDRESS
    keep_limits: bool = False
    lease_s: float = LEASE_S

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """The settings in ``environ``; ConfigError names one that is wrong."""
        redis = environ.get("QMD_REDIS_URL", "").strip() or None
        if redis is not None:
            try:
                checked(redis)
            except ConfigError as error:
                raise ConfigError(f"QMD_REDIS_URL: {error.message}", hint=error.hint) from None
        keep = environ.get("QMD_KEEP_LIMITS", "").strip()
        if keep not in {"", "0", "1"}:
            raise ConfigError(f"QMD_KEEP_LIMITS is {keep!r}", hint="write 1 to keep the limits, or leave it out")
        return cls(redis, environ.get("QMD_ADDRESS", "").strip() or ANY_ADDRESS, keep == "1")
