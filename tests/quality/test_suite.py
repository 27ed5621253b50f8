"""Great Expectations and numpy are two judges of one law."""

import sys
from subprocess import run

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.errors import QmdError
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.quality.judge import Beside, applying, measured
from qmd_platform.quality.offenders import offenders
from qmd_platform.quality.rules import FINITE, POSITIVE_PRICES
from qmd_platform.quality.suite import objections
from tests.quality.tables import all_there, changed, clean, partition, with_value

ROWS = 60
VALUES = [0.0, -0.0, -1.0, 5e-324, 1e-9, 1e300, np.nan, np.inf, -np.inf]
TIMES = [0, 1, -1, 1000, 3_600_000, -3_600_000, 10**12, -(10**15)]

damage = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(COLUMNS[1:]), st.integers(0, ROWS - 1), st.sampled_from(VALUES)),
        st.tuples(st.just("open_at"), st.integers(0, ROWS - 1), st.sampled_from(TIMES)),
        st.tuples(st.just("gone"), st.integers(0, ROWS - 1), st.just(0)),
    ),
    max_size=8,
)


def damaged(candles: Candles, plan: list[tuple[str, int, float]]) -> Candles:
    kept = np.ones(len(candles), bool)
    for what, row, value in plan:
        if what == "gone":
            kept[row] = False
        elif what == "open_at":
            at = candles.open_at.copy()
            at[row] += int(value)
            candles = changed(candles, open_at=at)
        else:
            candles = with_value(candles, what, row, value)
    return candles.take(kept)


@settings(max_examples=25)
@given(damage)
def test_great_expectations_names_the_rows_that_numpy_names(plan: list[tuple[str, int, float]]):
    of = partition()
    candles = damaged(clean().take(slice(0, ROWS)), plan)
    shorter = clean(Timeframe.M15).take(slice(0, ROWS * 4))
    columns = measured(of, candles, all_there(of), Beside(shorter, Timeframe.M15))
    said = objections(applying(columns), columns)
    for rule in applying(columns):
        assert said.get(rule.name, np.empty(0)).tolist() == np.flatnonzero(offenders(rule, columns)).tolist(), rule.name


def test_nothing_is_objected_to_in_an_empty_table():
    columns = measured(partition(), Candles.empty(), [])
    assert objections(applying(columns), columns) == {}


def test_a_rule_that_could_not_be_judged_is_an_error_and_not_a_verdict():
    with pytest.raises(QmdError, match="could not judge finite"):
        objections([FINITE, POSITIVE_PRICES], {"finite_values": np.array(["a"]), "lowest_price": np.array([1.0])})


QUIET = """
import sys, warnings
def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        print("network:", event, args)
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+") and ".pyc" not in str(args[0]):
        print("writes:", args)
sys.addaudithook(watch)
warnings.simplefilter("error")
from tests.quality.tables import all_there, clean, partition, with_value
from qmd_platform.quality.judge import judged
for candles in (clean(), with_value(clean(), "volume", 3, -1.0)):
    assert len(judged(partition(), candles, all_there(partition()))) == 16
print(*{"altair", "scipy.stats"} & set(sys.modules))
"""


def test_judging_uses_no_network_writes_no_file_says_nothing_and_spares_what_it_does_not_use():
    done = run([sys.executable, "-c", QUIET], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
