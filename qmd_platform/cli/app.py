"""The list of commands, and the one place where an error becomes a message and an exit code.

What lives here: the group ``qmd``, its help, lazy loading of the commands' modules. What does not: any command.

A command's module is imported when it is run (or when help lists it), and imports what it needs inside its
functions: ``qmd --help`` starts no data library.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from qmd_platform.cli import kit
from qmd_platform.errors import ConfigError, QmdError, choices

SECTIONS = {
    "Start here": ("demo", "dev", "doctor", "sandbox", "live"),
    "Candles": ("series", "coverage", "gaps", "explain", "quarantine", "read", "sql", "publish", "backfill", "tardis"),
    "Arbitrage": ("opportunities", "report"),
    "The past": ("log", "diff", "revisions", "pin", "unpin", "pins"),
    "Upkeep": ("verify", "seal", "vacuum", "backup", "restore", "rebuild", "migrate-ledger", "migrate-dagster"),
}
"""Every command by the section of the help it is listed in; the module of its name in ``cli`` holds it as ``command``."""

COMMANDS = tuple(name for names in SECTIONS.values() for name in names)

EPILOG = {
    "Time": "ISO with a zone, 2026-11-01T08:30:00Z; a bare date means midnight UTC. Ends are exclusive.",
    "Environment": "QMD_HOME, the folder of all state (default ~/.qmd). QMD_VENUE_URL, one server that answers for "
    "all venues, such as a sandbox. TARDIS_API_KEY and TARDIS_MACHINE_URL, for `qmd tardis`. QMD_UNIVERSE, the universe file. QMD_POSTGRES_URL and QMD_FILES_URL, a team's "
    "database and object store. QMD_PUBLISH_POSTGRES_URL and QMD_PUBLISH_QUESTDB_URL, for `qmd publish`.",
}

INTERRUPTED = 130
"""128 + SIGINT, what shells expect after Ctrl-C."""

PIPE_CLOSED = 141
"""128 + SIGPIPE: whoever read our output (``head``) went away."""


class App(click.Group):
    """The group ``qmd``: loads commands when they are named, and ends the process with our exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called ``cmd_name``; None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(f"qmd_platform.cli.{cmd_name.replace('-', '_')}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; an unknown command is answered with the closest names."""
        name = args[0]
        if not name.startswith("-") and name not in COMMANDS:
            raise ConfigError(f"there is no command {name!r}", hint=choices(name, COMMANDS))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by section, each with its one sentence."""
        for title, names in SECTIONS.items():
            found = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(title):
                formatter.write_dl([(name, command.get_short_help_str(90)) for name, command in found if command])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What all commands share: exit codes, times, environment."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in kit.EXIT_CODES.items()])
        for title, text in EPILOG.items():
            with formatter.section(title):
                formatter.write_text(text)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run the command; whoever stopped reading our output ends us quietly."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _forget_stdout()
            return PIPE_CLOSED
        return code

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's signature
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002 - click's signature
        **extra: Any,  # noqa: ANN401 - click's signature
    ) -> NoReturn:
        """Run, then leave the process with an exit code of ``kit.EXIT_CODES``."""
        given = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(given, "qmd", complete_var, standalone_mode=False, **extra)
        except QmdError as error:
            code = kit.told(error, as_json="--json" in given)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = error.exit_code
        except click.ClickException as error:
            code = kit.told(kit.from_click(error), as_json="--json" in given)
        except click.Abort:
            kit.note("stopped")
            code = INTERRUPTED
        sys.exit(code or 0)


def _forget_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not fail as well."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    os.close(sink)


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    if wanted:
        from importlib.metadata import version

        click.echo(f"qmd {version('qmd-platform')}")
        ctx.exit()


@click.group(cls=App, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def app() -> None:
    """Quant market data, kept whole: candles from exchange to lake, every gap accounted for.

    A market is written binance:BTC/USDT (spot) or binance:BTC/USDT:USDT (USDT-settled perpetual); a series is a
    market with a timeframe, binance:BTC/USDT:USDT:1m. `qmd COMMAND --help` shows examples.
    """
