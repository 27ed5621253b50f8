"""What holds of a connection whatever the venue says, and whatever happens to its sockets."""

import json
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qmd_platform.venues.streams.patience import Endurance
from qmd_platform.venues.streams.state import Phase
from tests.venues.streams.driver import MARKETS, Driver

ENDURANCE = Endurance(base_seconds=1, cap_seconds=20, healthy_seconds=30, again_seconds=45)


class AnyVenue(RuleBasedStateMachine):
    """A venue that may do anything at any time."""

    @initialize(seed=st.integers(0, 1000))
    def begins(self, seed: int) -> None:
        self.driver = Driver(ENDURANCE, seed=seed)
        self.failures = 0
        self.told_at: float | None = None
        self.from_socket = 0
        self.totals: dict[str, int] = {}

    @property
    def is_open(self) -> bool:
        return self.driver.is_open and self.driver.machine.counters.connects > 0

    @precondition(lambda self: self.driver.machine.phase is Phase.WAITING)
    @rule(works=st.booleans())
    def connects(self, works: bool) -> None:  # noqa: FBT001 - drawn
        waited = self.driver.wait()
        bound = min(ENDURANCE.base_seconds * 2 ** max(self.failures - 1, 0), ENDURANCE.cap_seconds)
        assert 0 <= waited <= (bound if self.failures else 0)
        self.told_at, self.from_socket = None, len(self.driver.sent)
        if works:
            self.driver.open()
        else:
            self.driver.machine.begin(self.driver.at)
            self._ends()

    @precondition(lambda self: self.is_open)
    @rule(seconds=st.floats(0.01, 70))
    def time_passes(self, seconds: float) -> None:
        hung_up = len(self.driver.hung_up)
        self.driver.passes(seconds)
        if self.told_at is not None and self.driver.now - self.told_at > ENDURANCE.healthy_seconds + 2:
            self.failures = 0 if len(self.driver.hung_up) == hung_up else self.driver.state.failures
        if len(self.driver.hung_up) > hung_up:
            self.failures = self.driver.state.failures
            self._ends()

    @precondition(lambda self: self.is_open)
    @rule(name=st.sampled_from(MARKETS))
    def tells(self, name: str) -> None:
        self.driver.tells(name)
        self.told_at = self.driver.now if self.told_at is None else self.told_at
        assert self.driver.machine.phase is Phase.LIVE

    @precondition(lambda self: self.is_open)
    @rule(number=st.integers(1, 30), is_taken=st.booleans(), words=st.sampled_from(["no", "no solusdt@kline_1m"]))
    def answers(self, number: int, is_taken: bool, words: str) -> None:  # noqa: FBT001 - drawn
        said = {"result": None, "id": number} if is_taken else {"error": {"code": 2, "msg": words}, "id": number}
        self.driver.says(json.dumps(said))

    @precondition(lambda self: self.is_open)
    @rule(text=st.sampled_from(["", "{", "[]", '{"e":"trade"}', '{"e":"new thing"}', "pong", "null"]))
    def says_anything(self, text: str) -> None:
        self.driver.says(text)

    @precondition(lambda self: self.is_open)
    @rule()
    def hangs_up(self) -> None:
        self._ends()

    def _ends(self) -> None:
        before = self.driver.state.failures
        self.driver.machine.over("gone", self.driver.now, self.driver.at)
        self.failures = self.driver.state.failures
        assert self.failures == before + 1

    @invariant()
    def nothing_is_forgotten_before_health(self) -> None:
        if self.told_at is None or self.driver.now - self.told_at < ENDURANCE.healthy_seconds:
            assert self.driver.state.failures == self.failures

    @invariant()
    def counters_only_grow(self) -> None:
        totals = {name: value for name, value in self.driver.state.counters.items() if isinstance(value, int)}
        assert all(totals[name] >= before for name, before in self.totals.items())
        self.totals = totals

    @invariant()
    def everything_is_asked_for_on_each_socket_and_not_too_fast(self) -> None:
        of_socket = self.driver.sent[self.from_socket :]
        asked = {topic for _, text in of_socket for topic in json.loads(text).get("params", ())}
        assert not of_socket or asked == set(self.driver.topics)
        times = [at for at, _ in of_socket]
        least = 1 / self.driver.habits.sends_per_second - 0.001
        assert all(later - earlier >= least for earlier, later in pairwise(times))

    @invariant()
    def refusals_name_markets(self) -> None:
        assert {one.topic for one in self.driver.state.refusals} <= set(self.driver.topics)

    @invariant()
    def a_socket_that_is_kept_said_something_lately(self) -> None:
        if self.is_open and self.driver.state.message_at is not None and self.driver.machine.phase is Phase.LIVE:
            silent = (self.driver.at - self.driver.state.message_at) / 1000
            assert silent <= self.driver.habits.quiet_seconds + 72, "the last look may be 70 s ago"


TestAnyVenue = AnyVenue.TestCase
TestAnyVenue.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
