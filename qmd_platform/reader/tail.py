"""The newest candles where a collector listens: what its log has heard.

What lives here: looking into the log. What does not: the log itself and who writes it (``live``).
"""

from qmd_platform.config import qmd_home, venue_url, world
from qmd_platform.errors import WrongWorld
from qmd_platform.model.candles import Candles
from qmd_platform.model.spans import windows_of
from qmd_platform.model.window import Window
from qmd_platform.reader.asked import Asked

FOLDER = "live"
"""The log's folder in QMD_HOME."""


def heard(asked: Asked, lacking: list[Window]) -> Candles:
    """The closed candles in ``lacking`` (sorted, not empty) that were heard; none where nothing ever listened."""
    folder = (asked.home or qmd_home()) / FOLDER
    if not folder.is_dir():
        return Candles.empty()
    from qmd_platform.live.log import Log  # noqa: PLC0415 - only where a collector has been

    log, wanted = Log(folder), world(venue_url(asked.url))
    if log.world not in {None, wanted}:
        hint = "set QMD_VENUE_URL as the collector has it, or QMD_HOME to another folder"
        raise WrongWorld(f"{folder} has {log.world} candles, and the read is of the {wanted} world", hint=hint)
    found = log.candles(asked.series, Window(lacking[0].start, lacking[-1].end))
    return Candles.concat([found.within(one) for one in lacking])


def heard_windows(candles: Candles, step: int) -> list[Window]:
    """The windows that ``candles`` fill."""
    return windows_of(candles.open_at, step)
