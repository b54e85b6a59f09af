"""A tap on the Singer SDK.

python -m benchmarks.alternatives.singer_tap --config config.json --discover > catalog.json
python -m benchmarks.alternatives.singer_tap --config config.json --catalog catalog.json
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

import requests
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import OAuthAuthenticator, SingletonMeta
from singer_sdk.pagination import OffsetPaginator

from benchmarks.alternatives.figures import COUNTS, WITH_RATE
from benchmarks.alternatives.periods import EVENTS_WINDOW, ONE_DAY, windows

PAGE = 1000

FIGURES = (
    *(th.Property(name, th.IntegerType) for name in COUNTS),
    *(th.Property(f"{name}_rate", th.StringType) for name in WITH_RATE),
)
CAMPAIGN_ID = th.Property("campaign_id", th.IntegerType, required=True)


class SnovAuthenticator(OAuthAuthenticator, metaclass=SingletonMeta):
    """One token for all streams."""

    @property
    def oauth_request_body(self) -> dict[str, Any]:
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }


class SnovStream(RESTStream[int]):
    """What all streams have in common."""

    @property
    def url_base(self) -> str:
        url: str = self.config["api_url"]
        return url

    @cached_property
    def authenticator(self) -> SnovAuthenticator:
        return SnovAuthenticator(
            client_id=self.config["client_id"],
            client_secret=self.config["client_secret"],
            auth_endpoint=f"{self.url_base}/v1/oauth/access_token",
        )


class Campaigns(SnovStream):
    name = "campaigns"
    path = "/v1/get-user-campaigns"
    primary_keys = ("id",)
    schema = th.PropertiesList(
        th.Property("id", th.IntegerType, required=True),
        th.Property("campaign", th.StringType),
        th.Property("list_id", th.IntegerType),
        th.Property("status", th.StringType),
        th.Property("created_at", th.IntegerType),
        th.Property("updated_at", th.IntegerType),
        th.Property("started_at", th.IntegerType),
        th.Property("hash", th.StringType),
    ).to_dict()

    def get_child_context(self, record: dict[str, Any], context: Any) -> dict[str, Any]:
        return {"campaign_id": record["id"], "started_at": record["started_at"]}


class OfCampaign(SnovStream):
    """A stream with records for each campaign."""

    parent_stream_type = Campaigns
    # A state for each campaign would be written with every record, and none of these streams has a bookmark.
    state_partitioning_keys = ()


class CampaignAnalytics(OfCampaign):
    name = "campaign_analytics"
    path = "/v2/statistics/campaign-analytics"
    records_jsonpath = "$"
    primary_keys = ("campaign_id",)
    schema = th.PropertiesList(CAMPAIGN_ID, *FIGURES).to_dict()

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        today = str(datetime.now(timezone.utc).date())
        return {"campaign_id": context["campaign_id"], "date_from": self.config["start_date"], "date_to": today}

    def post_process(self, row: dict[str, Any], context: Any = None) -> dict[str, Any]:
        return {"campaign_id": context["campaign_id"], **row}


class CampaignAnalyticsDaily(OfCampaign):
    name = "campaign_analytics_daily"
    path = "/v2/statistics/campaign-analytics"
    records_jsonpath = "$"
    primary_keys = ("campaign_id", "date")
    schema = th.PropertiesList(CAMPAIGN_ID, th.Property("date", th.DateType, required=True), *FIGURES).to_dict()

    def get_records(self, context: Any) -> Iterable[dict[str, Any]]:
        for day, _ in windows(context["started_at"], ONE_DAY):
            for row in super().get_records({**context, "date": day}):
                yield {"date": day, **row}

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        return {"campaign_id": context["campaign_id"], "date_from": context["date"], "date_to": context["date"]}

    def post_process(self, row: dict[str, Any], context: Any = None) -> dict[str, Any]:
        return {"campaign_id": context["campaign_id"], **row}


class CampaignProgress(OfCampaign):
    name = "campaign_progress"
    path = "/v2/campaigns/{campaign_id}/progress"
    records_jsonpath = "$"
    primary_keys = ("campaign_id",)
    schema = th.PropertiesList(
        CAMPAIGN_ID,
        th.Property("status", th.StringType),
        th.Property("unfinished", th.IntegerType),
        th.Property("progress", th.StringType),
    ).to_dict()

    def post_process(self, row: dict[str, Any], context: Any = None) -> dict[str, Any]:
        return {"campaign_id": context["campaign_id"], **row}


class EventPages(OffsetPaginator):
    """Pages until the API says that there are no more."""

    def has_more(self, response: requests.Response) -> bool:
        more: bool = response.json()["pagination"]["has_more"]
        return more


class CampaignRecipientsActivity(OfCampaign):
    name = "campaign_recipients_activity"
    path = "/v2/campaigns/{campaign_id}/recipients-activity"
    records_jsonpath = "$.data[*]"
    schema = th.PropertiesList(
        CAMPAIGN_ID,
        *(
            th.Property(name, th.StringType)
            for name in (
                *("event_time", "event_type", "sender_email", "email_subject", "recipient_email", "recipient_name"),
                *("phone", "industry", "country", "location", "company", "job_position", "hq_phone", "website"),
            )
        ),
    ).to_dict()

    def get_records(self, context: Any) -> Iterable[dict[str, Any]]:
        for first, last in windows(context["started_at"], EVENTS_WINDOW):
            yield from super().get_records({**context, "first": first, "last": last})

    def get_new_paginator(self) -> EventPages:
        return EventPages(start_value=0, page_size=PAGE)

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        return {"dateFrom": context["first"], "dateTo": context["last"], "limit": PAGE, "offset": next_page_token}

    def post_process(self, row: dict[str, Any], context: Any = None) -> dict[str, Any]:
        return {"campaign_id": context["campaign_id"], **row}


class TapSnov(Tap):
    name = "tap-snov"
    config_jsonschema = th.PropertiesList(
        th.Property("client_id", th.StringType, required=True),
        th.Property("client_secret", th.StringType, required=True, secret=True),
        th.Property("api_url", th.StringType, default="https://api.snov.io"),
        th.Property("start_date", th.DateType, required=True),
    ).to_dict()

    def discover_streams(self) -> list[SnovStream]:
        types = (Campaigns, CampaignAnalytics, CampaignAnalyticsDaily, CampaignProgress, CampaignRecipientsActivity)
        return [stream(self) for stream in types]


if __name__ == "__main__":
    TapSnov.cli()
