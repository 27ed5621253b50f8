"""What goes wrong while the load of ``soak`` runs: every fault of WebSockets that the sandbox has.

What lives here: the plan. What does not: the load (``soak``), single faults one by one (``test_seams``).
"""

from collections.abc import Mapping, Sequence

Entry = Mapping[str, object]
FAULTS: Sequence[Entry] = [
    {"kind": "ws_drop", "message": "closed", "share": 0.01, "seed": 1},
    {"kind": "ws_drop", "share": 0.0005, "seed": 2},
    {"kind": "ws_duplicate", "share": 0.02, "seed": 3},
    {"kind": "ws_reorder", "share": 0.02, "seed": 4, "within": 3},
    {"kind": "ws_truncated", "share": 0.001, "seed": 5},
    {"kind": "ws_unknown", "share": 0.005, "seed": 6},
    {"kind": "ws_skew", "seconds": 45, "share": 0.02, "seed": 7},
    {"kind": "ws_skew", "seconds": -45, "share": 0.02, "seed": 8},
    {"kind": "ws_cut", "share": 0.0001, "seed": 9},
    {"kind": "ws_refused", "every": 10},
    {"kind": "ws_stall", "venue": "okx", "since": "2026-12-01T00:10:30Z", "until": "2026-12-01T00:18:00Z"},
    {
        "kind": "ws_stall",
        "venue": "binance",
        "path": "BTC",
        "since": "2026-12-01T00:20:10Z",
        "until": "2026-12-01T00:40:10Z",
    },
    {"kind": "ws_restart", "venue": "gate", "since": "2026-12-01T00:24:40Z", "until": "2026-12-01T00:25:20Z"},
    {"kind": "ws_restart", "venue": "bybit", "since": "2026-12-01T00:29:50Z", "until": "2026-12-01T00:30:30Z"},
    {"kind": "ws_restart", "since": "2026-12-01T00:44:50Z", "until": "2026-12-01T00:45:20Z"},
]
"""Everything that can go wrong on the way, all at once; the restarts are over the ends of candles."""
