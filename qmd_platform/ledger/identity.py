"""Which lake and which world the ledger is of.

What lives here: what the table ``about`` says, and the refusal of anything else. What does not: the rest of the ledger
(``ledger.ledger``).
"""

from sqlalchemy import Connection, delete, insert, select

from qmd_platform.errors import LedgerError, WrongWorld
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.disposal import Disposal


class Identity(Disposal):
    """The part of the ledger that knows what it is of."""

    def claim(self, world: str) -> None:
        """Make this a ledger of ``world`` (``live`` or ``sandbox``) from now on; WrongWorld if it is of another."""
        if self.about("world") != world:
            with self._database.writing() as connection:
                self._claim(connection, world)

    def say(self, key: str, value: str) -> None:
        """Make ``about(key)`` be ``value``; LedgerError if it already is something else."""
        if self.about(key) != value:
            with self._database.writing() as connection:
                self._say(connection, key, value)

    def put(self, key: str, value: str) -> None:
        """Make ``about(key)`` be ``value``, whatever it was."""
        with self._database.writing() as connection:
            connection.execute(delete(db.about).where(db.about.c.key == key))
            connection.execute(insert(db.about).values(key=key, value=value))

    def agreed(self, key: str, value: str) -> str:
        """What ``about(key)`` is; made to be ``value`` where nobody has said it yet."""
        if (said := self.about(key)) is not None:
            return said
        with self._database.writing() as connection:
            found = self._said(connection, key)
            if found is None:
                self._say(connection, key, value)
        return found or value

    def _claim(self, connection: Connection, world: str) -> None:
        found = self._said(connection, "world")
        if found is not None and found != world:
            raise WrongWorld(
                f"the lake of {self._database.where} holds {found} data and takes no {world} data",
                hint="`qmd demo` and `qmd dev` (`make demo`, `make dev`) go on with sandbox data; so does any command with "
                "--venue-url http://127.0.0.1:8080 while `qmd sandbox --port 8080` runs in another terminal; real data need "
                "a QMD_HOME of their own; nothing was written"
                if found == "sandbox"
                else "give the other data a QMD_HOME of its own; nothing was written",
            )
        self._say(connection, "world", world)

    def _say(self, connection: Connection, key: str, value: str) -> None:
        found = self._said(connection, key)
        if found is None:
            connection.execute(insert(db.about).values(key=key, value=value))
        elif found != value:
            raise LedgerError(f"the ledger {self._database.where} says {key} is {found}, not {value}")

    def _said(self, connection: Connection, key: str) -> str | None:
        return connection.execute(select(db.about.c.value).where(db.about.c.key == key)).scalar()
