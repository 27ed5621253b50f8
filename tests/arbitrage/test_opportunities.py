"""From a hedge's rows to episodes: one pair's life, worked out by hand."""

import numpy as np
import pytest

from qmd_platform.arbitrage.carry import DELAY_MS
from qmd_platform.arbitrage.hedges import Hedge
from qmd_platform.arbitrage.legs import seen
from qmd_platform.arbitrage.lifecycle import State, Thresholds
from qmd_platform.arbitrage.opportunities import Events, episodes, transitions
from qmd_platform.arbitrage.spreads import venue_spread
from qmd_platform.errors import ConfigError
from tests.arbitrage.worlds import HOUR, START, TERMS, leg

RULES = Thresholds(expected_hold_hours=240.0)
HIGH, LOW = 0.0005, 0.0
AT = START + DELAY_MS + np.arange(1, 16) * 8 * HOUR


def life() -> Hedge:
    legs = leg("binance:X/USDT:USDT", [HIGH] * 8 + [LOW] * 7), leg("gate:X/USDT:USDT", [0.0] * 15)
    return venue_spread(*(seen(one, AT, TERMS.windows) for one in legs), TERMS)


def test_an_episode_of_a_small_world_is_the_one_worked_out_by_hand():
    # A day of funding is known from the third settlement on: 0.0005 / 8 h, less 20 bp over 240 h.
    events = Events.of(life(), RULES)
    assert events.net_per_year[2:8] == pytest.approx([0.0005 * 1095 - 0.002 / 240 * 8760] * 6)
    changes, standing = transitions("pair", events, RULES)
    assert [(one.after.value, (one.at - DELAY_MS - START) // (8 * HOUR)) for one in changes] == [
        ("WATCH", 3),
        ("OPEN", 5),
        ("HOLD", 6),
        ("CLOSE", 12),  # below zero from the 11th on: a day without funding
        ("NONE", 13),
    ]
    (episode,) = episodes(changes)
    assert (episode.state, standing.state) == (State.NONE, State.NONE)
    assert (episode.opened_at, episode.closed_at, episode.ended_at) == (AT[4], AT[11], AT[11])
    assert episode.reason == "net return below 0.00% a year for 2 events"
    assert episode.best_net_per_year == pytest.approx(0.4745)
    assert not episode.is_open


def test_an_episode_that_goes_on_is_open_and_has_no_end():
    changes, _ = transitions("pair", Events.of(life().take(slice(8)), RULES), RULES)
    (episode,) = episodes(changes)
    assert episode.is_open
    assert (episode.state, episode.closed_at, episode.ended_at) == (State.HOLD, None, None)


def test_rows_that_are_not_in_the_order_of_time_are_refused():
    with pytest.raises(ConfigError, match="order of time"):
        Events.of(life().take(np.array([1, 0])), RULES)
