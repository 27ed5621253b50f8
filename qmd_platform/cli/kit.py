"""What every command is made of: examples in its help, ``--json``, errors a person can act on.

What lives here: the command class, the shared options and their types, exit codes, printing of JSON, notes and
errors. What does not: tables and progress bars (``cli.show``).

stdout carries the answer and nothing else; notes, progress and errors go to stderr. With ``--json`` stdout is
one JSON document, also when the command fails.
"""

import json
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import click

from qmd_platform.errors import ConfigError, QmdError
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe, timeframe
from qmd_platform.model.window import Instant, instant

EXIT_CODES = {
    0: "done",
    1: "a fault of the program; please report it",
    2: "the request is wrong: an option, a name, a time, the universe file; no data was changed",
    3: "a venue did not answer or refused",
    4: "the lake or its ledger is damaged or unusable",
    5: "not all there: candles are missing, a series is not held, the past asked for was vacuumed, or a serving store is "
    "behind the lake",
    6: "a serving store did not answer, or refused; loading again goes on where it stopped",
}


class Command(click.Command):
    """A click command with an Examples section. ``examples`` maps a command line to what it does."""

    def __init__(self, *args: Any, examples: dict[str, str], **kwargs: Any) -> None:  # noqa: ANN401 - click's arguments
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.params.append(
            click.Option(["--json", "as_json"], is_flag=True, help="Print JSON on stdout, for programs.")
        )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, one command line and what it does below it."""
        _write_examples(formatter, self.examples)


class Group(click.Group):
    """Commands of one subject under one name, with an Examples section."""

    def __init__(self, *args: Any, examples: dict[str, str], **kwargs: Any) -> None:  # noqa: ANN401 - click's arguments
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As of ``Command``."""
        _write_examples(formatter, self.examples)


def _write_examples(formatter: click.HelpFormatter, examples: dict[str, str]) -> None:
    with formatter.section("Examples"):
        for line, does in examples.items():
            formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
            formatter.indent()
            formatter.write_text(does)
            formatter.dedent()


Handler = Callable[..., int | None]


def command(examples: dict[str, str]) -> Callable[[Handler], click.Command]:
    """Make a function a command: its docstring is the help, it gets ``as_json`` and returns the exit code."""

    def made(function: Handler) -> click.Command:
        return click.command(cls=Command, examples=examples)(function)

    return made


class Parsed(click.ParamType[Any]):
    """An option's text turned into a value by a function that refuses with ConfigError."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's signature
        """The parsed value; a default that is parsed already passes through."""
        return self._parse(value) if isinstance(value, str) else value


def known_market(text: str) -> Market:
    """The market written ``text``, of a venue we know; ConfigError otherwise."""
    from qmd_platform.venues import facts

    market = Market.parse(text)
    facts.known_venue(market.venue)
    return market


def known_series(text: str) -> Series:
    """The candle series written ``text``, of a venue we know; ConfigError otherwise."""
    series = Series.parse(text)
    known_market(str(series.market))
    return series


MARKET = Parsed("market", known_market)


def venue_or_series(text: str) -> Series | str:
    """The venue or the candle series written ``text``; ConfigError when it is neither."""
    from qmd_platform.venues import facts

    return known_series(text) if ":" in text else facts.known_venue(text)


SERIES = Parsed("series", known_series)
VENUE_OR_SERIES = Parsed("venue or series", venue_or_series)
TIMEFRAME = Parsed("timeframe", timeframe)


def _time(what: str) -> Parsed:
    def parse(text: str) -> Instant:
        return instant(text, what)

    return Parsed("time", parse)


def start_option(help_: str, *, required: bool = False) -> Callable[[Handler], Handler]:
    """``--start TIME``."""
    return click.option("--start", type=_time("--start"), required=required, help=help_)


def end_option(help_: str) -> Callable[[Handler], Handler]:
    """``--end TIME``."""
    return click.option("--end", type=_time("--end"), help=help_)


def timeframe_option(help_: str, default: Timeframe | None = None) -> Callable[[Handler], Handler]:
    """``--timeframe 1m``."""
    return click.option(
        "--timeframe", type=TIMEFRAME, default=default and default.value, show_default=default is not None, help=help_
    )


SNAPSHOT = "a commit's number, a time, a pin's name, or now"
"""What can stand for a state of the lake."""


def as_of_option(function: Handler) -> Handler:
    """``--as-of SNAPSHOT``."""
    return click.option("--as-of", metavar="SNAPSHOT", help=f"The lake as it was: {SNAPSHOT}.")(function)


def run_id(command_: str) -> str:
    """Who a commit is by that the command ``command_`` makes."""
    return f"qmd-{command_}-{uuid.uuid4()}"


def now() -> Instant:
    """The clock's time."""
    return time.time_ns() // 1_000_000


def venue_url_option(function: Handler) -> Handler:
    """``--venue-url URL``."""
    text = "One server that answers for all venues, such as a sandbox (default: QMD_VENUE_URL, else the real venues)."
    return click.option("--venue-url", metavar="URL", help=text)(function)


def emit(document: object) -> None:
    """Print ``document`` as JSON on stdout."""
    click.echo(json.dumps(document, indent=2))


def note(text: str) -> None:
    """Say something to the person at the terminal: on stderr, at once."""
    click.echo(text, err=True)


def told(error: QmdError, *, as_json: bool) -> int:
    """Print an error as message and hint on stderr, with ``--json`` also on stdout; its exit code."""
    colour = sys.stderr.isatty()
    note(click.style("error: ", fg="red", bold=True) + error.message if colour else f"error: {error.message}")
    for line in (error.hint, *getattr(error, "__notes__", ())):
        if line:
            note(f"hint: {line}" if line is error.hint else f"also: {line}")
    if as_json:
        emit({"error": error.message, "hint": error.hint, "type": type(error).__name__})
    return error.exit_code


def from_click(error: click.ClickException) -> QmdError:
    """A refusal of click's own (an unknown option, a missing argument) as one of ours."""
    context = getattr(error, "ctx", None)
    hint = f"see `{context.command_path} --help`" if context else None
    message = error.format_message().strip().rstrip(".")
    return ConfigError(message[:1].lower() + message[1:], hint=hint)
