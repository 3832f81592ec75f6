"""All dashboards, in the order in which they are listed.

Each links to all others, with the time that is shown and what is chosen.
"""

from __future__ import annotations

from typing import Final

from dashboards.alarms import ALARMS_DASHBOARD
from dashboards.anomaly_scores import ANOMALY_SCORES
from dashboards.model import Dashboard
from dashboards.pipeline_health import PIPELINE_HEALTH
from dashboards.plant_overview import PLANT_OVERVIEW

DASHBOARDS: Final[tuple[Dashboard, ...]] = (
    PLANT_OVERVIEW,
    ANOMALY_SCORES,
    ALARMS_DASHBOARD,
    PIPELINE_HEALTH,
)
