"""The command line, ``qmd``: one module a command, all of them thin.

What lives here: parsing what a person typed, calling one library function, showing the answer as a table or as
JSON. What does not: any thought about candles; the same library code runs under Dagster and in notebooks.

``app`` is the list of commands and the one place where errors become messages and exit codes, ``kit`` what
commands share, ``show`` how numbers are written for people, ``store`` how the lake is opened without being
created.
"""


def main() -> None:
    """The program ``qmd``."""
    from qmd_platform.cli.app import app

    app()
