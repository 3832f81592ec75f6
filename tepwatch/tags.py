"""The catalogue of the plant: measurements, manipulated variables and disturbances.

The only place that names a variable of the Tennessee Eastman process. Everything else (columns,
stages, process units, titles on a screen) is derived from it. Source: Downs and Vogel, "A
plant-wide industrial process control problem", Computers & Chemical Engineering 17(3), 1993,
tables 3 to 8; base values are those of the base case (mode 1).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, NamedTuple


class Area(enum.StrEnum):
    """Process area of a variable; the analysers are areas of their own, one each."""

    FEED = "feed"
    REACTOR = "reactor"
    SEPARATOR = "separator"
    STRIPPER = "stripper"
    RECYCLE = "recycle"
    REACTOR_FEED_ANALYSIS = "reactor_feed"
    PURGE_GAS_ANALYSIS = "purge_gas"
    PRODUCT_ANALYSIS = "product"


class Sampling(enum.StrEnum):
    """How a value reaches the record."""

    CONTINUOUS = "continuous"
    ANALYSER_6_MIN = "analyser, every 0.1 h"
    ANALYSER_15_MIN = "analyser, every 0.25 h"
    FIXED = "held constant by the published control strategies"


# Wide: a level is counted from a mark, and is far below it before a plant trips.
_SPAN: Final = 5.0
_SPAN_MARGIN: Final = 0.5


class Tag(NamedTuple):
    """One variable: `id` is its one spelling, on the wire, in the stores and in the code."""

    id: str
    title: str
    unit: str
    area: Area
    sampling: Sampling
    base_value: float

    def departure(self, value: float, normal: float) -> str:
        """A value beside the normal one, in engineering words and units.

        >>> TAGS["xmeas_1"].departure(0.001, 0.2666)
        'A feed 0.001 kscmh, normally 0.2666'
        """
        return f"{self.title} {value:.4g} {self.unit}, normally {normal:.4g}"

    @property
    def span(self) -> tuple[float, float]:
        """What an instrument of this variable can show when it works, in its unit."""
        highest = 100.0 if self.unit.endswith("%") else _SPAN * self.base_value
        return -_SPAN_MARGIN * highest, (1.0 + _SPAN_MARGIN) * highest


class Disturbance(NamedTuple):
    """One of the process disturbances (IDV) of the paper."""

    number: int
    title: str
    kind: str


def _continuous(number: int, title: str, unit: str, area: Area, base_value: float) -> Tag:
    return Tag(f"xmeas_{number}", title, unit, area, Sampling.CONTINUOUS, base_value)


def _analyser(
    first_number: int, stream: str, components: Mapping[str, float], area: Area, sampling: Sampling
) -> tuple[Tag, ...]:
    return tuple(
        Tag(f"xmeas_{number}", f"{stream}, component {component}", "mol%", area, sampling, value)
        for number, (component, value) in enumerate(components.items(), first_number)
    )


XMEAS: Final[tuple[Tag, ...]] = (
    _continuous(1, "A feed", "kscmh", Area.FEED, 0.25052),
    _continuous(2, "D feed", "kg/h", Area.FEED, 3664.0),
    _continuous(3, "E feed", "kg/h", Area.FEED, 4509.3),
    _continuous(4, "A and C feed", "kscmh", Area.FEED, 9.3477),
    _continuous(5, "Recycle flow", "kscmh", Area.RECYCLE, 26.902),
    _continuous(6, "Reactor feed rate", "kscmh", Area.REACTOR, 42.339),
    _continuous(7, "Reactor pressure", "kPa gauge", Area.REACTOR, 2705.0),
    _continuous(8, "Reactor level", "%", Area.REACTOR, 75.0),
    _continuous(9, "Reactor temperature", "°C", Area.REACTOR, 120.40),
    _continuous(10, "Purge rate", "kscmh", Area.RECYCLE, 0.33712),
    _continuous(11, "Separator temperature", "°C", Area.SEPARATOR, 80.109),
    _continuous(12, "Separator level", "%", Area.SEPARATOR, 50.0),
    _continuous(13, "Separator pressure", "kPa gauge", Area.SEPARATOR, 2633.7),
    _continuous(14, "Separator underflow", "m³/h", Area.SEPARATOR, 25.160),
    _continuous(15, "Stripper level", "%", Area.STRIPPER, 50.0),
    _continuous(16, "Stripper pressure", "kPa gauge", Area.STRIPPER, 3102.2),
    _continuous(17, "Stripper underflow", "m³/h", Area.STRIPPER, 22.949),
    _continuous(18, "Stripper temperature", "°C", Area.STRIPPER, 65.731),
    _continuous(19, "Stripper steam flow", "kg/h", Area.STRIPPER, 230.31),
    _continuous(20, "Compressor work", "kW", Area.RECYCLE, 341.43),
    _continuous(21, "Reactor cooling water outlet temperature", "°C", Area.REACTOR, 94.599),
    _continuous(22, "Condenser cooling water outlet temperature", "°C", Area.SEPARATOR, 77.297),
    *_analyser(
        23,
        "Reactor feed",
        {"A": 32.188, "B": 8.8933, "C": 26.383, "D": 6.8820, "E": 18.776, "F": 1.6567},
        Area.REACTOR_FEED_ANALYSIS,
        Sampling.ANALYSER_6_MIN,
    ),
    *_analyser(
        29,
        "Purge gas",
        {
            "A": 32.958,
            "B": 13.823,
            "C": 23.978,
            "D": 1.2565,
            "E": 18.579,
            "F": 2.2633,
            "G": 4.8436,
            "H": 2.2986,
        },
        Area.PURGE_GAS_ANALYSIS,
        Sampling.ANALYSER_6_MIN,
    ),
    *_analyser(
        37,
        "Product",
        {"D": 0.01787, "E": 0.83570, "F": 0.09858, "G": 53.724, "H": 43.828},
        Area.PRODUCT_ANALYSIS,
        Sampling.ANALYSER_15_MIN,
    ),
)
"""The 41 measurements, in the order of the paper."""


def _valve(number: int, title: str, area: Area, base_value: float) -> Tag:
    return Tag(f"xmv_{number}", title, "%", area, Sampling.CONTINUOUS, base_value)


XMV: Final[tuple[Tag, ...]] = (
    _valve(1, "D feed flow", Area.FEED, 63.053),
    _valve(2, "E feed flow", Area.FEED, 53.980),
    _valve(3, "A feed flow", Area.FEED, 24.644),
    _valve(4, "A and C feed flow", Area.FEED, 61.302),
    _valve(5, "Compressor recycle valve", Area.RECYCLE, 22.210),
    _valve(6, "Purge valve", Area.RECYCLE, 40.064),
    _valve(7, "Separator liquid flow", Area.SEPARATOR, 38.100),
    _valve(8, "Stripper liquid product flow", Area.STRIPPER, 46.534),
    _valve(9, "Stripper steam valve", Area.STRIPPER, 47.446),
    _valve(10, "Reactor cooling water flow", Area.REACTOR, 41.106),
    _valve(11, "Condenser cooling water flow", Area.SEPARATOR, 18.114),
    Tag("xmv_12", "Agitator speed", "%", Area.REACTOR, Sampling.FIXED, 50.0),
)
"""The 12 manipulated variables, in the order of the paper."""

DISTURBANCES: Final[tuple[Disturbance, ...]] = (
    Disturbance(1, "A/C feed ratio, B composition constant", "step"),
    Disturbance(2, "B composition, A/C ratio constant", "step"),
    Disturbance(3, "D feed temperature", "step"),
    Disturbance(4, "Reactor cooling water inlet temperature", "step"),
    Disturbance(5, "Condenser cooling water inlet temperature", "step"),
    Disturbance(6, "A feed loss", "step"),
    Disturbance(7, "C header pressure loss, reduced availability", "step"),
    Disturbance(8, "A, B, C feed composition", "random variation"),
    Disturbance(9, "D feed temperature", "random variation"),
    Disturbance(10, "C feed temperature", "random variation"),
    Disturbance(11, "Reactor cooling water inlet temperature", "random variation"),
    Disturbance(12, "Condenser cooling water inlet temperature", "random variation"),
    Disturbance(13, "Reaction kinetics", "slow drift"),
    Disturbance(14, "Reactor cooling water valve", "sticking"),
    Disturbance(15, "Condenser cooling water valve", "sticking"),
    Disturbance(16, "Stripper steam heat transfer", "random variation"),
    Disturbance(17, "Reactor heat transfer", "random variation"),
    Disturbance(18, "Condenser heat transfer", "random variation"),
    Disturbance(19, "Valves 5, 7, 8 and 9", "sticking"),
    Disturbance(20, "Reactor outlet flow", "random variation"),
)
"""IDV 1 to 20; 16 to 20 are unnamed in the paper, their titles come from the model itself."""

VALVE_4_HELD: Final = Disturbance(21, "A and C feed valve held", "constant position")
"""The published benchmark's fault 21, which is none of the paper's; 2015's IDV 21 is another."""

DISTURBANCES_2015: Final[tuple[Disturbance, ...]] = (
    Disturbance(21, "A feed temperature", "random variation"),
    Disturbance(22, "E feed temperature", "random variation"),
    Disturbance(23, "A feed flow", "random variation"),
    Disturbance(24, "D feed flow", "random variation"),
    Disturbance(25, "E feed flow", "random variation"),
    Disturbance(26, "A and C feed flow", "random variation"),
    Disturbance(27, "Reactor cooling water flow", "random variation"),
    Disturbance(28, "Condenser cooling water flow", "random variation"),
)
"""IDV 21 to 28, which the revision of 2015 adds: Bathelt, Ricker and Jelali, "Revision of the
Tennessee Eastman process model", IFAC-PapersOnLine 48(8), 2015."""

TAGS: Final[Mapping[str, Tag]] = {tag.id: tag for tag in (*XMEAS, *XMV)}
"""Every variable by its id."""

TAG_IDS: Final[tuple[str, ...]] = tuple(TAGS)
"""In the order of a row of all variables."""

PLACES: Final[Mapping[str, int]] = {tag: place for place, tag in enumerate(TAG_IDS)}
"""Where each variable is in such a row."""

XMEAS_IDS: Final[tuple[str, ...]] = tuple(tag.id for tag in XMEAS)
XMV_IDS: Final[tuple[str, ...]] = tuple(tag.id for tag in XMV)
