"""``qmd sandbox``: the sandbox exchange in the foreground.

What lives here: options, and telling where it listens. What does not: the exchange (``qmd_platform.sandbox``).
"""

import json
from pathlib import Path

import click

from qmd_platform.cli import kit
from qmd_platform.errors import ConfigError


@kit.command(
    {
        "qmd sandbox": "Serve on a free port until Ctrl-C.",
        "qmd sandbox --port 8080 --now 2026-11-15T12:00:00Z": "Serve on port 8080 with the venues' clock standing still.",
        "qmd sandbox --now 2026-11-15T12:00:00Z --speed 60": "An hour a minute, from then on.",
        "qmd sandbox --replay recorded/ --faults faults.toml": "Serve recorded series, and misbehave as the file says.",
        "qmd sandbox --limit gate=50/2": "Refuse and ban as venues do; Gate after 50 requests in 2 seconds.",
    }
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; 0 picks a free one.")
@click.option("--now", metavar="TIME", help="Stop the venues' clock at this time (default: it runs).")
@click.option(
    "--speed",
    type=float,
    metavar="N",
    help="Let the venues' clock run N times as fast, from --now where that is given.",
)
@click.option(
    "--replay", type=click.Path(path_type=Path), metavar="DIR", help="Serve the series DIR/replay.toml lists."
)
@click.option("--faults", type=click.Path(path_type=Path), metavar="FILE", help="A TOML file of faults to commit.")
@click.option(
    "--listings",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A TOML file of listings, delistings, renames and other changes of terms.",
)
@click.option(
    "--archive-files",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A TOML file of what is wrong with files of the archive.",
)
@click.option("--limits", is_flag=True, help="Enforce the venues' limits: 429 above them, then 418.")
@click.option(
    "--limit",
    "numbers",
    multiple=True,
    metavar="VENUE=N/SECONDS",
    help="Enforce limits, with other numbers for a venue or VENUE.BUCKET (repeatable).",
)
def command(
    *,
    port: int,
    now: str | None,
    speed: float | None,
    replay: Path | None,
    faults: Path | None,
    listings: Path | None,
    archive_files: Path | None,
    limits: bool,
    numbers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Serve a sandbox exchange, without keys or network.

    Speaks the wire formats of Binance, Gate, Bitfinex, OKX, Bybit and Kraken, REST and WebSockets. Its market is a
    pure function of time: any candle can be asked for, and is the same every time. Counters of requests are at
    /__sandbox/stats; faults, listings and the clock can be changed while it runs (docs/sandbox.md).
    """
    from qmd_platform.sandbox.server import run

    run(
        port=port,
        now=now,
        speed=speed,
        replay=replay,
        faults=faults,
        listings=listings,
        archive_files=archive_files,
        limits=dict(map(_numbers, numbers)) if numbers else limits,
        on_ready=_tell_json if as_json else _tell,
    )


def _numbers(text: str) -> tuple[str, tuple[float, float]]:
    """``gate=50/2``: the venue or bucket, and its weight and seconds."""
    key, _, rest = text.partition("=")
    weight, _, seconds = rest.partition("/")
    try:
        return key, (float(weight), float(seconds))
    except ValueError:
        raise ConfigError(f"--limit {text!r} is not VENUE=N/SECONDS", hint="such as gate=50/2") from None


def _tell(url: str) -> None:
    click.echo(f"The sandbox exchange answers at {url} until Ctrl-C. In another terminal:\n")
    click.echo("  export QMD_HOME=.qmd/sandbox   # a lake holds either real data or sandbox data")
    click.echo(f"  export QMD_VENUE_URL={url}")
    click.echo("  qmd backfill binance:BTC/USDT --start 2026-11-01")
    click.echo(f"\nRequests so far: curl {url}/__sandbox/stats")


def _tell_json(url: str) -> None:
    click.echo(json.dumps({"url": url}))
