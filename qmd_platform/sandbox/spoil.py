"""What a fault makes of an answer.

What lives here: a good answer in, a bad one out. What does not: when (``faults``), rows before they are printed
(``spoiled_rows``), and the kinds that are about the connection or the clock and not the answer (``service``).
"""

from collections.abc import Callable
from dataclasses import replace

from qmd_platform.sandbox import dispatch, spoiled_funding
from qmd_platform.sandbox.exchange import Answer
from qmd_platform.sandbox.faults import Fault

_HTML = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    b"<body>Checking if the site connection is secure.</body></html>"
)
_Good = Callable[[], Answer]


def spoiled(fault: Fault, venue: str, good: _Good) -> Answer:
    """The answer ``fault`` puts in the place of ``good()``; kinds that are not about answers leave it as it is."""
    return _SPOILERS.get(fault.kind, _left_alone)(fault, venue, good)


def first_half(body: bytes) -> bytes:
    """The bytes of a body cut short."""
    return body[: len(body) // 2]


def _left_alone(fault: Fault, venue: str, good: _Good) -> Answer:
    return good()


def _throttled(fault: Fault, venue: str, good: _Good) -> Answer:
    body = dispatch.VENUES[venue].throttled() if venue in dispatch.VENUES else b"{}"
    return Answer(body, fault.status, {"Retry-After": f"{fault.retry_after:g}"})


def _banned(fault: Fault, venue: str, good: _Good) -> Answer:
    return replace(_throttled(fault, venue, good), body=dispatch.banned(venue))


def _broken(fault: Fault, venue: str, good: _Good) -> Answer:
    body = dispatch.VENUES[venue].broken() if venue in dispatch.VENUES else b"{}"
    return Answer(body, fault.status)


def _truncated(fault: Fault, venue: str, good: _Good) -> Answer:
    # Not an answer to the question any more, so without its ask and rows.
    whole = good()
    return Answer(first_half(whole.body), headers=whole.headers)


def _html(fault: Fault, venue: str, good: _Good) -> Answer:
    return Answer(_HTML, headers={"Content-Type": "text/html; charset=UTF-8"})


def _misstated(fault: Fault, venue: str, good: _Good) -> Answer:
    return spoiled_funding.misstated(good(), fault.hours)


_SPOILERS: dict[str, Callable[[Fault, str, _Good], Answer]] = {
    "throttle": _throttled,
    "ban": _banned,
    "server_error": _broken,
    "outage": _broken,
    "truncated_json": _truncated,
    "html": _html,
    "stated_interval": _misstated,
}
