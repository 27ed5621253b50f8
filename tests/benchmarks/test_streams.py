"""The benchmark of listening says and reads what it claims to."""

import asyncio

import pytest

from benchmarks import streams
from qmd_platform.venues.streams.records import HeardCandle


def test_the_messages_of_the_benchmark_are_candles_of_which_one_in_fifty_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[HeardCandle] = []

    class Kept(streams.Counted):
        def one(self, *told: object) -> None:
            assert isinstance(told[0], HeardCandle)
            heard.append(told[0])
            super().one()

    monkeypatch.setattr(streams, "MESSAGES", 150)
    asyncio.run(streams.by_reading("", Kept()))
    assert len(heard) == 150
    assert [place for place, one in enumerate(heard) if one.is_closed] == [49, 99, 149]
    assert {one.open_at for one in heard} == {streams.START + minute * 60_000 for minute in range(3)}
