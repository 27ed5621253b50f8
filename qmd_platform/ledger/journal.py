"""A commit as a document: all it did, so that the ledger can be made again from the documents alone.

What lives here: ``Entry``, to bytes and back. What does not: where the bytes are kept (``lake.records``), making a
ledger of them (``lake.rebuild``).

The bytes are gzipped JSON, one document a commit, which a person can read with ``zcat``.
"""

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from qmd_platform.errors import LedgerError
from qmd_platform.ledger.asked import answers_of, attempts_of, text_of_answers, text_of_attempts
from qmd_platform.ledger.records import Change, Outcome, Pin, Rejected, Revision, Segment
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.window import Instant, Window

FORMAT = 2
"""Format 1, which is read too, says nothing of evidence and attempts."""

Document = dict[str, Any]

_OUTCOME = ("version", "rows", "new", "changed", "unchanged", "bytes", "data_version", "wrote", "outranked")
_SEGMENT = ("path", "rows", "bytes", "file_hash", "version", "first", "last", "digests", "codec")
_CHANGE = ("seen", "seen_layout", "layout", "first", "last")
_REVISION = ("key", "before", "after", "open_at")


@dataclass(frozen=True, slots=True)
class Entry:
    """One commit: who, when, and everything it changed. ``lake`` and ``world`` say of which lake."""

    id: int
    at: Instant
    run_id: str
    source: str
    code_version: str
    lake: str
    world: str | None
    idem_key: str | None = None
    changes: tuple[Change, ...] = ()
    pins: tuple[Pin, ...] = ()
    unpinned: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """The document; the same entry gives the same bytes."""
        said = {name: getattr(self, name) for name in ("id", "at", "run_id", "source", "code_version", "idem_key")}
        said |= {"format": FORMAT, "lake": self.lake, "world": self.world}
        said["changes"] = [_change(change) for change in self.changes]
        said["pins"] = [
            asdict(pin) | {"series": pin.series and [_series(one) for one in pin.series]} for pin in self.pins
        ]
        said["unpinned"] = list(self.unpinned)
        return gzip.compress(json.dumps(said, separators=(",", ":")).encode(), compresslevel=4, mtime=0)

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> "Entry":
        """The entry whose document ``data`` is.

        Raises:
            LedgerError: it is damaged, or of a newer format. ``where`` is named in the message.
        """
        try:
            said = json.loads(gzip.decompress(data))
            if said["format"] not in (1, FORMAT):
                raise LedgerError(f"the commit record {where} has format {said['format']}, not {FORMAT}")
            return _entry(said)
        except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise LedgerError(f"the commit record {where} is damaged: {error}", hint=_RESTORE) from error


_RESTORE = "put the file back from a backup"


def _entry(said: Mapping[str, Any]) -> Entry:
    return Entry(
        id=said["id"],
        at=said["at"],
        run_id=said["run_id"],
        source=said["source"],
        code_version=said["code_version"],
        idem_key=said["idem_key"],
        lake=said["lake"],
        world=said["world"],
        changes=tuple(_change_of(one) for one in said["changes"]),
        pins=tuple(
            Pin(**(one | {"series": None if one["series"] is None else tuple(Series(*name) for name in one["series"])}))
            for one in said["pins"]
        ),
        unpinned=tuple(said["unpinned"]),
    )


def _series(series: Series) -> list[str]:
    return [series.table, series.venue, series.symbol]


def _change(change: Change) -> Document:
    outcome = change.outcome
    return {
        "partition": [*_series(outcome.partition.series), outcome.partition.month],
        "outcome": {name: getattr(outcome, name) for name in _OUTCOME},
        "runs": [[run.window.start, run.window.end, run.state.value, run.cause] for run in outcome.runs],
        "added": [_segment(segment) for segment in change.added],
        "removed": list(change.removed),
        "rejected": [[one.open_at, one.reason, one.row_json] for one in change.rejected],
        "revisions": [{name: getattr(one, name) for name in _REVISION} for one in change.revisions],
        "evidence": text_of_answers(change.evidence) if change.evidence else None,
        "attempts": None if change.attempts is None else text_of_attempts(change.attempts),
        **{name: getattr(change, name) for name in _CHANGE},
    }


def _segment(segment: Segment) -> Document:
    window = segment.window
    return {name: getattr(segment, name) for name in _SEGMENT} | {"window": window and [window.start, window.end]}


def _change_of(said: Mapping[str, Any]) -> Change:
    partition = Partition(Series(*said["partition"][:3]), said["partition"][3])
    runs = tuple(Run(Window(start, end), State(state), cause) for start, end, state, cause in said["runs"])
    evidence, attempts = said.get("evidence"), said.get("attempts")
    return Change(
        outcome=Outcome(partition=partition, runs=runs, **said["outcome"]),
        added=tuple(_segment_of(partition, one) for one in said["added"]),
        removed=tuple(said["removed"]),
        rejected=tuple(Rejected(at, json.loads(row), reason) for at, reason, row in said["rejected"]),
        revisions=tuple(Revision(partition, **one) for one in said["revisions"]),
        evidence=() if evidence is None else answers_of(evidence),
        attempts=None if attempts is None else attempts_of(attempts),
        **{name: said[name] for name in _CHANGE},
    )


def _segment_of(partition: Partition, said: Mapping[str, Any]) -> Segment:
    window: Sequence[Instant] | None = said["window"]
    return Segment(partition, window=Window(*window) if window else None, **{name: said[name] for name in _SEGMENT})
