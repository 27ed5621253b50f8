"""What the lake knows, for a person or a program: ``coverage`` and ``gaps``; and what fills it in the background.

What lives here: the signatures, with nothing imported before it is needed. What does not: looking (``reader.covered``),
rows (``reader.candles``).
"""

from pathlib import Path
from typing import TYPE_CHECKING

from qmd_platform.model.series import Series
from qmd_platform.model.window import InstantLike, Window
from qmd_platform.reader.asked import Snapshot, Strategy, asked, named
from qmd_platform.reader.candles import When

if TYPE_CHECKING:
    from qmd_platform.reader.covered import Coverage
    from qmd_platform.reader.waiting import Filling

__all__ = ["coverage", "fillings", "gaps"]


def coverage(
    market: str | Series,
    timeframe: When = None,
    start: When = None,
    end: When = None,
    *,
    as_of: Snapshot = None,
    pin: str | None = None,
    home: Path | str | None = None,
    now: InstantLike | None = None,
) -> "Coverage":
    """What the lake knows of every candle of ``[start, end)`` that is closed by ``now``: there, or why not.

    Arguments and errors are those of ``read``. No venue is asked, and no row is read.
    """
    series, window = named(market, timeframe, start, end)
    wanted = asked(
        series,
        window,
        default=Strategy.FAIL_FAST,
        on_missing="allow",
        as_of=as_of,
        pin=pin,
        home=home,
        now=now,
    )
    from qmd_platform.reader.covered import covered  # noqa: PLC0415 - Arrow and SQL, not at import

    return covered(wanted)


def gaps(
    market: str | Series,
    timeframe: When = None,
    start: When = None,
    end: When = None,
    *,
    home: Path | str | None = None,
    now: InstantLike | None = None,
    as_of: Snapshot = None,
    pin: str | None = None,
) -> list[Window]:
    """The windows inside ``[start, end)`` whose candles should be there by ``now`` and are not. As ``coverage``."""
    return coverage(market, timeframe, start, end, as_of=as_of, pin=pin, home=home, now=now).gaps


def fillings(home: Path | str | None = None) -> "dict[str, Filling]":
    """The latest fill in the background (``partial_fill``) of each series, by its name: under way, or how it has ended.

    >>> fillings()["binance:BTC/USDT:1m"].wait(60)  # doctest: +SKIP

    Args:
        home: the folder of all state; ``QMD_HOME``, else ``~/.qmd``, where not given.
    """
    from qmd_platform.reader.behind import begun_for  # noqa: PLC0415 - the settings, not at import

    return begun_for(home)
