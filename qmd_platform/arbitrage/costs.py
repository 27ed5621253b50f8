"""What trading costs: fees by venue and kind, slippage, borrowing, transfers; and the scenarios they are scaled to. Pure.

What lives here: the defaults, each with its date and source, and the arithmetic of a round trip. What does not: which
prices orders would be filled at (``spreads`` has the cross spreads of quotes, ``simulation`` fills).

Every default is a **base tier** taker fee, the most a new account pays. They are configuration: hand ``Costs`` your own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from qmd_platform.errors import ConfigError, choices

SCENARIOS: Mapping[str, float] = {"free": 0.0, "base": 1.0, "double": 2.0}
"""How many times the base costs each scenario takes: what is only good at ``free`` is no opportunity."""


@dataclass(frozen=True, slots=True)
class Fee:
    """A venue's fees for one kind of market, as fractions of the notional. Negative is a rebate.

    ``as_of`` is the day the schedule was read, ``source`` what was read.
    """

    taker: float
    maker: float
    as_of: str
    source: str

    def __post_init__(self) -> None:
        for name in ("taker", "maker"):
            if not abs(getattr(self, name)) < _LARGEST_FEE:
                raise ConfigError(
                    f"a {name} fee of {getattr(self, name)} is not a fraction of the notional",
                    hint="5 basis points are 0.0005",
                )


_LARGEST_FEE = 0.02
"""2 %. No venue takes as much for a trade; 0.05 is somebody's percent."""

_CCXT = "the fee schedule in ccxt 4.5.90's description of the venue"
_COMPARED = "a published comparison of the venues' base tiers in 2026"
_REPORTED = "a published description, the highest taker fee it names"

FEES: Mapping[tuple[str, str], Fee] = {
    ("binance", "spot"): Fee(0.0010, 0.0010, "2026-11-21", _CCXT),
    ("binance", "perpetual"): Fee(0.0005, 0.0002, "2026-11-21", _CCXT),
    ("binance", "future"): Fee(0.0005, 0.0002, "2026-11-21", _CCXT),
    ("gate", "spot"): Fee(0.0020, 0.0020, "2026-11-21", _CCXT),
    ("gate", "perpetual"): Fee(0.0005, 0.0, "2026-11-21", _CCXT),
    ("okx", "spot"): Fee(0.0015, 0.0010, "2026-11-21", _CCXT),
    ("okx", "perpetual"): Fee(0.0005, 0.0002, "2026-11-21", _CCXT),
    ("okx", "future"): Fee(0.0005, 0.0002, "2026-11-21", _CCXT),
    ("bybit", "spot"): Fee(0.0010, 0.0010, "2026-11-21", _COMPARED),
    ("bybit", "perpetual"): Fee(0.00055, 0.0002, "2026-11-21", _COMPARED),
    ("bybit", "future"): Fee(0.00055, 0.0002, "2026-11-21", _COMPARED),
    ("bitfinex", "spot"): Fee(0.0020, 0.0010, "2026-11-21", _CCXT),
    ("bitfinex", "perpetual"): Fee(0.00075, 0.0, "2024-11-12", _REPORTED),
    ("kraken", "spot"): Fee(0.0040, 0.0025, "2026-11-21", _COMPARED),
    ("kraken", "perpetual"): Fee(0.0005, 0.0002, "2026-11-21", _CCXT),
    ("hyperliquid", "spot"): Fee(0.0007, 0.0004, "2026-11-21", _CCXT),
    ("hyperliquid", "perpetual"): Fee(0.00045, 0.00015, "2026-11-21", _CCXT),
}
"""Fees by venue and kind of market. ccxt has one figure for all kinds at Bybit, Bitfinex and Kraken, so theirs are from
elsewhere where kinds differ."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Everything a hedge costs beside the quotes it crosses; all fractions of one leg's notional.

    Attributes:
        fees: by venue and kind (``spot``, ``perpetual``, ``future``).
        slippage: lost per fill beyond the quote. An assumption: 1 basis point fits small orders in large markets only.
        borrow_per_year: for a coin borrowed to be sold short on spot. An assumption: 10 % a year.
        transfer: for moving money between the two venues, per round trip.
        liquidation: taken by a venue of the notional it closes by force, beside the taker fee.
    """

    fees: Mapping[tuple[str, str], Fee] = field(default_factory=lambda: dict(FEES))
    slippage: float = 0.0001
    borrow_per_year: float = 0.10
    transfer: float = 0.0
    liquidation: float = 0.005

    def fee(self, venue: str, kind: str) -> float:
        """The taker fee, a fraction of the notional; ConfigError where none is configured."""
        found = self.fees.get((venue, kind))
        if found is None:
            known = [" ".join(key) for key in sorted(self.fees)]
            raise ConfigError(f"no fee is configured for {kind} at {venue}", hint=choices(f"{venue} {kind}", known))
        return found.taker

    def scaled(self, times: float) -> "Costs":
        """The same costs ``times`` over, as a scenario has them."""
        fees = {key: replace(fee, taker=fee.taker * times, maker=fee.maker * times) for key, fee in self.fees.items()}
        return Costs(
            fees,
            self.slippage * times,
            self.borrow_per_year * times,
            self.transfer * times,
            self.liquidation * times,
        )

    def fees_of_round_trip(self, legs: Iterable[tuple[str, str]]) -> float:
        """Fees of opening and closing every leg (venue, kind), as a fraction of one leg's notional. Two legs: four fills."""
        return sum(2 * self.fee(venue, kind) for venue, kind in legs)

    def slippage_of_round_trip(self, legs: Iterable[tuple[str, str]]) -> float:
        """Slippage of opening and closing every leg, as a fraction of one leg's notional."""
        return sum(2 * self.slippage for _ in legs)
