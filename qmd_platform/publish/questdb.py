"""The lake's rows in QuestDB: sent by its own client, seen to be there, and then written down as loaded.

What lives here: the order of things that makes a stop at any instant harmless. What does not: HTTP (``questdb_http``), the
statements (``questdb_sql``), whether a table is as it should be (``questdb_looks``).

QuestDB has upserts and no transactions over several statements, and it cannot delete a row. So:

1. Rows of a partition are sent; rows with the same keys take the place of those that are there.
2. When they are visible, the rows of the series and month are counted. As many as in the lake: it has exactly the lake's.
   More: some left the lake. Then all series of the month are marked as being replaced, QuestDB's own partitions (days,
   months) that have such rows are dropped, and their rows, read before, are sent again, of all series.
3. Only then the series and month is written down in ``qmd_loaded``.

Two that did this side by side would undo each other's work unseen, so ``loading`` lets them in one by one.
"""

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Partition, Series
from qmd_platform.publish import questdb_looks as looks
from qmd_platform.publish import questdb_sql as sql
from qmd_platform.publish.port import Batch, Done, Loaded, Name, Source, name_of, spec_of, time_column
from qmd_platform.publish.questdb_frames import days_of, frame_of, instants_of, loaded_frame, up_to, within
from qmd_platform.publish.questdb_http import SETTING, Quest, QuestAddress, client

TOGETHER = 64
"""Series' months that are sent, at most, before it is waited for that they are visible, and written down."""

SENT = 200_000
"""Rows after which the same is done: so much, and a month, is lost of a load that is stopped."""

TRIES = 3
"""How often rows that are no more are looked for, as others may leave the lake meanwhile."""

PREPARED = 2_000_000
"""Rows that are read before what they replace is dropped, so that readers miss it for as short as possible: some 100 MB."""

REPLACING = ""
"""The version of a series and month whose rows are being replaced: no version of the lake's. It has -1 rows."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A partition of which ``rows`` rows were sent, without them."""

    partition: Partition
    data_version: str
    version: int
    total: int
    rows: int


class QuestStore:
    """``port.Store`` in a QuestDB server."""

    name = "questdb"
    keeps_apart = False

    def __init__(self, url: str) -> None:
        address = QuestAddress.parse(url)
        self._quest = Quest(address)
        self._known: dict[Name, Loaded] = {}
        self.where = address.where
        self.notes: list[str] = []

    def claim(self, lake: str, *, make: bool = True) -> None:
        """See Store."""
        if make:
            client()  # refused before anything is made
            for statement in sql.BOOKKEEPING:
                self._quest.ask(statement)
        elif not looks.is_there(self._quest, sql.ABOUT):
            return
        served = self._quest.ask(sql.SERVED)
        if not served and make:
            self._quest.ask(sql.serving(lake))
            self._quest.wait(sql.ABOUT)
            served = self._quest.ask(sql.SERVED)
        if served and served != [[lake]]:
            hint = f"name another server in {SETTING}, or drop that lake's tables: candles_*, funding_rates, {sql.LOADED}, {sql.ABOUT}"
            raise ConfigError(f"{self.where} serves another lake", hint=hint)

    def loaded(self, table: str) -> dict[Name, Loaded]:
        """See Store."""
        # A table that was dropped or emptied has nothing, whatever was loaded into it.
        if not looks.is_there(self._quest, table):
            return {}
        looks.refuse_another(self._quest, table)
        found = looks.written(self._quest, table)
        return {} if looks.is_emptied(self._quest, table, found) else found

    def counts(self, table: str) -> dict[Name, int]:
        """See Store."""
        if not looks.is_there(self._quest, table):
            return {}
        self._quest.wait(table)
        return self._counted(table)

    def load(self, source: Source, wanted: Sequence[Partition], *, full: bool) -> Iterator[Done]:
        """See Store."""
        if not wanted:
            return
        if not looks.is_there(self._quest, source.table):
            self._forget(source)
            self._quest.ask(sql.made(source.table, spec_of(source.table)))
        looks.refuse_without_keys(self._quest, source.table)
        self._known = self.loaded(source.table)
        if not self._known:
            self._forget(source)
        if full:  # who stops a load of all leaves the rest to the next
            self._remember(source, [_Sent(one, REPLACING, 0, -1, 0) for one in wanted])
        left = iter(wanted)
        while sent := self._sent(source, left, full=full):
            yield from self._settled(source, sent)

    def close(self) -> None:
        """See Store."""
        self._quest.close()

    def _forget(self, source: Source) -> None:
        """Write down that nothing is loaded, where a table was dropped or emptied: before it has rows again, and is believed to be whole."""
        names = looks.written(self._quest, source.table)
        partitions = [Partition(Series(source.table, venue, symbol), month) for venue, symbol, month in names]
        self._remember(source, [_Sent(one, "", 0, 0, 0) for one in partitions])

    def _sent(self, source: Source, left: Iterator[Partition], *, full: bool) -> list[_Sent]:
        """Send the next of ``left``: ``TOGETHER`` of them, or those with ``SENT`` rows."""
        sent: list[_Sent] = []
        while len(sent) < TOGETHER and sum(one.rows for one in sent) < SENT and (partition := next(left, None)):
            known = self._known.get(name_of(partition))
            if known and known.data_version == source.partitions.get(partition) and not full:
                continue  # sent when another series of this month was replaced
            is_known = known is not None and known.data_version != REPLACING and not full
            batch = source.read(partition, known if is_known else None)
            sent.append(self._send(batch, batch.rows))
        return sent

    def _settled(self, source: Source, sent: Sequence[_Sent]) -> list[Done]:
        """Wait until ``sent`` can be seen, have gone what is no more, write down what is there."""
        self._quest.wait(source.table)
        self._alone_or_unknown(source, sent)
        extra = self._extra(source.table, sent)
        replaced = sorted({partition.month for partition in extra})
        for month in replaced:
            self._replace(source, month, [one for one in extra if one.month == month])
        # What was replaced is written down already, but for series that the lake has no more.
        rest = [one for one in sent if one.partition.month not in replaced or one.partition not in source.partitions]
        self._remember(source, rest)
        return [Done(one.partition, one.rows, extra.get(one.partition, 0)) for one in sent]

    def _alone_or_unknown(self, source: Source, sent: Sequence[_Sent]) -> None:
        """Raise StoreError if another one may have loaded the table meanwhile: these rows may lie over newer ones then.

        So nobody knows what the store has of them, and that is written down.
        """
        if source.is_alone():
            return
        self._remember(source, [replace(one, data_version=REPLACING, version=0, total=-1) for one in sent])
        said = f"{source.table} was loaded by another one while this one was not heard of"
        raise self._quest.failed("is not what was sent", said, "load it again")

    def _extra(self, table: str, sent: Sequence[_Sent]) -> dict[Partition, int]:
        """How many rows there are of each partition that are no more in the lake; StoreError if there are too few."""
        months = sorted({one.partition.month for one in sent})
        counts = {name: count for month in months for name, count in self._counted(table, month).items()}
        found = {one.partition: counts.get(name_of(one.partition), 0) - one.total for one in sent}
        for partition, more in found.items():
            if more < 0:
                hint = f"has {table} a TTL, or does somebody delete there? `qmd publish questdb --full` loads all again"
                raise self._quest.failed("lost rows", f"{-more} of {partition} are not there", hint)
        return {partition: more for partition, more in found.items() if more}

    def _replace(self, source: Source, month: str, having: Sequence[Partition]) -> None:
        """Drop the partitions of QuestDB's with rows of ``having`` that are no more; send all series' rows of them again."""
        everyone = sorted(one for one in source.partitions if one.month == month)
        before = dict(self._known)
        marked = sorted({*everyone, *having})
        self._remember(source, [_Sent(one, REPLACING, 0, -1, 0) for one in marked if name_of(one) in before])
        for _ in range(TRIES):
            names = sorted({name for partition in having for name in self._without(source, partition)})
            sent = self._sent_again(source, everyone, names, before)
            if not (left := self._extra(source.table, sent)):
                self._remember(source, sent)
                return
            having = sorted(left)  # rows that left the lake while the others were sent
        said = ", ".join(map(str, having))
        raise self._quest.failed("kept rows that were dropped", said, "does somebody else write there? load it again")

    def _sent_again(
        self, source: Source, everyone: Sequence[Partition], names: Sequence[str], before: Mapping[Name, Loaded]
    ) -> list[_Sent]:
        rows = self._rows_of(source, everyone, names, before)
        ready = list(up_to(PREPARED, rows))
        if names:  # none where what had left the lake is there again
            self._quest.ask(sql.dropped(source.table, names))
        # From here on readers miss them.
        sent = [self._send(batch, part) for batch, part in itertools.chain(ready, rows)]
        self._quest.wait(source.table)
        self._alone_or_unknown(source, sent)
        return sent

    def _rows_of(
        self, source: Source, partitions: Sequence[Partition], names: Sequence[str], before: Mapping[Name, Loaded]
    ) -> Iterator[tuple[Batch, pa.Table]]:
        """The rows of each of ``partitions``: those in ``names`` of one that the store has ``before``, else all."""
        for partition in partitions:
            batch, known = source.read(partition, None), before.get(name_of(partition))
            is_same = known is not None and known.data_version == batch.data_version
            yield batch, within(batch, names) if is_same else batch.rows

    def _without(self, source: Source, partition: Partition) -> list[str]:
        """The partitions of QuestDB's in which it has rows that this partition of the lake has not."""
        spec = spec_of(source.table)
        held = np.array([row[0] for row in self._quest.ask(sql.instants(partition, spec))], np.int64)
        return days_of(source.table, np.setdiff1d(held, instants_of(source.read(partition, None))))

    def _send(self, batch: Batch, rows: pa.Table) -> _Sent:
        table = batch.partition.series.table
        spec = spec_of(table)
        if len(rows):
            self._quest.send(table, frame_of(batch, rows), sql.symbols(spec), time_column(spec))
        return _Sent(batch.partition, batch.data_version, batch.version, batch.total, len(rows))

    def _remember(self, source: Source, sent: Sequence[_Sent]) -> None:
        """Write down what was loaded, and wait until that is visible too."""
        if not sent:
            return
        now = time.time_ns() // 1_000_000
        for one in sent:
            known = Loaded(one.data_version, one.version, one.total, source.commit, now)
            self._known[name_of(one.partition)] = known
        rows = loaded_frame(source.table, [(one.partition, self._known[name_of(one.partition)]) for one in sent])
        self._quest.send(sql.LOADED, rows, ["table_name", "venue", "symbol", "month"], "month_at")
        self._quest.wait(sql.LOADED)

    def _counted(self, table: str, month: str | None = None) -> dict[Name, int]:
        rows = self._quest.ask(sql.counted(table, spec_of(table), month))
        return {(venue, symbol, of): count for venue, symbol, of, count in rows}
