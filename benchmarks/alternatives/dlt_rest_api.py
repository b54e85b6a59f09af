"""A pipeline of dlt's `rest_api` source, up to the end of its extraction: JSON lines in the pipeline's folder.

python -m benchmarks.alternatives.dlt_rest_api config.json folder campaigns campaign_analytics
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

# Neither statistics of use nor anything else leaves this machine.
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
# The other programs do not compress what they write either.
os.environ["DATA_WRITER__DISABLE_COMPRESSION"] = "true"

import dlt
from dlt.destinations import filesystem
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source

from benchmarks.alternatives.periods import EVENTS_WINDOW, ONE_DAY, windows

CAMPAIGN_LIST = "v1/get-user-campaigns"
ANALYTICS = "v2/statistics/campaign-analytics"
PAGE = 1000

Row = dict[str, Any]


def main(until: str, config: Row, folder: str, streams: Sequence[str]) -> None:
    """Extract these streams into a folder, and normalize them there if that is asked for."""
    pipeline = dlt.pipeline("snov", destination=filesystem(folder), dataset_name="snov", pipelines_dir=folder)
    pipeline.extract(rest_api_source(declared(config)).with_resources(*streams))
    if until == "normalize":
        pipeline.normalize()


def declared(config: Row) -> RESTAPIConfig:
    """The API as `rest_api` takes it."""
    return {
        "client": {
            "base_url": config["api_url"],
            "auth": {
                "type": "oauth2_client_credentials",
                "access_token_url": f"{config['api_url']}/v1/oauth/access_token",
                "client_id": config["client_id"],
                "client_secret": config["client_secret"],
            },
            "paginator": "single_page",
        },
        "resource_defaults": {"write_disposition": "replace"},
        "resources": [
            {"name": "campaigns", "primary_key": "id", "endpoint": CAMPAIGN_LIST},
            {
                "name": "campaign_analytics",
                "parallelized": True,
                "include_from_parent": ["id"],
                "endpoint": {
                    "path": ANALYTICS,
                    "params": {
                        "campaign_id": "{resources.campaigns.id}",
                        "date_from": config["start_date"],
                        "date_to": str(datetime.now(timezone.utc).date()),
                    },
                },
            },
            {
                "name": "campaign_progress",
                "parallelized": True,
                "include_from_parent": ["id"],
                "endpoint": "v2/campaigns/{resources.campaigns.id}/progress",
            },
            per_window("campaign_days", ONE_DAY),
            {
                "name": "campaign_analytics_daily",
                "parallelized": True,
                "include_from_parent": ["id", "first"],
                "endpoint": {
                    "path": ANALYTICS,
                    "params": {
                        "campaign_id": "{resources.campaign_days.id}",
                        "date_from": "{resources.campaign_days.first}",
                        "date_to": "{resources.campaign_days.last}",
                    },
                },
            },
            per_window("campaign_months", EVENTS_WINDOW),
            {
                "name": "campaign_recipients_activity",
                "parallelized": True,
                "include_from_parent": ["id"],
                "endpoint": {
                    "path": "v2/campaigns/{resources.campaign_months.id}/recipients-activity",
                    "params": {
                        "dateFrom": "{resources.campaign_months.first}",
                        "dateTo": "{resources.campaign_months.last}",
                    },
                    "data_selector": "data",
                    "paginator": {
                        "type": "offset",
                        "limit": PAGE,
                        "total_path": None,
                        "has_more_path": "pagination.has_more",
                    },
                },
            },
        ],
    }


def per_window(name: str, days: int) -> Any:
    """A resource that is not loaded: a row for each campaign and window of so many days."""
    return {
        "name": name,
        "selected": False,
        "endpoint": CAMPAIGN_LIST,
        "processing_steps": [{"yield_map": in_windows(days)}],
    }


def in_windows(days: int) -> Callable[[Row], Iterator[list[Row]]]:
    def rows(campaign: Row) -> Iterator[list[Row]]:
        # In a list, as pages are: a child takes a row by itself for a list of its keys.
        for first, last in windows(campaign["started_at"], days):
            yield [{"id": campaign["id"], "first": first, "last": last}]

    return rows


if __name__ == "__main__":
    main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), sys.argv[3], sys.argv[4:])
