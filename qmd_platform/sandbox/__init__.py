"""The sandbox exchange: venues' own REST wire formats on one loopback server.

What lives here: a deterministic market (a pure function of time), replay of recorded series, faults, counters.
What does not: anything that talks to a real exchange. It never imports ``venues``: a sandbox that shared the
client's code would agree with its mistakes.

Doors: ``server.run`` (foreground), ``server.running`` (a thread, for tests), ``service.Sandbox`` (inside an event
loop), ``market.truth`` (what a lake ought to hold afterwards).
"""
