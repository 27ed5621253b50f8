"""The peer freqtrade, where ``FREQTRADE`` names its executable: the work of benchmark 1 with its downloader.

What lives here: its configuration and the call. It is not a dependency; install it into an environment of its own.
"""

import json
import os
from pathlib import Path

from benchmarks.backfill import SYMBOLS
from benchmarks.timing import Took, program

EXECUTABLE = os.environ.get("FREQTRADE", "")


def download(url: str, folder: Path) -> Took:
    """``freqtrade download-data`` of benchmark 1's markets and days into an empty folder, without its pacing."""
    folder.mkdir(parents=True)
    paths = {"public": "/api/v3", "fapiPublic": "/fapi/v1", "dapiPublic": "/dapi/v1", "sapi": "/sapi/v1"}
    exchange = {
        "name": "binance",
        "key": "",
        "secret": "",
        "only_from_ccxt": True,
        "ccxt_config": {
            "enableRateLimit": False,
            "urls": {"api": {name: url + path for name, path in paths.items()}},
            "options": {"fetchMarkets": {"types": ["spot"]}},
        },
        "pair_whitelist": list(SYMBOLS),
        "pair_blacklist": [],
    }
    config = {
        "stake_currency": "USDT",
        "stake_amount": 10,
        "dry_run": True,
        "exchange": exchange,
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": {"price_side": "same", "use_order_book": False},
        "exit_pricing": {"price_side": "same", "use_order_book": False},
    }
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    program([EXECUTABLE, "create-userdir", "--userdir", str(folder)], {})
    command = [EXECUTABLE, "download-data", "--config", str(file), "--userdir", str(folder), "--timeframes", "1m"]
    return program([*command, "--timerange", "20260910-20261010", "--pairs", *SYMBOLS], {})
