"""Importing ccxt piecewise: what it costs, and that nobody else in the process notices."""

import subprocess
import sys

import pytest

LAZILY = "from qmd_platform.venues.ccxt_lazy import exchange_class, StandIn\nimport sys\n"
THREE = LAZILY + "ours = [exchange_class(v) for v in ('binance', 'gate', 'bitfinex')]\n"


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error::ImportWarning", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_three_exchanges_cost_a_tenth_of_ccxt_s_modules_and_no_pandas():
    program = THREE + (
        "import qmd_platform.venues.ccxt_client\n"
        "for one in ours: one()\n"
        "assert isinstance(sys.modules['ccxt'], StandIn) and isinstance(sys.modules['ccxt.async_support'], StandIn)\n"
        "assert 'pandas' not in sys.modules and 'dagster' not in sys.modules\n"
        "print(sum(name.split('.')[0] == 'ccxt' for name in sys.modules))"
    )
    assert int(run(program)) <= 30


def test_importing_the_client_imports_neither_ccxt_nor_aiohttp():
    program = (
        "import sys, qmd_platform.venues.ccxt_client, qmd_platform.venues.reach\n"
        "print([m for m in ('ccxt', 'aiohttp', 'requests', 'pandas', 'pyarrow') if m in sys.modules])"
    )
    assert run(program) == "[]"


def test_an_error_of_ccxt_s_is_caught_whoever_imports_it():
    program = THREE + (
        "import ccxt\n"
        "from ccxt import BadSymbol\n"
        "from ccxt.base.errors import BadSymbol as same\n"
        "assert BadSymbol is same is ccxt.BadSymbol\n"
        "try: ours[0]().market('NO/SUCH')\n"
        "except ccxt.ExchangeError: print('caught')"
    )
    assert run(program) == "caught"


CHECKS = (
    "import ccxt, ccxt.async_support as later\n"
    "assert [getattr(later, v) for v in ('binance', 'gate', 'bitfinex')] == ours\n"
    "assert len(ccxt.exchanges) > 90 and ccxt.__version__[0] == '4'\n"
    "assert all(isinstance(getattr(package, name), type) for package in (ccxt, later) for name in ccxt.exchanges)\n"
    "assert ccxt.binance().id == 'binance' and later.kraken().id == 'kraken'\n"
    "assert not hasattr(ccxt, 'nonsense') and issubclass(ours[0], later.Exchange)\n"
    "print('as always')"
)


@pytest.mark.slow
def test_a_plain_import_afterwards_is_whole_and_shares_our_classes():
    assert run(THREE + CHECKS) == "as always"


@pytest.mark.slow
def test_after_a_plain_import_we_use_what_is_there():
    program = (
        "import ccxt.async_support as before\n"
        + THREE
        + "assert not isinstance(sys.modules['ccxt'], StandIn)\n"
        + "assert ours[0] is before.binance\n"
    )
    assert run(program + CHECKS) == "as always"


@pytest.mark.slow
def test_after_the_plain_synchronous_package_only_the_asynchronous_one_is_stood_in_for():
    assert run("import ccxt as before\n" + THREE + "assert before.binance is not ours[0]\n" + CHECKS) == "as always"


@pytest.mark.slow
def test_when_a_stand_in_does_not_do_the_plain_import_does():
    program = LAZILY + (
        "from qmd_platform.venues import ccxt_lazy\n"
        "def broken(package):\n"
        "    sys.modules[package] = StandIn(ccxt_lazy.importlib.util.find_spec(package))\n"
        "    raise ImportError('a later ccxt is laid out differently')\n"
        "ccxt_lazy._install = broken\n"
        "found = exchange_class('binance')\n"
        "import ccxt.async_support\n"
        "assert found is ccxt.async_support.binance and not isinstance(sys.modules['ccxt'], StandIn)\n"
        "print('as always')"
    )
    assert run(program) == "as always"


@pytest.mark.slow
def test_a_name_that_is_no_exchange_is_an_error():
    program = LAZILY + "try: exchange_class('nonsense')\nexcept (ImportError, KeyError) as error: print(error.args[0])"
    assert "nonsense" in run(program)
