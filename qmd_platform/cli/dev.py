"""``qmd dev``: Dagster's UI and daemon on this lake.

What lives here: which world the lake is of, hence who answers for the venues. What does not: keeping Dagster's programs
running (``cli.services``), the graph (``assets``, ``sensors``, ``qmd_platform.definitions``).
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from qmd_platform.cli import kit, store
from qmd_platform.errors import ConfigError

HOST = "127.0.0.1"


@kit.command(
    {
        "qmd dev": "Open http://127.0.0.1:3000 when it says so; Ctrl-C ends it.",
        "QMD_HOME=.qmd/demo qmd dev --port 3001": "The UI on what `qmd demo` made.",
    }
)
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port of the UI.")
@kit.venue_url_option
def command(*, port: int, venue_url: str | None, as_json: bool) -> int:
    """Run Dagster's UI on the lake, until Ctrl-C.

    UI and daemon, with state in QMD_HOME; one that dies is started again. A lake of sandbox data gets a sandbox
    exchange beside it, so that everything in the UI can be clicked without network; any other lake talks to the real
    venues.
    """
    from qmd_platform.cli import instance
    from qmd_platform.cli.checkout import checkout, environment
    from qmd_platform.config import load_universe, postgres_url, qmd_home, universe_path
    from qmd_platform.config import venue_url as settled_url

    source, home = checkout(), qmd_home()
    store.refuse_unwritable(home)
    load_universe()
    _refuse_taken(port)
    with _venues(home, settled_url(venue_url)) as url:
        env = environment(home, source, universe=universe_path(), venue_url=url)
        said = {
            "ui": f"http://{HOST}:{port}",
            "home": str(home),
            "runs": instance.kept_in(Path(env["DAGSTER_HOME"]), postgres_url()),
            "universe": str(universe_path()),
            "venues": url,
        }
        _tell(said, as_json=as_json)
        return _serve(source, port, env)


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            hint = f"choose another with --port {port + 1}"
            raise ConfigError(f"port {port} cannot be used: {error.strerror}", hint=hint) from error


@contextmanager
def _venues(home: Path, url: str | None) -> Iterator[str | None]:
    """Who answers for the venues: the given server, a sandbox for a sandbox lake, else None, the real ones."""
    if url is not None or store.world_of(home) != "sandbox":
        yield url
        return
    from qmd_platform.sandbox.server import running

    with running() as sandbox:
        yield sandbox


def _tell(said: dict[str, str | None], *, as_json: bool) -> None:
    if as_json:
        kit.emit(said)
        return
    kit.note(f"UI        {said['ui']}  (in about ten seconds; Ctrl-C ends it)")
    kit.note(f"data      {said['home']}")
    kit.note(f"runs      {said['runs']}")
    kit.note(f"universe  {said['universe']}")
    kit.note(f"venues    {said['venues'] or 'the real exchanges'}\n")


def _serve(source: Path, port: int, env: dict[str, str]) -> int:
    from qmd_platform.cli.children import ended_by_signals
    from qmd_platform.cli.services import Supervisor, dagster_services

    with ended_by_signals(), dagster_services(source, HOST, port) as services:
        try:
            return Supervisor(services, env, source, kit.note).run()
        except KeyboardInterrupt:
            kit.note("stopping Dagster ...")
            return 0
