"""Tardis.dev: a recorder of the venues' WebSocket feeds that sells what it heard, as files a day and as replays.

What lives here: which of its exchanges and symbols are our markets (``exchanges``), its CSV data sets (``datasets``,
``reading``), the API that says what there is (``api``), tardis-machine's normalised messages (``messages``, ``machine``),
minutes made of trades (``bars``) and of a replay (``replayed``). What does not: what becomes of rows (``ingest.tardis``).

It is not a venue: what it has is somebody else's record of a venue, and it never overrules the venue itself.
"""
