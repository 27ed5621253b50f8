"""Times written without a zone: which instant each of them is, given the zone somebody declared. Pure.

What lives here: names of zones, wall clock to epoch ms, the hour that a zone has twice. What does not: reading files
(``funding.files``). The rules of the zones are Python's (the IANA database), constants like the days of a month.

A file's times are never taken to be UTC because nothing else is said. Three of the recorded files have times of UTC+3 and
one those of London, which is UTC in winter: read as UTC, half of it looks right.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from qmd_platform.errors import ConfigError
from qmd_platform.model.window import Instant, iso

CHOICES = "UTC, an offset such as +03:00, or a place such as Europe/London"


def zone_of(name: str) -> tzinfo:
    """The zone called ``UTC``, ``+03:00`` or ``Europe/London``; ConfigError with the choices otherwise."""
    text = name.strip()
    if text.upper() in {"UTC", "Z"}:
        return UTC
    try:
        if text[:1] in {"+", "-"}:
            offset = datetime.fromisoformat(f"2000-01-01T00:00:00{text}").utcoffset()
            return timezone(offset or timedelta(0))
        return ZoneInfo(text)
    except (ValueError, ZoneInfoNotFoundError, OSError):
        raise ConfigError(f"{name!r} is not a time zone", hint=f"write {CHOICES}") from None


def instants(walls: Sequence[datetime], zone: tzinfo | None, what: str = "the file") -> list[Instant]:
    """Epoch ms of each time.

    Args:
        walls: with a zone of their own, or without; then they are in ``zone``. In the file's order.
        zone: as declared; None if nobody did.
        what: whose times they are, for messages.

    Raises:
        ConfigError: a time without a zone while none was declared; one that ``zone`` never has, because its clocks were set
            forward over it; one it has twice, when the rows around do not tell which it is.
    """
    found: list[Instant] = []
    twice: list[int] = []
    for row, wall in enumerate(walls):
        early, late = _both(wall, zone, what)
        if early != late:
            twice.append(row)
        found.append(early)
    for row in _second_pass(walls, twice):
        found[row] = _later(walls[row], zone)
    sure = sorted(found[row] for row in set(range(len(found))) - set(twice))
    alone = [row for row in twice if walls.count(walls[row]) == 1]
    for row in alone:
        found[row] = _on_grid(walls[row], zone, sure, what)
    return found


def _both(wall: datetime, zone: tzinfo | None, what: str) -> tuple[Instant, Instant]:
    """The first and the second instant at which the zone's clocks show ``wall``: different in the hour it has twice."""
    if wall.tzinfo is not None:
        return _ms(wall), _ms(wall)
    if zone is None:
        raise ConfigError(
            f"{what}: its times have no time zone ({wall.isoformat(' ')})",
            hint=f"declare the zone they are in: {CHOICES}",
        )
    early, late = _ms(wall.replace(tzinfo=zone)), _later(wall, zone)
    if wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) != wall:
        raise ConfigError(
            f"{what}: {wall.isoformat(' ')} does not exist in {zone}, whose clocks were set forward over it",
            hint=f"the times are in another zone; declare it: {CHOICES}",
        )
    return early, late


def _later(wall: datetime, zone: tzinfo | None) -> Instant:
    return _ms(wall.replace(tzinfo=zone, fold=1))


def _second_pass(walls: Sequence[datetime], twice: Sequence[int]) -> list[int]:
    """Of the ambiguous rows whose time is there twice, the second ones."""
    seen: set[datetime] = set()
    second = []
    for row in twice:
        if walls[row] in seen:
            second.append(row)
        seen.add(walls[row])
    return second


def _on_grid(wall: datetime, zone: tzinfo | None, sure: Sequence[Instant], what: str) -> Instant:
    """Which of its two instants ``wall`` is: the one that is as far from its neighbours as they are from theirs."""
    early, late = _ms(wall.replace(tzinfo=zone)), _later(wall, zone)
    fitting = [at for at in (early, late) if _fits(at, sure)]
    if len(fitting) == 1:
        return fitting[0]
    raise ConfigError(
        f"{what}: {wall.isoformat(' ')} is in {zone} both {iso(early)} and {iso(late)}, and the rows around do not tell which",
        hint="give the times with an offset, or in UTC",
    )


def _fits(at: Instant, sure: Sequence[Instant]) -> bool:
    before, after = bisect_left(sure, at), bisect_right(sure, at)
    past, future = sure[max(before - 2, 0) : before], sure[after : after + 2]
    steps = {part[1] - part[0] for part in (past, future) if len(part) > 1}
    gaps = {at - past[-1]} if past else set()
    gaps |= {future[0] - at} if future else set()
    return bool(gaps) and gaps <= steps


def _ms(moment: datetime) -> Instant:
    return round(moment.timestamp() * 1000)
