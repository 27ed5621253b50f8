"""What is killed: a process that appends candles, and says on stdout what is durable.

Run as ``python -m tests.live.appending FOLDER FIRST``: minute by minute of two series, a number a line once it counts.
"""

import sys
from pathlib import Path

from qmd_platform.live.log import Log
from tests.live.heard import BTC, ETH, candle


def main(folder: str, first: str) -> None:
    log = Log(Path(folder), world="sandbox")
    number = int(first)
    while True:
        log.append([candle(number + more, series) for more in range(3) for series in (BTC, ETH)])
        number += 3
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
