"""Everything that the tables of arbitrage are made by, in one value. Pure.

What lives here: the value. What does not: its parts (``hedges``, ``lifecycle``, ``funding.anomalies``), reading it from the
universe file (``config_arbitrage``).
"""

from dataclasses import dataclass, field

from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.arbitrage.lifecycle import Thresholds
from qmd_platform.funding.anomalies import AnomalyRule


@dataclass(frozen=True, slots=True)
class Rules:
    """What the tables are made by.

    Attributes:
        terms: costs, capital and limits of hedges; the holds are the table's own.
        anomaly: what counts as unusual.
        half_spread: from a candle's close to bid and ask, a fraction of it. 0: slippage stands for it.
        thresholds: when an opportunity changes its state.
    """

    terms: Terms = field(default_factory=Terms)
    anomaly: AnomalyRule = field(default_factory=AnomalyRule)
    half_spread: float = 0.0
    thresholds: Thresholds = field(default_factory=Thresholds)
