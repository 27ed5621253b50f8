"""One candle's explanation, for people.

What lives here: sentences and tables. What does not: what they say (``lake.explaining``), the same for programs
(``cli.explain``).
"""

from collections.abc import Mapping, Sequence

from qmd_platform.cli import kit, show
from qmd_platform.lake.explaining import Event, Explanation, events
from qmd_platform.ledger.tracing import Refused
from qmd_platform.model.evidence import Answered
from qmd_platform.model.spans import State
from qmd_platform.model.window import Instant, Window, iso

SHOWN = 20
"""Requests and commits listed; JSON has all."""

DIGEST = 16
"""Characters of a sha256 in a table; JSON has all of it."""


def draw(found: Explanation, due: Instant | None, *, is_now: bool) -> None:
    """Print it. ``due`` is when the candle is asked for again; ``is_now`` says that this is no past snapshot."""
    then = "" if is_now else f" as of commit {found.commit}"
    show.say(f"[bold]{found.series}  {show.minute(found.open_at)}[/]{then}: {show.state(found.run.state)}")
    for line in (*_row(found), *_absence(found, due, is_now=is_now), *_base(found)):
        show.say(f"  {show.plain(line)}")
    _draw_events(found, events(found))
    _draw_refused(found.refused)
    if found.evidence or found.base is None:
        _draw_requests(found.evidence)


def _row(found: Explanation) -> list[str]:
    if found.row is None:
        return []
    file, fetched = found.row.file, found.row.fetched_at
    return [
        _text(found.row.values),
        f"{_since(fetched, is_made=found.base is not None)}; {_rank(found.row.source_rank)}",
        f"in {file.path}, sha256 {file.file_hash}",
    ]


def _since(fetched: Instant, *, is_made: bool) -> str:
    """Of when the row is. The time is taken before the first request of its month is sent, so it is never too late."""
    if not fetched:
        return "when it was fetched was not kept"
    return f"{'made' if is_made else 'fetched'} no earlier than {iso(fetched)}"


def _rank(rank: int) -> str:
    """What the rank of a row's source means."""
    if not rank:
        return "source rank 0, which is the venue's own"
    does = "counts more than" if rank > 0 else "gives way to"
    return f"source rank {rank}, which {does} the venue's own, 0"


def _text(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _absence(found: Explanation, due: Instant | None, *, is_now: bool) -> list[str]:
    """Why it is not there, how often it was asked for, and when it is again."""
    if found.run.state is State.PRESENT:
        return []
    step = found.series.timeframe.step
    window = found.run.window
    others = f"; so are all {show.counted(window.steps(step), 'candle')} in {window}" if window.steps(step) > 1 else ""
    lines = [f"{found.run.cause or 'no cause was kept'}{others}"]
    if not is_now or found.run.state is State.UNLISTED or found.base is not None:
        return lines
    if found.attempt:
        times = "once" if found.attempt.asks == 1 else f"{show.count(found.attempt.asks)} times"
        lines.append(f"asked for {times}, last at {iso(found.attempt.last_at)}")
    if due is None:
        lines.append("it is not asked for again by itself")
    else:
        lines.append("due now" if due <= kit.now() else f"due again at {iso(due)}")
    return lines


def _base(found: Explanation) -> list[str]:
    if found.base is None:
        return []
    base = found.base
    step = base.series.timeframe.step
    known = ", ".join(f"{show.count(many)} {state.value.replace('_', ' ')}" for state, many in base.states.items())
    unknown = base.window.steps(step) - sum(base.states.values())
    if unknown:
        known += f"{', ' if known else ''}{show.count(unknown)} never asked for"
    return [
        f"made of the {show.counted(base.window.steps(step), 'candle')} of {base.series} in {base.window}: {known}",
        f"each explained by: qmd explain {base.series} {iso(base.window.start)}",
    ]


def _draw_events(found: Explanation, said: Sequence[Event]) -> None:
    columns: list[show.Column] = [("commit", "right"), ("time", "left"), ("version", "right"), ("what it said", "left")]
    columns += [("source", "left"), ("run", "left"), ("code", "left")]
    rows = []
    for one in said[-SHOWN:]:
        version = found.versions[one.commit]
        cells = [str(one.commit), show.minute(version.at), str(version.version), _said(one)]
        rows.append([*map(show.plain, (*cells, version.source, version.run_id, version.code_version))])
    show.say()
    show.table(columns, rows, spare=("code", "version"))
    if len(said) > SHOWN:
        show.say(f"{show.counted(len(said) - SHOWN, 'earlier commit')} are not shown: --json has all.")
    if not found.is_whole:
        show.say("What was said before the first of these was taken by a vacuum.")


def _said(one: Event) -> str:
    if one.before and one.after:
        # By their text: NaN is no number that equals itself, and is the same value nevertheless.
        differing = [name for name, value in one.after.items() if repr(one.before.get(name)) != repr(value)]
        return f"restated: {', '.join(f'{name} {one.before.get(name)} → {one.after[name]}' for name in differing)}"
    state = one.run.state.value.replace("_", " ")
    if one.before:
        return f"{state}: {one.run.cause}; before: {_text(one.before)}"
    return f"{state}: {_text(one.after) if one.after else one.run.cause}".rstrip(": ")


def _draw_refused(refused: Sequence[Refused]) -> None:
    if not refused:
        return
    show.say()
    columns: list[show.Column] = [("commit", "right"), ("kept out for", "left"), ("row", "left"), ("run", "left")]
    rows = [[str(one.commit), one.rejected.reason, _text(one.rejected.row), one.run_id] for one in refused]
    show.table(columns, [[*map(show.plain, row)] for row in rows], spare=("run",))


def _draw_requests(evidence: Sequence[tuple[int, Answered]]) -> None:
    show.say()
    if not evidence:
        show.say("No request that speaks about it was kept.")
        return
    columns: list[show.Column] = [("commit", "right"), ("asked at", "left"), ("what", "left"), ("for", "left")]
    columns += [("rows", "right"), ("answer", "left")]
    rows = [
        [
            str(commit),
            iso(one.at),
            show.plain(one.what),
            _span(one.window),
            show.count(one.rows),
            show.plain(one.error or f"sha256 {one.digest[:DIGEST]}…"),
        ]
        for commit, one in evidence[-SHOWN:]
    ]
    show.table(columns, rows, spare=("rows", "commit"))
    if len(evidence) > SHOWN:
        show.say(f"{show.counted(len(evidence) - SHOWN, 'earlier request')} are not shown: --json has all.")


def _span(window: Window) -> str:
    return f"{show.minute(window.start)} to {show.minute(window.end)}"
