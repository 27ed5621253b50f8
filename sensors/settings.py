"""Settings of what acts by itself: whether it starts by itself, and how often it looks.

What lives here: ``QMD_AUTOMATION`` and ``QMD_GAP_SECONDS``, read and checked. What does not: all other settings
(``qmd_platform.config``).
"""

import os

from qmd_platform.config import venue_url
from qmd_platform.errors import ConfigError


def is_automatic() -> bool:
    """Whether schedules and sensors that ask venues run before a person has started them. By default a sandbox's do."""
    given = os.environ.get("QMD_AUTOMATION") or ("on" if venue_url() else "off")
    if given not in {"on", "off"}:
        raise ConfigError(f"QMD_AUTOMATION is {given!r}", hint="write on or off")
    return given == "on"


GAP_SECONDS = 30


def gap_seconds() -> int:
    """How often the gap sensors look, in seconds."""
    text = os.environ.get("QMD_GAP_SECONDS") or str(GAP_SECONDS)
    if not text.isdecimal() or not int(text):
        raise ConfigError(f"QMD_GAP_SECONDS {text!r} is not a number of seconds", hint="write 30")
    return int(text)
