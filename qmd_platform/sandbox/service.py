"""The service: sockets around the exchange.

What lives here: one aiohttp server on loopback, the faults that are about connections, kept bodies, counters. What
does not: what a venue answers (``dispatch``), which faults there are (``faults``), threads and signals
(``server``).
"""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import hdrs, web

from qmd_platform.errors import ConfigError
from qmd_platform.model.window import InstantLike
from qmd_platform.sandbox import binance, dispatch
from qmd_platform.sandbox.bodies import Bodies, Sendable, sendable
from qmd_platform.sandbox.clock import Clock
from qmd_platform.sandbox.exchange import Answer, Exchange, as_json
from qmd_platform.sandbox.faults import Fault, FaultPlan
from qmd_platform.sandbox.replay import Replay, load
from qmd_platform.sandbox.spoil import first_half, spoiled
from qmd_platform.sandbox.stats import Stats, UsedWeight
from qmd_platform.sandbox.universe import listings

HOST = "127.0.0.1"
"""The sandbox listens on loopback only."""

STATS_PATH = "/__sandbox/stats"
RESET_PATH = "/__sandbox/reset"
_TURNS_OF_AN_ACCEPT = 5
"""Turns of the loop until a connection accepted just now is known to aiohttp, which would not close it otherwise."""


class Sandbox:
    """The sandbox exchange. Use as ``async with Sandbox(...) as sandbox: sandbox.url``.

    Args:
        port: port to listen on; 0 picks a free one.
        now: freezes the venues' clock at this instant; None lets it run.
        replay: folder with a ``replay.toml`` of recorded series to serve.
        faults: TOML file with the fault plan.
        gate_history_points: how many points back Gate serves (the real one: 10,000); None for all.

    Raises:
        ConfigError: a file, the time or the port is not as it must be.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        now: InstantLike | None = None,
        replay: Path | str | None = None,
        faults: Path | str | None = None,
        gate_history_points: int | None = None,
    ) -> None:
        self._port = port
        self._clock = Clock(now)
        known = listings()
        recorded = Replay(known, {}) if replay is None else load(Path(replay), known)
        self.exchange = Exchange(recorded.listings, recorded.series, gate_history_points=gate_history_points)
        self.faults = FaultPlan.load(Path(faults)) if faults is not None else FaultPlan([])
        self.stats = Stats()
        self.url = ""
        self._bodies = Bodies()
        self._weight = UsedWeight()
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
        return self.url

    async def stop(self) -> None:
        """Close every connection and the port."""
        self._closing.set()
        if self._runner is None:
            return
        for _ in range(_TURNS_OF_AN_ACCEPT):
            await asyncio.sleep(0)
        await self._runner.cleanup()
        self._runner = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith("/__sandbox/"):
            return self._own(request, path)
        venue = dispatch.venue_of(path)
        self.stats.asked(venue, dispatch.endpoint(path))
        fault = self.faults.strike(venue, path, is_candles=dispatch.is_candles(path))
        if fault is None:
            return self._respond(request, venue, self._good(request))
        self.stats.faults[fault.kind] += 1
        return await self._faulty(request, venue, fault)

    def _own(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        value: object
        status = 200
        if path == STATS_PATH and request.method == hdrs.METH_GET:
            value = self.stats.as_dict(self._clock.now())
        elif path == RESET_PATH and request.method == hdrs.METH_POST:
            self.stats.reset()
            self.faults.reset()
            value = {"reset": True}
        else:
            value, status = {"error": f"nothing at {request.method} {path}"}, 404
        return web.Response(body=as_json(value), status=status, content_type="application/json")

    def _answer(self, request: web.BaseRequest) -> Answer:
        return dispatch.answer(self.exchange, request.path, request.query, self._clock.now())

    def _good(self, request: web.BaseRequest) -> Sendable:
        """The right answer, from the kept bodies where it is there."""
        target = request.raw_path
        accepts_gzip = _accepts_gzip(request)
        kept = self._bodies.get(target, accepts_gzip=accepts_gzip)
        if kept is not None:
            return kept
        answer = self._answer(request)
        fresh = sendable(answer, accepts_gzip=accepts_gzip)
        if answer.ask is not None and (answer.settled or self._clock.frozen is not None):
            self._bodies.keep(target, fresh, accepts_gzip=accepts_gzip)
        return fresh

    def _respond(self, request: web.BaseRequest, venue: str, one: Sendable) -> web.Response:
        self.stats.answered(venue, one.answer, len(one.body))
        return web.Response(body=one.body, status=one.answer.status, headers=self._headers(request, venue, one))

    def _headers(self, request: web.BaseRequest, venue: str, one: Sendable) -> dict[str, str]:
        headers = {hdrs.CONTENT_TYPE: "application/json", hdrs.DATE: self._clock.date(), **one.answer.headers}
        if one.is_gzipped:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        if venue == binance.NAME:
            headers["X-MBX-USED-WEIGHT-1M"] = self._weight.spend(binance.weight(request.path, request.query))
        return headers

    async def _faulty(self, request: web.BaseRequest, venue: str, fault: Fault) -> web.StreamResponse:
        if fault.kind == "hang":
            await self._wait(fault.seconds)
        answer = spoiled(fault, venue, lambda: self._answer(request))
        if fault.kind == "cut_connection":
            return await self._cut(request, venue, answer)
        return self._respond(request, venue, sendable(answer, accepts_gzip=_accepts_gzip(request)))

    async def _wait(self, seconds: float) -> None:
        """Until the time is over or the server closes."""
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return

    async def _cut(self, request: web.BaseRequest, venue: str, answer: Answer) -> web.StreamResponse:
        """Promise the whole body, send half of it, hang up."""
        one = Sendable(answer, answer.body, is_gzipped=False)
        response = web.StreamResponse(status=answer.status, headers=self._headers(request, venue, one))
        response.content_length = len(answer.body)
        await response.prepare(request)
        await response.write(first_half(answer.body))
        if request.transport is not None:
            request.transport.close()
        return response


def _accepts_gzip(request: web.BaseRequest) -> bool:
    return "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "")
