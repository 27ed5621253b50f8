"""A lake of format 1, as the first release wrote it, and what it holds.

What lives here: unpacking ``format1.tar.xz`` and comparing a lake with the ``expected.json`` inside, which that release's
own code wrote. What does not: migrating it (the tests).

In it: two months of 1m candles of one market, restated, with a hole that is explained, one that is not and a rejected row;
1h candles, some NaN, infinite and noisy; a partition whose rows were all replaced away; instruments; verdicts; ten
commits, two of them under keys; the world ``sandbox``.
"""

import hashlib
import json
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Partition, Series

ARCHIVE = Path(__file__).with_name("format1.tar.xz")


def unpacked(root: Path) -> None:
    """Put the old lake's files into the folder ``root``."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(root, filter="data")
    (root / "expected.json").unlink()


@cache
def expected() -> dict[str, Any]:
    """What the code that wrote it read back."""
    with tarfile.open(ARCHIVE) as archive:
        file = archive.extractfile("expected.json")
        assert file is not None
        return json.load(file)


def differences(lake: Lake) -> list[str]:
    """Everything in which the lake is not the old one; empty if nothing was lost."""
    wanted, found = expected(), now_said(lake)
    return [name for name in wanted if found.get(name) != wanted[name]]


def now_said(lake: Lake) -> dict[str, Any]:
    """What the lake says, in the shape of ``expected``."""
    wanted = expected()
    november = Partition(Series.parse("binance:BTC/USDT:USDT:1m"), "2026-11")
    return {
        "commits": max((one.id for one in lake.ledger.log() if one.run_id == "run"), default=0),
        "world": lake.world,
        "keys": {key: (lake.ledger.committed(key) or (0,))[0] for key in wanted["keys"]},
        "series": {
            str(series): {"rows": digest(lake.candles(series)), "coverage": coverage(lake, series)}
            for series in lake.series()
            if series.table.startswith("candles_")
        },
        "as_of": {
            number: {text: digest(lake.candles(Series.parse(text), as_of=int(number))) for text in said}
            for number, said in wanted["as_of"].items()
        },
        "versions": {str(state.partition): state.version for state in lake.states()},
        "instruments": lake.read(Series.instruments("binance")).column("symbol").to_pylist(),
        "rejected": [[one.open_at, one.row_json, one.reason] for one in lake.ledger.rejected(november)],
    }


def digest(candles: Candles) -> list[object]:
    """How many rows, and a hash of all their bits."""
    data = b"".join(getattr(candles, name).tobytes() for name in COLUMNS)
    return [len(candles), hashlib.sha256(data).hexdigest()]


def coverage(lake: Lake, series: Series) -> list[list[object]]:
    """The runs of a series, month by month."""
    runs = [run for state in lake.states(series) for run in lake.coverage(series, state.partition.window)]
    return [[run.window.start, run.window.end, run.state.value, run.cause] for run in runs]
