"""Half-open windows ``[start, end)`` of UTC time, and the months they fall into.

What lives here: instants as integer epoch milliseconds, the one door where text and datetimes become them,
snapping to a step's grid, splitting by month. Not here: sets of windows (``coverage``) and any clock: "now"
is always an argument.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from operator import index
from typing import TYPE_CHECKING, Self, SupportsIndex, Union

from qmd_platform.errors import ConfigError

Instant = int
"""Epoch milliseconds, UTC."""

if TYPE_CHECKING:
    import numpy as np

InstantLike = Union[SupportsIndex, str, date, "np.datetime64"]  # numpy is named here, not imported


def instant(value: InstantLike, what: str = "time") -> Instant:
    """Epoch ms of ``value``: an integer (already ms), an aware datetime, ISO text, a date, or numpy's ``datetime64``.

    A bare date (``2026-11-01``) means midnight UTC, because a date has no clock to be in another zone. A time
    of day without a zone is refused: ConfigError. A ``datetime64`` is none: it counts from the epoch, which is UTC.
    """
    if isinstance(value, int):
        return value
    if not isinstance(value, str | date):
        return _counted(value, what)
    moment = value if isinstance(value, datetime) else _parsed(str(value), what)
    if moment != moment:  # noqa: PLR0124 - pandas' NaT is a datetime, and not equal to itself
        raise _no_time(value, what)
    if moment.tzinfo is None:
        raise ConfigError(
            f"{what} {value!s} has no time zone",
            hint=f"write {moment.isoformat()}Z for UTC, or give an offset such as +00:00",
        )
    return round(moment.timestamp() * 1000)


def _counted(value: "SupportsIndex | np.datetime64", what: str) -> Instant:
    """What numpy counts: an integer, or a time (NaT is none)."""
    if hasattr(value, "__index__"):
        return index(value)
    if getattr(getattr(value, "dtype", None), "kind", "") != "M" or str(value) == "NaT":
        raise _no_time(value, what)
    return int(value.astype("datetime64[ms]").astype("int64"))


def _no_time(value: object, what: str) -> ConfigError:
    return ConfigError(f"{what} {value!r} is not a time", hint="give epoch ms, an aware datetime, ISO text or a date")


def _parsed(text: str, what: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(f"{what} {text!r} is not a time", hint="write 2026-11-01 or 2026-11-01T08:30:00Z") from None
    if len(text.strip()) == len("2026-11-01"):
        return moment.replace(tzinfo=UTC)
    return moment


def iso(at: Instant) -> str:
    """``at`` as ISO text in UTC: ``2026-11-01T00:00:00Z``, with milliseconds only when there are any."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.isoformat(timespec="milliseconds" if at % 1000 else "seconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A half-open, non-empty span of time ``[start, end)`` in epoch milliseconds."""

    start: Instant
    end: Instant

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ConfigError(
                f"the window ends ({iso(self.end)}) before or at its start ({iso(self.start)})",
                hint="the end is exclusive and must be later than the start",
            )

    @classmethod
    def of(cls, start: InstantLike, end: InstantLike) -> Self:
        """A window from anything ``instant`` understands."""
        return cls(instant(start, "start"), instant(end, "end"))

    def snapped(self, step: int) -> "Window | None":
        """The part on the grid of ``step``: the candles whose open time lies inside. None when there are none."""
        start, end = -(-self.start // step) * step, -(-self.end // step) * step
        return Window(start, end) if end > start else None

    def intersection(self, other: "Window") -> "Window | None":
        """What both hold; None when they do not meet."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Window(start, end) if end > start else None

    def contains(self, at: Instant) -> bool:
        """Whether ``at`` is inside."""
        return self.start <= at < self.end

    def steps(self, step: int) -> int:
        """How many grid instants of ``step`` the window holds."""
        return -(-self.end // step) - -(-self.start // step)

    def __str__(self) -> str:
        return f"[{iso(self.start)}, {iso(self.end)})"

    def __repr__(self) -> str:
        try:
            return f"Window{self}"
        except (ValueError, OverflowError, OSError):  # in no year, which a message about it must survive
            return f"Window({self.start}, {self.end})"


def month_of(at: Instant) -> str:
    """The month an instant falls into, ``2026-11``."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return f"{moment.year:04d}-{moment.month:02d}"


@lru_cache(maxsize=4096)
def month_window(month: str) -> Window:
    """The window of a month written ``2026-11``."""
    try:
        start = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise ConfigError(f"{month!r} is not a month", hint="write 2026-11") from None
    after = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return Window.of(start, after)


def months(window: Window) -> Iterator[tuple[str, Window]]:
    """Each month the window touches, oldest first, with the part of the window inside it."""
    at = window.start
    while at < window.end:
        month = month_of(at)
        whole = month_window(month)
        yield month, Window(at, min(whole.end, window.end))
        at = whole.end
