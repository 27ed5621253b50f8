"""Whatever comes over the wire, a reader answers with events: nothing it is sent can end listening."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.venues.streams.dialects import TABLE
from qmd_platform.venues.streams.messages import Unreadable
from qmd_platform.venues.streams.records import HeardCandle
from tests.venues.streams import samples
from tests.venues.streams.reading import AT, read, reader, streams

WORDS = sorted(
    {
        word
        for text in [text for *_, texts, _ in samples.CANDLES for text in texts]
        + [text for _, _, text, _ in samples.MARKS]
        + [text for _, text, _ in samples.ANSWERS]
        for word in text.replace('"', " ").replace(":", " ").replace(",", " ").split()
        if word.isidentifier()
    }
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "1", "nan", "1e999", "-1", "x", *WORDS])
    | st.text(max_size=5)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=12,
)


def cases() -> list[tuple[str, str, str]]:
    """A series or perpetual, its venue's name for the market, and a documented message of it."""
    of_candles = [(wanted, name, texts[-1]) for wanted, name, _, texts, _ in samples.CANDLES]
    return of_candles + [(wanted, name, text) for wanted, name, text, _ in samples.MARKS]


@pytest.mark.parametrize("venue", TABLE)
@given(text=st.text(max_size=40) | JSON.map(json.dumps))
@settings(max_examples=400)
def test_any_text_is_answered_with_events(venue: str, text: str) -> None:
    assert TABLE[venue].reader([]).read(text, AT)


@pytest.mark.parametrize(("wanted", "name", "text"), cases())
@given(data=st.data())
@settings(max_examples=400)
def test_a_message_with_any_one_value_replaced_is_answered_with_events(
    wanted: str, name: str, text: str, data: st.DataObject
) -> None:
    """And no candle in it has a value that is no number, whatever stood there."""
    whole = json.loads(text)
    holder, key = data.draw(st.sampled_from(_places(whole)))
    holder[key] = data.draw(JSON)
    one = reader(streams(wanted, name))
    if wanted.startswith("bitfinex"):
        read(one, samples.BITFINEX_ANSWER)
    for event in read(one, json.dumps(whole)):
        if isinstance(event, HeardCandle):
            values = (event.open, event.high, event.low, event.close, event.volume)
            assert all(abs(value) < float("inf") for value in values)
            assert event.open_at % event.series.timeframe.step == 0


@pytest.mark.parametrize(("wanted", "name", "text"), cases())
@given(data=st.data())
@settings(max_examples=400)
def test_a_message_that_was_cut_short_is_unreadable_and_never_half_read(
    wanted: str, name: str, text: str, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(text) - 1))
    one = reader(streams(wanted, name))
    assert not [event for event in read(one, text[:cut]) if isinstance(event, HeardCandle)]


@pytest.mark.parametrize("venue", TABLE)
def test_brackets_without_end_are_unreadable(venue: str) -> None:
    """A parser that goes down into them has only so deep a stack."""
    for text in ("[" * 100_000, '{"data":' * 100_000):
        assert all(isinstance(event, Unreadable) for event in TABLE[venue].reader([]).read(text, AT))


def _places(node: object) -> list[tuple[object, object]]:
    """Every place of a value in ``node``: what holds it, and its key or index."""
    if isinstance(node, dict):
        return [(node, key) for key in node] + [place for value in node.values() for place in _places(value)]
    if isinstance(node, list):
        return [(node, index) for index in range(len(node))] + [place for value in node for place in _places(value)]
    return []
