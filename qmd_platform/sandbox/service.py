"""The service: sockets around the state.

What lives here: one aiohttp server on loopback, the faults that are about connections, kept bodies on their way out.
What does not: what a venue answers (``dispatch``), everything that has no sockets (``state``), threads and signals
(``server``).
"""

import asyncio
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self, Unpack

from aiohttp import hdrs, web

from qmd_platform.errors import ConfigError
from qmd_platform.model.window import Instant
from qmd_platform.sandbox import binance, control, dispatch, tardis, tardis_machine
from qmd_platform.sandbox.bodies import Sendable, sendable
from qmd_platform.sandbox.clock import as_date
from qmd_platform.sandbox.exchange import Answer, as_json
from qmd_platform.sandbox.faults import Fault
from qmd_platform.sandbox.spoil import first_half, spoiled
from qmd_platform.sandbox.state import Options, State
from qmd_platform.sandbox.stats import Asked, UsedWeight
from qmd_platform.sandbox.streams import hub
from qmd_platform.sandbox.streams.line import Mischief

HOST = "127.0.0.1"
"""The sandbox listens on loopback only."""

_TURNS_OF_AN_ACCEPT = 5
"""Turns of the loop until a connection accepted just now is known to aiohttp, which would not close it otherwise."""


class Sandbox(State):
    """The sandbox exchange. Use as ``async with Sandbox(...) as sandbox: sandbox.url``.

    Args:
        port: port to listen on; 0 picks a free one.
        options: see ``state.Options``.

    Raises:
        ConfigError: a file, the time or the port is not as it must be.
    """

    def __init__(self, *, port: int = 0, **options: Unpack[Options]) -> None:
        super().__init__(options)
        self._port = port
        self.url = ""
        self._weight = UsedWeight()
        self.streams = hub.Hub(
            self.exchange,
            self.clock,
            Mischief(lambda: self.faults, lambda kind: self.stats.faults.update((kind,))),
            options.get("stream_seconds", hub.USUAL_PACE),
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runner: web.ServerRunner | None = None
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> str:
        """Listen; returns the address, which is also in ``url``."""
        # The low-level server: an Application's routing and middlewares would cost more than the answer.
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.5)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self._port).start()
        except OSError as error:
            await self.stop()
            raise ConfigError(
                f"cannot listen on {HOST}:{self._port}: {error.strerror}", hint="take another port, or 0 for a free one"
            ) from None
        self.url = f"http://{HOST}:{self._runner.addresses[0][1]}"
        self._loop = asyncio.get_running_loop()
        self.streams.start()
        return self.url

    async def stop(self) -> None:
        """Close every connection and the port."""
        self._closing.set()
        if self._runner is None:
            return
        for _ in range(_TURNS_OF_AN_ACCEPT):
            await asyncio.sleep(0)
        await self.streams.stop()
        await self._runner.cleanup()
        self._runner = None

    async def passing(self, span: int) -> Instant:
        """``advance``, from inside the sandbox's own event loop."""
        if self.clock.frozen is None:
            raise ConfigError("the sandbox's clock runs by itself", hint="start it with a time and without a speed")
        return await self.streams.advance(span, self.move_clock)

    def advance(self, seconds: float) -> Instant:
        """Let ``seconds`` pass on a clock that stands still; the time it is then. From any thread but the sandbox's own.

        All that WebSockets say in that time is said, in order, before this returns; ``move_clock`` says nothing of it.

        Raises:
            ConfigError: the clock runs by itself, or the sandbox does not.
        """
        if self._loop is None:
            raise ConfigError("the sandbox does not run yet", hint="advance the clock while it serves")
        return asyncio.run_coroutine_threadsafe(self.passing(round(seconds * 1000)), self._loop).result()

    def figures(self) -> Mapping[str, object]:
        """All counters, as ``/__sandbox/stats`` shows them."""
        return {**super().figures(), "streams": self.streams.figures()}

    def reset(self) -> None:
        """Counters, limits and the counting of faults start again; clock and plans stay."""
        super().reset()
        self.streams.reset()

    async def _advanced(self, body: bytes) -> web.Response:
        try:
            now = await self.passing(control.span(body))
        except ConfigError as error:
            refused = control.refused(error)
            return web.Response(body=refused.body, status=refused.status, content_type="application/json")
        return web.Response(body=as_json({"now": now}), content_type="application/json")

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, query = request.path, request.query
        if (other := await self._aside(request)) is not None:
            return other
        venue, weight = dispatch.venue_of(path), dispatch.weight(path, query)
        asked = Asked(self.clock.now(), venue, dispatch.endpoint(path), weight)
        self.stats.asked(venue, asked.endpoint)
        refusal = self._refusal(request, venue, weight)
        if refusal is not None:
            return self._respond(request, asked, sendable(refusal, accepts_gzip=False))
        target = f"{path}?{request.query_string}"
        kinds = {"is_candles": dispatch.is_candles(path), "is_funding": dispatch.is_funding(path)}
        fault = self.faults.strike(venue, target, asked.at, **kinds)
        if fault is None:
            return self._respond(request, asked, self._good(request))
        self.stats.faults[fault.kind] += 1
        asked.fault = fault
        return await self._faulty(request, asked, fault)

    async def _aside(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """WebSockets and the sandbox's own paths; None for a venue's."""
        path = request.path
        if path.startswith(hub.PREFIX):
            return await self.streams.serve(request)
        if path == tardis_machine.WS_PATH:
            return await tardis_machine.serve(request, lambda options: self.tardis.replayed(options, self.clock.now()))
        if path == control.ADVANCE and request.method == "POST":
            return await self._advanced(await request.read())
        if path.startswith(control.PREFIX):
            own = control.answer(self, request.method, path, request.query, await request.read())
            return web.Response(body=own.body, status=own.status, content_type="application/json")
        return None

    def _refusal(self, request: web.BaseRequest, venue: str, weight: float) -> Answer | None:
        """What goes back to who has asked too much, or has no key for it."""
        verdict = self.limiter.verdict(venue, request.path, weight, time.monotonic())
        if verdict is not None:
            return dispatch.refused(venue, verdict)
        return tardis.unauthorised(request.path, request.query, request.headers.get(hdrs.AUTHORIZATION, ""))

    def _good(self, request: web.BaseRequest) -> Sendable:
        """The right answer, from the kept bodies where it is there."""
        target = request.raw_path
        accepts_gzip = _accepts_gzip(request)
        kept = self.bodies.get(target, accepts_gzip=accepts_gzip)
        if kept is not None:
            return kept
        answer = self.answer(request.path, request.query)
        fresh = sendable(answer, accepts_gzip=accepts_gzip)
        if self.may_keep(answer):
            self.bodies.keep(target, fresh, accepts_gzip=accepts_gzip)
        return fresh

    def _respond(self, request: web.BaseRequest, asked: Asked, one: Sendable) -> web.Response:
        self.stats.answered(asked, one.answer, len(one.body))
        return web.Response(body=one.body, status=one.answer.status, headers=self._headers(request, asked, one))

    def _headers(self, request: web.BaseRequest, asked: Asked, one: Sendable) -> dict[str, str]:
        date = as_date(self.told(request.path, asked.fault))
        headers = {hdrs.CONTENT_TYPE: "application/json", hdrs.DATE: date, **one.answer.headers}
        if one.is_gzipped:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        if asked.venue == binance.NAME:
            headers["X-MBX-USED-WEIGHT-1M"] = self._weight.spend(asked.weight)
        return headers

    async def _faulty(self, request: web.BaseRequest, asked: Asked, fault: Fault) -> web.StreamResponse:
        if fault.kind == "hang":
            await self._wait(fault.seconds)
        if fault.refused:
            return self._hung_up(request, asked)
        answer = spoiled(fault, asked.venue, lambda: self.answer(request.path, request.query, fault))
        if fault.kind == "cut_connection":
            return await self._cut(request, asked, answer)
        return self._respond(request, asked, sendable(answer, accepts_gzip=_accepts_gzip(request)))

    async def _wait(self, seconds: float) -> None:
        """Until the time is over or the server closes."""
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return

    def _hung_up(self, request: web.BaseRequest, asked: Asked) -> web.Response:
        """Close the connection without a word."""
        if request.transport is not None:
            request.transport.abort()
        self.stats.unanswered(asked)
        return web.Response()

    async def _cut(self, request: web.BaseRequest, asked: Asked, answer: Answer) -> web.StreamResponse:
        """Promise the whole body, send half of it, hang up."""
        one = Sendable(answer, answer.body, is_gzipped=False)
        response = web.StreamResponse(status=answer.status, headers=self._headers(request, asked, one))
        response.content_length = len(answer.body)
        await response.prepare(request)
        await response.write(first_half(answer.body))
        self.stats.unanswered(asked)
        if request.transport is not None:
            request.transport.close()
        return response


def _accepts_gzip(request: web.BaseRequest) -> bool:
    return "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "")
