"""placeholder"""

from qmd_platform.cli import kit


@kit.command({"qmd demo": "x"})
def command(*, as_json: bool) -> None:
    """x."""
