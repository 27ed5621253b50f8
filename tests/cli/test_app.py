"""The group: help, errors, exit codes, and what it costs to start."""

import importlib
import json
import re
import resource
import shlex
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import click
import pytest

from qmd_platform import errors
from qmd_platform.cli import kit
from qmd_platform.cli.app import COMMANDS
from tests.cli.conftest import Qmd, answer

QMD = (sys.executable, "-c", "from qmd_platform.cli import main; main()")
HEAVY = ("dagster", "ccxt", "pandas", "numpy", "pyarrow", "sqlalchemy", "rich", "great_expectations", "aiohttp")


def _command(name: str) -> kit.Command:
    return importlib.import_module(f"qmd_platform.cli.{name.replace('-', '_')}").command


def test_help_lists_every_command_with_its_sentence(qmd: Qmd):
    text = qmd("--help").output
    for name in COMMANDS:
        assert re.search(rf"^  {name} +\S.+\.$", text, re.MULTILINE), name


def test_help_documents_every_exit_code_an_error_can_have(qmd: Qmd):
    text = qmd("--help").output
    found = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, errors.QmdError)]
    for code in {error.exit_code for error in found}:
        assert re.search(rf"^  {code}  \S", text, re.MULTILINE), code


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_examples_and_json(qmd: Qmd, name: str):
    result = qmd(name, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.output
    assert "--json" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_a_command_line_that_parses(name: str):
    for line in _command(name).examples:
        words = list(takewhile(lambda word: word not in {"|", "<"}, shlex.split(line)))
        at = words.index("qmd")
        # An example may go on with another command.
        _command(words[at + 1]).make_context(words[at + 1], words[at + 2 :])
    assert f"qmd {name}" in next(iter(_command(name).examples))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_for(name: str):
    options = [param for param in _command(name).params if isinstance(param, click.Option)]
    assert all(option.help for option in options)


def test_without_arguments_the_help_is_shown_and_the_exit_code_says_that_nothing_was_done(qmd: Qmd):
    result = qmd()
    assert result.exit_code == 2
    assert "Start here:" in result.output


def test_an_unknown_command_is_answered_with_the_closest_one(qmd: Qmd):
    result = qmd("bakfill")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no command 'bakfill'" in result.stderr
    assert "did you mean backfill?" in result.stderr


def test_an_unknown_option_is_refused_in_the_same_words_as_everything_else(qmd: Qmd):
    result = qmd("series", "--colour")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: no such option '--colour'")
    assert "hint: see `qmd series --help`" in result.stderr


def test_with_json_an_error_is_a_json_document_too(qmd: Qmd):
    result = qmd("coverage", "nowhere:BTC/USDT:1m", "--json")
    assert result.exit_code == 2
    assert answer(result) == {
        "error": "unknown venue 'nowhere'",
        "hint": "choose from binance, bitfinex, bybit, gate, kraken, okx",
        "type": "ConfigError",
    }
    assert "error: unknown venue 'nowhere'" in result.stderr


def test_ctrl_c_ends_without_a_traceback(qmd: Qmd, monkeypatch: pytest.MonkeyPatch):
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_command("series"), "callback", interrupted)
    result = qmd("series")
    assert result.exit_code == 130
    assert "Traceback" not in result.stderr


def test_a_reader_that_goes_away_ends_us_quietly(in_filled: Path):
    reader = (*QMD, "read", "binance:BTC/USDT:1m", "--format", "csv")
    writer = subprocess.Popen(reader, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert writer.stdout is not None
    writer.stdout.close()
    _, told = writer.communicate()
    assert (writer.returncode, told) == (141, b"")


def test_help_starts_no_data_library():
    program = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from qmd_platform.cli.app import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_costs_less_than_a_quarter_of_a_second_of_work():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*QMD, "--help"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.25


def test_the_version_is_that_of_the_package(qmd: Qmd):
    assert re.fullmatch(r"qmd \d+\.\d+\.\d+\n", qmd("--version").output)


def test_json_output_is_one_document_and_nothing_else(qmd: Qmd, in_filled: Path):
    for line in (["series"], ["coverage", "binance:BTC/USDT:1m"], ["verify"], ["read", "binance:BTC/USDT:1m"]):
        json.loads(qmd(*line, "--json").stdout)
