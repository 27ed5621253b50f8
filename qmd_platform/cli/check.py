"""What the doctor says of one thing.

What lives here: the record. What does not: the checks (``cli.checkup``, ``cli.upkeep``), showing them
(``cli.doctor``).
"""

from dataclasses import dataclass
from typing import Literal

from qmd_platform.errors import ConfigError, QmdError

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. ``todo`` is what to do about it, "" when nothing; ``exit_code`` is the command's if it failed."""

    name: str
    status: Status
    said: str
    todo: str = ""
    exit_code: int = ConfigError.exit_code


def failed(name: str, error: QmdError) -> Check:
    """A check that ended with ``error``."""
    return Check(name, "fail", error.message, error.hint or "", error.exit_code)
