"""A writer killed at any instant leaves the lake as before or as after its commit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# One process that forks writers, so that the half second of importing is paid once and not once a kill.
# A generation is a batch over two months, all rows at one price.
KILLER = """
import json, os, random, signal, sys, time
from pathlib import Path
from qmd_platform.lake.store import Lake, Write
from tests.lake.making import FEBRUARY, JANUARY, candles_at, put

root, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)
report = {"torn": 0, "lost": 0, "damage": 0, "orphans": 0, "acked": 0}

def write_for_ever(out, generation):
    lake = Lake.open(root)
    while True:
        generation += 1
        put(lake, *(Write(part, candles_at(list(range(600)), generation, part).to_arrow()) for part in (JANUARY, FEBRUARY)))
        os.write(out, generation.to_bytes(4, "big"))

generation = 0
for kill in range(kills):
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        write_for_ever(theirs, generation)
    os.close(theirs)
    if kill % 2:
        os.read(ours, 4)  # not while it starts, this time
        report["acked"] += 1
        acked = generation + 1
    else:
        acked = generation
    time.sleep(rng.random() * 0.06)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(ours, "rb") as pipe:
        more = pipe.read()
    if more:
        acked = int.from_bytes(more[-4:], "big")
        report["acked"] += len(more) // 4
    with Lake.open(root) as lake:
        prices = set(lake.candles(JANUARY.series).close.tolist())
        report["torn"] += len(prices) > 1
        generation = int(max(prices, default=0))
        report["lost"] += generation < acked
        kinds = [finding.kind for finding in lake.verify()]
        report["damage"] += len(kinds) - kinds.count("orphan")
        report["orphans"] = kinds.count("orphan")
print(json.dumps(report))
"""


@pytest.mark.parametrize("kills", [10, pytest.param(300, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_a_killed_writer_leaves_the_old_or_the_new(tmp_path: Path, kills: int):
    program = [sys.executable, "-c", KILLER, str(tmp_path / "lake"), str(kills), "1"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["torn"], report["lost"], report["damage"]) == (0, 0, 0)
    assert report["acked"] >= kills // 2
