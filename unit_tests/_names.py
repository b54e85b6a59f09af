"""Names of streams and paths of the API, for tests and benchmarks.

Imports nothing heavy, because the system reports at least the benchmark's own memory for the processes it starts.
"""

from collections.abc import Sequence
from typing import Final

import yaml

from unit_tests._paths import ROOT, SCHEMAS

STREAMS = tuple(sorted(path.stem for path in SCHEMAS.glob("*.json")))
"""All streams."""

SUGGESTED: Final[Sequence[str]] = yaml.safe_load((ROOT / "metadata.yaml").read_text())["data"]["suggestedStreams"][
    "streams"
]
"""The streams that Airbyte suggests."""

ONE_PER_CAMPAIGN = ("campaigns", "campaign_analytics", "campaign_progress")
"""The streams with one record per campaign."""

DAILY = "campaign_analytics_daily"
ACTIVITY = "campaign_recipients_activity"

CORE = (*ONE_PER_CAMPAIGN, DAILY)
"""The streams without which a sync fails."""

TOKEN_PATH = "/v1/oauth/access_token"
CAMPAIGNS_PATH = "/v1/get-user-campaigns"
ANALYTICS_PATH = "/v2/statistics/campaign-analytics"
